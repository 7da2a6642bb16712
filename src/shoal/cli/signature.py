"""Commands whose arguments and options are generated from descriptions."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin

import typer

from shoal.cli.config import defaults_of
from shoal.cli.options import PANELS, Order, Parameters, Reading, file, option, option_of
from shoal.data.read.file_options import FileOptions
from shoal.errors import ShoalError
from shoal.kinds import REPEATED
from shoal.settings import FIELDS

Command = Callable[..., None]


def _configured(context: typer.Context, path: str | None) -> str | None:
    """Take what the file says as defaults. Typer calls this before it looks at other options."""
    try:
        context.default_map = defaults_of(path) if path else None
    except ShoalError as error:
        raise typer.BadParameter(str(error).rstrip(".")) from None
    return path


def _helped(context: typer.Context, wanted: bool) -> None:
    """Print the help with the rare options too."""
    if not wanted:
        return
    hidden = [one for one in context.command.params if getattr(one, "hidden", False)]
    for one in hidden:
        vars(one)["hidden"] = False
    try:
        typer.echo(context.get_help())
    finally:
        for one in hidden:
            vars(one)["hidden"] = True
    raise typer.Exit


HELP_ALL = option("--help-all", help="Show all options and exit.", callback=_helped, is_eager=True)
CONFIG = option(
    "--config", metavar="FILE", help="Read options from this file (.toml).", parser=file,
    callback=_configured, is_eager=True,
)  # fmt: skip


def asking(asked: type, parameters: Parameters) -> Callable[[Command], Command]:
    """Give a command of (order, parameters) an option for each field of `asked` and each parameter.

    `asked` is a dataclass such as `Order`; `parameters` are names in FIELDS with their defaults.
    """

    def generate(command: Command) -> Command:
        def run(**given: Any) -> None:
            """Of which `config` and `help_all` have done their work."""
            order = {
                field.name: tuple(given[field.name] or ()) if repeated(field) else given[field.name]
                for field in fields(asked)
            }
            command(asked(**order), {name: given[name] for name in parameters})

        described = [_parameter(name, default) for name, default in parameters.items()]
        described += [_described(field) for field in fields(asked)]
        described.append(_keyword("help_all", Annotated[bool, HELP_ALL], False))
        if asked is Order:
            described.append(_keyword("config", Annotated[str | None, CONFIG], None))
        described.sort(key=_panel)  # options of the order stand last in their panel
        return _with_signature(run, command, described)

    return generate


def reading(command: Command) -> Command:
    """Give a command that takes `files`, a FileOptions, the options of how files are read."""
    own = inspect.signature(command, eval_str=True).parameters
    described = [one for name, one in own.items() if name != "files"]
    described += [_described(field) for field in fields(Reading)]
    described.append(_keyword("help_all", Annotated[bool, HELP_ALL], False))

    def run(**given: Any) -> None:
        given.pop("help_all")
        files = FileOptions(**{field.name: given.pop(field.name) for field in fields(Reading)})
        command(**given, files=files)

    return _with_signature(run, command, described)


def _with_signature(
    run: Command, command: Command, described: Sequence[inspect.Parameter]
) -> Command:  # fmt: skip
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {each.name: each.annotation for each in described}
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in described]
    vars(run)["__signature__"] = inspect.Signature(keyword)
    return run


def repeated(field: "Field[Any]") -> bool:
    """Whether the option of an order's field can be given several times."""
    return get_origin(_kind(field)) is tuple


def _kind(field: "Field[Any]") -> Any:
    return get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type


def _described(field: "Field[Any]") -> inspect.Parameter:
    """The argument or option of an order's field; one called like a parameter is that parameter."""
    if field.name in FIELDS:
        return _parameter(field.name, None)
    kind, info = get_args(field.type)
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    if repeated(field):
        kind, default = list[str], default or None
    return _keyword(field.name, Annotated[kind, info], default)


def _parameter(name: str, default: Any) -> inspect.Parameter:
    """The option of a parameter of the estimators; one of several values can be repeated."""
    several = isinstance(FIELDS[name].kind, REPEATED)
    kind: Any = list[str] if several else str  # which typer does not look at: there is a parser
    return _keyword(name, Annotated[kind, option_of(FIELDS[name])], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _panel(parameter: inspect.Parameter) -> int:
    return PANELS.index(get_args(parameter.annotation)[1].rich_help_panel)
