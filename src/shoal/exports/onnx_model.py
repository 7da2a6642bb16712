"""ONNX: one graph from raw values to predictions.

    an input for each column, (N, 1)   →   numbers, places in bins, marks; codes
    numbers × W, and for each code a row of a table of W   →   hidden units of all members
    (members, N, units)   →   A2 of each member   →   their mean   →   label, probabilities

All arithmetic is in double; weights are kept in their own precision. Inputs of the network and its
answers are rounded to that precision, as in the model.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.encoding import PARTS, Number, Time, Words
from shoal.errors import SettingError
from shoal.exports.graph import INTERNAL, IR, ML, ML_OPSET, OPSET, Graph
from shoal.exports.header import title_of
from shoal.exports.model import Classes, Model, Placed, Raw, Values
from shoal.exports.names import identifier
from shoal.exports.numerics import LEAK
from shoal.network.outputs import LARGEST_LOGARITHM

OUTPUTS = {"label", "labels", "probabilities", "prediction"}
MATRIX = "X"  # the only input of a model of numbers without names and encoding


class Terms(NamedTuple):
    """What the first layer sees: columns of a matrix with their rows of W; and sums of it by codes."""

    columns: list[str]
    rows: list[int]
    sums: list[str]


def onnx_model(model: Model) -> bytes:
    """The bytes of the file. Raises SettingError where ONNX cannot hold the model."""
    return Writer(model).written().SerializeToString(deterministic=True)


def input_names(model: Model) -> list[str]:
    """The name of each column's input: its own, where runtimes take that as a name."""
    found: list[str] = []
    for placed in model.placed:
        name = placed.plan.name
        usual = name.isprintable() and name.strip() and not name.startswith(INTERNAL)
        word = base = name if usual else identifier(name)
        count = 2
        while word in found or word in OUTPUTS:
            word, count = f"{base}_{count}", count + 1
        found.append(word)
    return found


