"""`shoal export`: a model as a program of another language."""

from pathlib import Path
from typing import Any

from shoal import load
from shoal.cli.endings import fail
from shoal.cli.refuse import refuse_output
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.screen import Screen
from shoal.estimators.exporting import exported
from shoal.exports.checking import Check, checked
from shoal.exports.writing import Wanted, format_of, texts_of, write


def export(model: str, output: str, wanted: Wanted, *, as_json: bool) -> None:
    """Write the export, run it where possible, and print how far it is from the model."""
    form = format_of(output, wanted.to)
    refuse_output(output, (model,))
    fitted = load(model)
    description = exported(fitted.fitted_)
    texts = texts_of(description, output, wanted)
    write(texts)
    screen = Screen.of(as_json)
    for i, (file, text) in enumerate(texts.items()):
        screen.line("" if i else "written", f"{file}     {len(text) / 1000:,.0f} kB")
    try:
        check = checked(description, texts, form)
    except RuntimeError as error:
        fail(f"{output} was written, but does not run here: {error}")
    screen.line("check", str(check))
    if as_json:
        print_json(_report(form, list(texts), check))
    screen.done()


def _report(form: str, files: list[Path], check: Check) -> dict[str, Any]:
    return {"format": form, "files": [str(file) for file in files], "check": check._asdict()}
