"""Write docs/reference/commands.md, every command and option, from the program itself (and so from FIELDS).

.venv/bin/python docs/reference/commands.py > docs/reference/commands.md
"""

import inspect
import re
from typing import Any

from typer.main import get_command

from shoal.cli.app import app

HEAD = """# The command line

Written by `docs/reference/commands.py` from the program. Every command has `--help` with an example; `shoal train --help-all` shows the rare options too.
Where TABLE is `-`, standard input is read. How commands end: [exit codes](errors.md). What the options of the training do in
detail: [parameters](parameters.md).

"""


def page() -> str:
    """The page."""
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    links = "\n".join(
        f"- [`shoal {name}`](#shoal-{name}): {_first(c)}" for name, c in commands.items()
    )
    return HEAD + links + "\n\n" + "\n".join(_section(name, c) for name, c in commands.items())


def _first(command: Any) -> str:
    return inspect.cleandoc(command.help).splitlines()[0]


def _section(name: str, command: Any) -> str:
    first, _, rest = inspect.cleandoc(command.help).partition("\n\n")
    examples, _, more = rest.partition("\n\n")
    lines = [line.replace("Example:", "").strip() for line in examples.splitlines()]
    shown = "\n".join(f"    {line}" for line in lines)
    parts = [f"## shoal {name}\n\n{first}\n\n{shown}\n"]
    if more:
        parts.append(" ".join(more.split()).replace("*", r"\*") + "\n")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    rows = [f"| `{p.metavar or p.name.upper()}` | {_text(p.help)} | |" for p in arguments]
    rows += [f"| {_names(p)} | {_text(p.help)} | {_default(p)} |" for p in options]
    parts.append(
        "| argument or option | meaning | default |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )
    return "\n".join(parts)


def _names(p: Any) -> str:
    value = "" if p.is_flag or not (p.metavar or "").strip() else f" {p.metavar}"
    names = [*p.opts, *p.secondary_opts]
    return ", ".join(f"`{name}{value}`" for name in names).replace("|", r"\|")


def _default(p: Any) -> str:
    said = "by default" in (p.help or "").lower()
    if said or p.is_flag or p.default is None or callable(p.default) or p.default in ((), [], ""):
        return ""
    return f"`{p.default}`"


def _text(help: str | None) -> str:
    return re.sub(r"([|*<])", r"\\\1", help or "")


if __name__ == "__main__":
    print(page(), end="")