class Writer:
    """Writes the graph of a model."""

    def __init__(self, model: Model) -> None:
        self.model, self.graph = model, Graph()
        self.names = input_names(model)
        first = model.first_layer
        self.W = np.concatenate([W for W, _ in first]).T  # (inputs, members × units)
        self.b = np.concatenate([b.ravel() for _, b in first])

    def _described(self, inputs: list[Any], outputs: list[Any]) -> Any:
        """The graph with what it says of itself."""
        helper = self.graph.onnx.helper
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        made = helper.make_graph(
            self.graph.nodes, "shoal", inputs, outputs, self.graph.constants, title_of(self.model)
        )
        found = helper.make_model(made, opset_imports=opsets, ir_version=IR, producer_name="shoal")
        helper.set_model_props(found, self._properties())
        return found

    def written(self) -> Any:
        """All of it, as the package `onnx` has it."""
        inputs = list(self._inputs())
        terms = self._matrix() if self._is_matrix() else self._terms()
        z = self._weighted(terms)
        return self._described(inputs, list(self._answers(self._average(z))))

    def _is_matrix(self) -> bool:
        return all(isinstance(placed.plan, Raw) for placed in self.model.placed)

    def _properties(self) -> dict[str, str]:
        model = self.model
        columns = [
            {"name": placed.plan.name, "kind": placed.plan.kind, "input": name}
            for placed, name in zip(model.placed, self.names, strict=True)
        ]
        said: dict[str, Any] = {"fingerprint": model.fingerprint, "columns": columns}
        if isinstance(model.answer, Classes):
            said["classes"] = list(model.answer.names)
        said["golden_rows"] = [dict(row) for row in model.golden.rows]
        said["golden_answers"] = model.golden.answers.astype(np.float64).tolist()
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in said.items()}

    # --- the inputs -------------------------------------------------------------------------

    def _inputs(self) -> Iterator[Any]:
        info, kinds = self.graph.onnx.helper.make_tensor_value_info, self.graph.onnx.TensorProto
        if self._is_matrix():
            yield info(MATRIX, kinds.DOUBLE, ["N", max(self.model.n_numbers, 1)])
            return
        for placed, name in zip(self.model.placed, self.names, strict=True):
            kind = kinds.STRING if isinstance(placed.plan, Words) else kinds.DOUBLE
            yield info(name, kind, ["N", 1])

    def _rounded(self, x: str) -> str:
        """In the precision of the network, and as a double again."""
        single = self.model.dtype == np.float32
        return self.graph.cast(self.graph.cast(x, np.float32), np.float64) if single else x

    def _matrix(self) -> Terms:
        """Numbers as they are; of a table in which nothing varies they count 0 times."""
        x = self._rounded(MATRIX)
        if not self.model.placed:
            x = self.graph.node("Mul", x, self.graph.constant(0.0))
        return Terms([x], list(range(self.model.n_numbers)), [])

    def _terms(self) -> Terms:
        terms = Terms([], [], [])
        for placed, name in zip(self.model.placed, self.names, strict=True):
            match placed.plan:
                case Words():
                    self._words(placed, name, terms)
                case Number() | Time():
                    self._number(placed, name, terms)
        return terms

    def _words(self, placed: Placed, x: str, terms: Terms) -> None:
        plan, group = placed.plan, self.model.groups[placed.groups[0]]
        assert isinstance(plan, Words)
        if "" in plan.words:
            raise SettingError(
                f'the column "{plan.name}" has the empty text as a category, which is a missing '
                "value in ONNX: replace one of the two before fit."
            )
        n = len(plan.words)
        none = n + plan.rare + plan.holes
        missing = n + plan.rare if plan.holes else none
        code = self.graph.node(
            "LabelEncoder", x, domain=ML,
            keys_strings=[w.encode("utf-8", "surrogatepass") for w in ("", *plan.words)],
            values_int64s=[missing, *range(n)], default_int64=n if plan.rare else none,
        )  # fmt: skip
        terms.sums.append(self._looked_up(code, group.first, group.columns))

    def _looked_up(self, code: str, first: int, columns: int) -> str:
        """The row of W for each code, (N, units); beyond the columns it is 0."""
        own = np.vstack([self.W[first : first + columns], np.zeros_like(self.W[:1])])
        table = self._weights(own)
        return self.graph.node("Gather", table, self._flat(code), axis=0)

    def _flat(self, x: str) -> str:
        return self.graph.node("Reshape", x, self.graph.constant([-1], np.int64))

    def _weights(self, values: NDArray[Any]) -> str:
        return self.graph.cast(self.graph.constant(values, self.model.dtype), np.float64)

    def _number(self, placed: Placed, x: str, terms: Terms) -> None:
        g, plan = self.graph, placed.plan
        assert isinstance(plan, Number | Time)
        missing = g.node("IsNaN", x)
        z = self._or_zero(missing, self._scaled(x, plan.mean, plan.scale))
        terms.columns.append(self._rounded(z))
        terms.rows.append(placed.number)
        groups = [self.model.groups[at] for at in placed.groups]
        if isinstance(plan, Time):
            known = self._or_zero(missing, x)
            for part, group in zip(plan.parts, groups, strict=False):
                code = g.cast(_part(g, part, known), np.int64)
                code = g.node("Where", missing, g.constant(PARTS[part], np.int64), code)
                terms.sums.append(self._looked_up(code, group.first, group.columns))
        elif plan.edges:
            self._places(x, missing, plan.edges, groups[0].first, terms)
        if plan.holes:
            terms.columns.append(g.cast(missing, np.float64))
            terms.rows.append(groups[-1].first + groups[-1].columns - 1)

    def _places(
        self, x: str, missing: str, edges: tuple[float, ...], first: int, terms: Terms
    ) -> None:
        """Its place in each bin: 0 below, 1 above, and for a missing value 0."""
        g, e = self.graph, np.array(edges)
        at = self._scaled(x, e[:-1], np.diff(e))
        at = g.node("Max", g.node("Min", at, g.constant(1.0)), g.constant(0.0))
        terms.columns.append(self._rounded(self._or_zero(missing, at)))
        terms.rows.extend(range(first, first + len(edges) - 1))

    def _scaled(self, x: str, mean: Any, scale: Any) -> str:
        g = self.graph
        return g.node("Div", g.node("Sub", x, g.constant(mean)), g.constant(scale))

    def _or_zero(self, missing: str, x: str) -> str:
        return self.graph.node("Where", missing, self.graph.constant(0.0), x)

    # --- the network ------------------------------------------------------------------------

    def _weighted(self, terms: Terms) -> str:
        """Z of the first layer, of all members: (N, members × units)."""
        g, sums = self.graph, list(terms.sums)
        if terms.columns:
            W = self._weights(self.W[terms.rows])
            sums.insert(0, g.node("MatMul", g.beside(terms.columns), W))
        return g.node("Add", g.added(sums), self._weights(self.b))

    def _average(self, z: str) -> str:
        """The members' mean of A2, (N, outputs)."""
        g, shape, members = self.graph, self.model.architecture, len(self.model.members)
        cut = g.constant([-1, members, shape.n_h or shape.n_y], np.int64)
        z = g.node("Transpose", g.node("Reshape", z, cut), perm=[1, 0, 2])
        if shape.n_h:
            W2 = np.stack([p.W2.T for p in self.model.members])  # (members, units, outputs)
            b2 = np.stack([p.b2.T for p in self.model.members])
            z = g.node("MatMul", self._activated(z, shape.activation), self._weights(W2))
            z = g.node("Add", z, self._weights(b2))
        if shape.output == "sigmoid":
            z = g.node("Sigmoid", z)
        elif shape.output == "softmax":
            z = g.node("Softmax", z, axis=-1)
        elif shape.output == "poisson":
            z = g.node("Exp", g.node("Min", z, g.constant(LARGEST_LOGARITHM)))
        return g.node("ReduceMean", z, axes=[0], keepdims=0)

    def _activated(self, z: str, activation: str) -> str:
        known = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}
        if activation == "identity":
            return z
        if activation == "leaky_relu":  # LeakyRelu takes no doubles: the larger of the two lines
            leak = self.graph.constant(float(self.model.dtype.type(LEAK)))
            return self.graph.node("Max", z, self.graph.node("Mul", z, leak))
        return self.graph.node(known[activation], z)

    # --- the answer ---------------------------------------------------------------------------

    def _answers(self, a: str) -> Iterator[Any]:
        g, answer, n = self.graph, self.model.answer, self.model.golden.answers.shape[1]
        info, kinds = g.onnx.helper.make_tensor_value_info, g.onnx.TensorProto
        if isinstance(answer, Values):
            scaled = g.node("Mul", a, g.constant(answer.scales))
            g.node("Add", scaled, g.constant(answer.means), name="prediction")
            yield info("prediction", kinds.DOUBLE, ["N", n])
            return
        chosen = self._chosen(a, answer)
        if answer.labels:
            g.node("Identity", chosen, name="labels")
            yield info("labels", kinds.INT64, ["N", n])
        else:
            g.node("Gather", g.texts(answer.names), chosen, name="label")
            yield info("label", kinds.STRING, ["N"])
        if self.model.architecture.n_y == 1:
            a = g.beside([g.node("Sub", g.constant(1.0), a), a])
        g.cast(a, self.model.dtype, name="probabilities")
        single = self.model.dtype == np.float32
        yield info("probabilities", kinds.FLOAT if single else kinds.DOUBLE, ["N", n])

    def _chosen(self, a: str, answer: Classes) -> str:
        """The number of the class, (N,); or 0 and 1 for each label."""
        g = self.graph
        if answer.labels or self.model.architecture.n_y == 1:
            threshold = g.constant(answer.threshold_in(self.model.dtype))
            yes = g.cast(g.node("Greater", a, threshold), np.int64)
            return yes if answer.labels else self._flat(yes)
        return g.node("ArgMax", a, axis=1, keepdims=0)


