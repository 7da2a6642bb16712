"""Commands whose arguments and options are generated from descriptions."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin

from shoal.cli.options import PANELS, Parameters, option_of
from shoal.settings import FIELDS, REPEATED

Command = Callable[..., None]


def asking(asked: type, parameters: Parameters) -> Callable[[Command], Command]:
    """Give a command of (order, parameters) an option for each field of `asked` and each parameter.

    `asked` is a dataclass such as `Order`; `parameters` are names in FIELDS with their defaults.
    """

    def generate(command: Command) -> Command:
        def run(**given: Any) -> None:
            order = {
                field.name: tuple(given[field.name] or ()) if repeated(field) else given[field.name]
                for field in fields(asked)
            }
            command(asked(**order), {name: given[name] for name in parameters})

        described = [_parameter(name, default) for name, default in parameters.items()]
        described += [_described(field) for field in fields(asked)]
        described.sort(key=_panel)  # options of the order stand last in their panel
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {each.name: each.annotation for each in described}
        vars(run)["__signature__"] = inspect.Signature(described)
        return run

    return generate


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
    """The option of a parameter of the estimators; one that names columns or texts can be repeated."""
    several = isinstance(FIELDS[name].kind, REPEATED)
    kind: Any = list[str] if several else str  # which typer does not look at: there is a parser
    return _keyword(name, Annotated[kind, option_of(FIELDS[name])], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _panel(parameter: inspect.Parameter) -> int:
    return PANELS.index(get_args(parameter.annotation)[1].rich_help_panel)
