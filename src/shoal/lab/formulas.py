"""A learner's function from its text, without a line of it being run by Python.

The text is parsed, and its formulas are computed one by one by what stands here: arithmetic on arrays and
the functions of NumPy that back-propagation needs. There is no other name, no loop and no import that does
anything, so a text can do nothing but compute; and its arrays are small. Whatever is not understood is
refused with its line.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from shoal.diagnosis.learner import Located, Raised, assigned_in
from shoal.errors import SettingError

MOST_TEXT = 8000  # characters
MOST_NODES = 3000  # of the parsed text
MOST_ENTRIES = 1_000_000  # of two operands, multiplied
LARGEST = 10**18  # of a whole number
NAMES = ("backward", "update")
ELSEWHERE = (
    "Here only formulas are computed; shoal.check_backward(backward) in Python takes any function"
)

BINARY: dict[type[ast.operator], tuple[Callable[..., Any], Callable[..., Any]]] = {
    ast.Add: (operator.add, operator.iadd),
    ast.Sub: (operator.sub, operator.isub),
    ast.Mult: (operator.mul, operator.imul),
    ast.Div: (operator.truediv, operator.itruediv),
    ast.Pow: (operator.pow, operator.ipow),
    ast.MatMult: (operator.matmul, operator.imatmul),
}  # fmt: skip
PAIRS: dict[str, Callable[..., Any]] = {
    "dot": np.dot, "matmul": np.matmul, "multiply": np.multiply, "divide": np.divide, "add": np.add,
    "subtract": np.subtract, "power": np.power, "maximum": np.maximum, "minimum": np.minimum,
}  # fmt: skip
SINGLE: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "mean": np.mean, "transpose": np.transpose, "tanh": np.tanh, "exp": np.exp,
    "log": np.log, "square": np.square, "sqrt": np.sqrt, "abs": np.abs, "copy": np.copy,
    "ones_like": np.ones_like, "zeros_like": np.zeros_like, "squeeze": np.squeeze,
}  # fmt: skip
# Of these the arguments that have names.
ALONG = {"sum": ("axis", "keepdims"), "mean": ("axis", "keepdims"), "squeeze": ("axis",)}
COPIES = ("copy", "deepcopy")  # of the module copy
MODULES = {"numpy", "copy"}


class Functions(NamedTuple):
    """The functions of a text; `update` may be missing."""

    backward: Callable[..., Any]
    update: Callable[..., Any] | None


def functions_of(text: str) -> Functions:
    """The functions that a text defines. Raises SettingError for what is no such text."""
    if len(text) > MOST_TEXT:
        raise SettingError(
            f"the text has {len(text):,} characters: expected at most {MOST_TEXT:,}."
        )
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SettingError(f"line {error.lineno or 1} is not Python: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise SettingError("the text cannot be parsed as Python.") from None
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise SettingError(
            "the text is too long: expected the functions backward and update alone."
        )
    functions = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in NAMES:
            functions[node.name] = _Function(node, text.splitlines())
        elif not (_is_import(node) or _is_text(node)):
            raise SettingError(
                f"line {node.lineno}: expected def backward(parameters, cache, X, Y), and perhaps def "
                "update(parameters, gradients, learning_rate), and nothing else."
            )
    if "backward" not in functions:
        raise SettingError("there is no function backward(parameters, cache, X, Y).")
    return Functions(functions["backward"], functions.get("update"))


class _Function:
    """One function; called, it computes its lines."""

    def __init__(self, node: ast.FunctionDef, lines: list[str]) -> None:
        plain = node.args
        if node.decorator_list or plain.vararg or plain.kwarg or plain.kwonlyargs or plain.defaults:
            raise SettingError(
                f"line {node.lineno}: expected names alone between the brackets of {node.name}."
            )
        self._node, self._lines = node, lines
        self._names = [argument.arg for argument in (*plain.posonlyargs, *plain.args)]

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) != len(self._names):
            self._fail(
                self._node,
                TypeError(f"it is given {len(arguments)} arguments, and takes {len(self._names)}"),
            )
        values = dict(zip(self._names, arguments, strict=True))
        for statement in self._node.body:
            if isinstance(statement, ast.Return):
                return None if statement.value is None else self._at(statement, values)
            self._at(statement, values)
        return None

    def _at(self, statement: ast.stmt, values: dict[str, Any]) -> Any:
        """Compute a line; what fails there says so with it."""
        try:
            if isinstance(statement, ast.Return):
                assert statement.value is not None
                return _value(statement.value, values)
            _do(statement, values)
        except Exception as error:  # of a learner's formula: shapes that do not fit, say
            self._fail(statement, error)
        return None

    def _fail(self, node: ast.stmt, error: Exception) -> None:
        source = self._lines[node.lineno - 1].strip()
        text = str(error).partition("\n")[0].strip('"')
        raised = Raised(type(error).__name__, text, node.lineno, source, assigned_in(source))
        raise Located(raised) from None


class NotUnderstood(Exception):
    """Something that may be good Python, and is none of the formulas that are computed here."""


def _do(statement: ast.stmt, values: dict[str, Any]) -> None:
    if isinstance(statement, ast.Assign):
        value = _value(statement.value, values)
        for target in statement.targets:
            _assign(target, value, values)
    elif isinstance(statement, ast.AugAssign):
        # As Python does it: an array is changed in place, whoever else has it.
        both = _operands(_value(_read(statement.target), values), _value(statement.value, values))
        _assign(statement.target, _of(BINARY, statement.op)[1](*both), values)
    elif not (
        _is_text(statement) or _is_import(statement) or isinstance(statement, ast.Pass | ast.Assert)
    ):
        raise NotUnderstood(f"{_name(statement)} is not understood. {ELSEWHERE}")


def _assign(target: ast.expr, value: Any, values: dict[str, Any]) -> None:
    if isinstance(target, ast.Name):
        values[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        found = list(value)
        if len(found) != len(target.elts):
            raise ValueError(f"expected {len(target.elts)} values, found {len(found)}")
        for each, part in zip(target.elts, found, strict=True):
            _assign(each, part, values)
    elif isinstance(target, ast.Subscript):
        holder = _value(target.value, values)
        key = _index(target.slice, values)
        if not isinstance(holder, np.ndarray if not isinstance(key, str) else dict):
            raise NotUnderstood(f"an entry of this cannot be assigned. {ELSEWHERE}")
        holder[key] = value
    else:
        raise NotUnderstood(f"{_name(target)} cannot be assigned here. {ELSEWHERE}")


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """What an expression says."""
    kinds: dict[type, Callable[[Any, Mapping[str, Any]], Any]] = {
        ast.Constant: _constant, ast.Name: _named, ast.BinOp: _binary, ast.UnaryOp: _unary,
        ast.Attribute: _attribute, ast.Subscript: _entry, ast.Call: _call, ast.Dict: _dictionary,
        ast.Tuple: _several, ast.List: _several,
    }  # fmt: skip
    if type(node) not in kinds:
        raise NotUnderstood(f"{_name(node)} is not understood. {ELSEWHERE}")
    return kinds[type(node)](node, values)


def _constant(node: ast.Constant, values: Mapping[str, Any]) -> Any:
    if not isinstance(node.value, int | float | str | None):
        raise NotUnderstood(f"{node.value!r} is not understood. {ELSEWHERE}")
    return node.value


def _named(node: ast.Name, values: Mapping[str, Any]) -> Any:
    if node.id not in values:
        raise NameError(f"name '{node.id}' is not defined")
    return values[node.id]


def _binary(node: ast.BinOp, values: Mapping[str, Any]) -> Any:
    both = _operands(_value(node.left, values), _value(node.right, values))
    return _of(BINARY, node.op)[0](*both)


def _unary(node: ast.UnaryOp, values: Mapping[str, Any]) -> Any:
    V = _number(_value(node.operand, values))
    if isinstance(node.op, ast.USub):
        return -V
    if isinstance(node.op, ast.UAdd):
        return V
    raise NotUnderstood(f"{_name(node.op)} is not understood. {ELSEWHERE}")


def _operands(left: Any, right: Any) -> tuple[Any, Any]:
    left, right = _number(left), _number(right)
    if np.size(left) * np.size(right) > MOST_ENTRIES:
        raise NotUnderstood("the arrays are too large")
    return left, right


def _number(value: Any) -> Any:
    """An array or a number; whole numbers become floats, which cannot grow without end."""
    if isinstance(value, np.ndarray | np.floating):
        return value
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST):
        return np.float64(value)
    raise TypeError(f"expected an array or a number, found {type(value).__name__}")


def _attribute(node: ast.Attribute, values: Mapping[str, Any]) -> Any:
    holder, name = _value(node.value, values), node.attr
    if isinstance(holder, np.ndarray) and name in ("T", "shape", "size", "ndim"):
        return getattr(holder, name)
    if isinstance(holder, Mapping) and name in holder:
        return holder[name]
    if isinstance(holder, tuple) and name in getattr(holder, "_fields", ()):
        return getattr(holder, name)
    raise AttributeError(f"'{type(holder).__name__}' has no attribute '{name}' here")


def _entry(node: ast.Subscript, values: Mapping[str, Any]) -> Any:
    holder, key = _value(node.value, values), _index(node.slice, values)
    if isinstance(holder, Mapping) and isinstance(key, str):
        return holder[key]
    if isinstance(holder, np.ndarray | tuple) and not isinstance(key, str):
        return holder[key]
    raise TypeError(f"'{type(holder).__name__}' has no entry {key!r}")


def _index(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """A word, a whole number, a slice, or several of the last two."""
    if isinstance(node, ast.Tuple):
        return tuple(_index(each, values) for each in node.elts)
    if isinstance(node, ast.Slice):
        ends = (node.lower, node.upper, node.step)
        return slice(*(None if end is None else _index(end, values) for end in ends))
    key = _value(node, values)
    if isinstance(key, str):
        return key
    if isinstance(key, int | float) and key == int(key):
        return int(key)
    raise NotUnderstood(f"expected a word, a whole number or a slice between the [ ]. {ELSEWHERE}")


def _dictionary(node: ast.Dict, values: Mapping[str, Any]) -> dict[str, Any]:
    if any(key is None for key in node.keys):
        raise NotUnderstood(f"** is not understood here. {ELSEWHERE}")
    pairs = zip(node.keys, node.values, strict=True)
    return {str(_value(key, values)): _value(value, values) for key, value in pairs if key}


def _several(node: ast.Tuple | ast.List, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_value(each, values) for each in node.elts)


def _call(node: ast.Call, values: Mapping[str, Any]) -> Any:
    if any(keyword.arg is None for keyword in node.keywords):
        raise NotUnderstood(f"** is not understood here. {ELSEWHERE}")
    named = {str(keyword.arg): _value(keyword.value, values) for keyword in node.keywords}
    given = [_value(argument, values) for argument in node.args]
    function = node.func
    if isinstance(function, ast.Attribute):
        module = function.value.id if isinstance(function.value, ast.Name) else ""
        if module == "copy" and function.attr in COPIES and module not in values:
            return _copied(*given)
        if module in ("np", "numpy") and module not in values:
            return _numpy(function.attr, given, named)
        return _numpy(function.attr, [_value(function.value, values), *given], named)
    if isinstance(function, ast.Name) and function.id == "dict" and not given:
        return named
    if isinstance(function, ast.Name) and function.id == "float" and len(given) == 1:
        return _number(given[0])
    raise NotUnderstood(f"this function is not known. {ELSEWHERE}")


def _numpy(name: str, given: list[Any], named: dict[str, Any]) -> Any:
    """One of NumPy's functions, or the method of that name."""
    if name in PAIRS and len(given) == 2 and not named:
        return PAIRS[name](*_operands(*given))
    if name in SINGLE and given and set(named) <= set(ALONG.get(name, ())):
        if len(given) == 2 and name in ALONG and "axis" not in named:
            named, given = {"axis": given[1], **named}, given[:1]
        if len(given) == 1:
            if name == "copy" and isinstance(given[0], Mapping):
                return dict(given[0])
            axes = {k: int(v) if k == "axis" and v is not None else v for k, v in named.items()}
            return SINGLE[name](_number(given[0]), **axes)
    if name == "reshape" and given and not named:
        sizes = given[1] if len(given) == 2 and isinstance(given[1], tuple) else given[1:]
        return np.reshape(_number(given[0]), tuple(int(size) for size in sizes))
    known = ", ".join(sorted({*PAIRS, *SINGLE, "reshape"}))
    raise NotUnderstood(f"{name}(…) is not known so; known are {known}. {ELSEWHERE}")


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: np.copy(V) for name, V in value.items()}
    return np.copy(_number(value))


def _read(target: ast.expr) -> ast.expr:
    """The same as what it says now: an AST tells reading from writing."""
    return ast.parse(ast.unparse(target), mode="eval").body


def _of(known: dict[Any, Any], op: ast.operator) -> Any:
    if type(op) not in known:
        raise NotUnderstood(f"{_name(op)} is not understood. {ELSEWHERE}")
    return known[type(op)]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import) and {alias.name for alias in node.names} <= MODULES


def _name(node: ast.AST) -> str:
    words = {
        "For": "a loop", "While": "a loop", "If": "if", "Lambda": "lambda", "IfExp": "if … else",
        "ListComp": "a loop in brackets", "Compare": "a comparison", "With": "with", "Try": "try",
        "Import": "this import", "ImportFrom": "this import", "FunctionDef": "a function in a function",
        "Expr": "a line that computes nothing", "Delete": "del", "Global": "global",
    }  # fmt: skip
    return words.get(type(node).__name__, type(node).__name__)