def _part(g: Graph, part: str, seconds: str) -> str:
    """The month, weekday or hour, from 0 on; as doubles, in which all of this is exact."""

    def whole(x: str, by: float) -> str:
        return g.node("Floor", g.node("Div", x, g.constant(by)))

    def minus(x: str, y: str, times: float = 1.0) -> str:
        return g.node("Sub", x, g.node("Mul", y, g.constant(times)))

    def plus(x: str, by: float) -> str:
        return g.node("Add", x, g.constant(by))

    days = whole(seconds, 86400)
    if part == "hour":
        return whole(minus(g.node("Floor", seconds), days, 86400), 3600)
    if part == "weekday":
        days = plus(days, 3)  # 1 January 1970 was a Thursday; Monday is 0
        return minus(days, whole(days, 7), 7)
    # Hinnant, "chrono-compatible low-level date algorithms", 2013: years begin in March.
    days = plus(days, 719468)
    day = minus(days, whole(days, 146097), 146097)
    leap = minus(g.node("Add", whole(day, 1460), whole(day, 146096)), whole(day, 36524))
    year = whole(minus(day, leap), 365)
    day = minus(g.node("Add", minus(day, year, 365), whole(year, 100)), whole(year, 4))
    march = whole(plus(g.node("Mul", day, g.constant(5.0)), 2), 153)
    return minus(plus(march, 2), whole(plus(march, 2), 12), 12)
