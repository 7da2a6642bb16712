"""What the binding refuses: nothing is converted, and no length or index leads outside an array.

Each test starts from a call that works and spoils one argument.
"""

import numpy as np
import pytest

from shoal.compute import kernel
from shoal.compute.builds import BUILD
from shoal.compute.builds import compiled as k
from shoal.compute.steps import Budget, Rule, start
from shoal.data.encode.coded import Coded, Group
from shoal.data.rows.examples import Examples
from shoal.data.rows.sparse import Sparse
from shoal.network.architecture import Architecture

pytestmark = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")

M, N_X, N_H, N_Y = 40, 6, 5, 3
SIZE = N_X * N_H + N_H + N_H * N_Y + N_Y
GROUPS = ((3, 2), (2, 0))
CODED_X = N_X - 5
KINDS = ["dense", "coded", "sparse"]


def shape(kind="dense", **other):
    groups = {"dense": (), "coded": GROUPS, "sparse": ((N_X, 0),)}[kind]
    given = {
        "n_x": N_X,
        "n_h": N_H,
        "n_y": N_Y,
        "activation": k.Activation.tanh,
        "output": k.Output.softmax,
        "groups": groups,
        "entries": 2 if kind == "sparse" else 0,
    }
    return k.Shape(**(given | other))


def settings(**other):
    given = {
        "solver": k.Solver.adam, "learning_rate": 0.01, "momentum": 0.9, "beta1": 0.9,
        "beta2": 0.999, "epsilon": 1e-8, "penalty": 0.0, "batch_size": 8, "key": 1,
        "first_epoch": 0, "n_epochs": 2, "plateau_tol": 0.0, "patience": 0,
        "converged_tol": -1.0, "decay": 0.0, "horizon": 0, "dropout": 0.0,
    }  # fmt: skip
    return k.Settings(**(given | other))


def rows_of(kind, T):
    """X, codes, places and sparse, each M rows."""
    rng = np.random.default_rng(1)
    if kind == "coded":
        codes = np.stack([rng.integers(0, 4, M), rng.integers(0, 3, M)], axis=1).astype(np.uint16)
        numbers = rng.standard_normal((M, CODED_X)).astype(T)
        return {
            "X": numbers,
            "codes": codes,
            "places": rng.random((M, 1)).astype(T),
            "sparse": None,
        }
    dense = rng.standard_normal((M, N_X if kind == "dense" else 0)).astype(T)
    sparse = entries(T) if kind == "sparse" else None
    return {"X": dense, "codes": None, "places": None, "sparse": sparse}


def entries(T, **other):
    """Two numbers in each row."""
    given = {
        "starts": np.arange(0, 2 * M + 1, 2, dtype=np.int64),
        "columns": (np.arange(2 * M) % N_X).astype(np.uint32),
        "values": np.ones(2 * M, T),
    }
    return {np.float32: k.SparseFloat, np.float64: k.SparseDouble}[T](**(given | other))


def call(function, T=np.float32, kind="dense"):
    """The arguments of a call that works."""
    W = np.linspace(-1, 1, SIZE).astype(T)
    targets = {
        "Y": None,
        "labels": (np.arange(M) % N_Y).astype(np.int32),
        "weights": np.ones(M, T),
        "rows": np.arange(M, dtype=np.uint32)[::-1].copy(),
    }
    last = {"threads": 1, "stop": k.StopFlag()}
    if function == "train":
        return (
            {"shape": shape(kind), "settings": settings(), **rows_of(kind, T), **targets}
            | {"parameters": W, "state": np.zeros(2 * SIZE, T), "best": W.copy()}
            | {"losses": np.full(2, 7.0), "progress": k.Progress(np.inf, 0, 1.0, 1.0), **last}
        )
    if function == "sums":
        given = {"shape": shape(kind), "parameters": W, **rows_of(kind, T), **targets}
        return given | {"out": np.full(SIZE + 2, 7.0), "gradients": True, **last}
    if function == "predict":
        given = {"shape": shape(kind), "parameters": W, **rows_of(kind, T)}
        results = {"Z1": N_H, "A1": N_H, "Z2": N_Y, "A2": N_Y}
        return given | {name: np.full((n, M), 7, T) for name, n in results.items()} | last
    if function == "step":
        return {
            "shape": shape(), "settings": settings(), "sums": np.ones(SIZE), "weight": 1.0,
            "parameters": W, "state": np.zeros(2 * SIZE, T),
            "progress": k.Progress(np.inf, 0, 1.0, 1.0),
        }  # fmt: skip
    return {
        "apply": lambda: {"name": "exp", "x": W, "out": np.full_like(W, 7)},
        "dot": lambda: {"x": np.ones(9), "y": np.ones(9)},
        "sums_about": lambda: {
            "shift": 1.0, "x": np.ones(9), "weights": np.ones(9), "out": np.zeros(3),
        },
        "order": lambda: {"m": 9, "key": 1, "epoch": 2, "out": np.full(9, 7, np.uint32)},
    }[function]()  # fmt: skip


WITH_EXAMPLES = ["train", "sums", "predict"]
FUNCTIONS = [*WITH_EXAMPLES, "step", "apply", "dot", "sums_about", "order"]
RESULTS = {
    "train": ["parameters", "state", "best", "losses"], "sums": ["out"], "step": ["parameters", "state"],
    "predict": ["Z1", "A1", "Z2", "A2"], "apply": ["out"], "sums_about": ["out"], "order": ["out"],
}  # fmt: skip


def every_call():
    for function in FUNCTIONS:
        for kind in KINDS if function in WITH_EXAMPLES else ["dense"]:
            for T in (np.float32, np.float64):
                yield function, kind, T


def arrays():
    """Each array argument of each function, in each of its forms and precisions."""
    if BUILD == "plain":
        return
    for function, kind, T in every_call():
        for name, value in call(function, T, kind).items():
            if isinstance(value, np.ndarray):
                yield pytest.param(
                    function, kind, T, name, id=f"{function}-{kind}-{T.__name__}-{name}"
                )


every_array = pytest.mark.parametrize(("function", "kind", "T", "name"), [*arrays()])


def run(function, given):
    return getattr(k, function)(*given.values())


def refused(function, given, error, *, message=None):
    """The call raises, and writes into no result."""
    results = [x for x in map(given.get, RESULTS.get(function, [])) if isinstance(x, np.ndarray)]
    before = [x.copy() for x in results]
    with pytest.raises(error, match=message):
        run(function, given)
    for found, expected in zip(results, before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_calls_that_are_spoilt_below_work(function):
    for name, kind, T in every_call():
        if name == function:
            run(function, call(function, T, kind))


@every_array
def test_another_type_of_number(function, kind, T, name):
    for other in (
        np.float16,
        np.float32,
        np.float64,
        np.int32,
        np.uint32,
        np.int64,
        np.uint16,
        bool,
    ):
        given = call(function, T, kind)
        if given[name].dtype == other:
            continue
        given[name] = given[name].astype(other)
        refused(function, given, TypeError)


@every_array
def test_another_byte_order(function, kind, T, name):
    given = call(function, T, kind)
    given[name] = given[name].astype(given[name].dtype.newbyteorder())
    refused(function, given, TypeError)


@every_array
def test_another_rank(function, kind, T, name):
    for change in (lambda x: x[np.newaxis], lambda x: x.reshape(-1, 1, 1), lambda x: x.reshape(-1)):
        given = call(function, T, kind)
        other = change(given[name])
        if other.ndim != given[name].ndim:
            given[name] = other
            refused(function, given, TypeError)


@every_array
def test_strided_views_and_fortran_order(function, kind, T, name):
    given = call(function, T, kind)
    whole = given[name]
    if whole.size < 2:
        return
    twice = np.repeat(whole, 2, axis=-1)[..., ::2]
    views = [twice, whole[..., ::-1]] if whole.shape[-1] > 1 else [np.repeat(whole, 2, axis=0)[::2]]
    if whole.ndim == 2 and min(whole.shape) > 1:
        views.append(np.asfortranarray(whole))
    for view in views:
        assert view.shape == whole.shape
        given[name] = view
        refused(function, given, TypeError)


@every_array
def test_another_length(function, kind, T, name):
    for axis in range(call(function, T, kind)[name].ndim):
        for change in (-1, 1):
            given = call(function, T, kind)
            if name == "rows" and change < 0:
                continue  # fewer rows are another call that works
            if name == "x" and function == "apply":
                continue  # it is `out` that does not fit
            length = given[name].shape[axis] + change
            if length < 0:
                continue
            given[name] = np.ascontiguousarray(np.resize(given[name], [
                length if i == axis else n for i, n in enumerate(given[name].shape)
            ]))  # fmt: skip
            if name == "rows":
                given[name][-1] = M
            refused(function, given, ValueError, message="expected .*, found")


@every_array
def test_memory_that_is_not_aligned(function, kind, T, name):
    given = call(function, T, kind)
    whole = given[name]
    if not whole.size:
        return
    raw = np.zeros(whole.nbytes + 1, np.uint8)
    given[name] = raw[1:].view(whole.dtype).reshape(whole.shape)
    given[name][:] = whole
    refused(function, given, (TypeError, ValueError))


@pytest.mark.parametrize(
    ("function", "name"), [(f, name) for f, names in RESULTS.items() for name in names]
)
def test_a_result_that_cannot_be_written(function, name):
    given = call(function)
    given[name].flags.writeable = False
    refused(function, given, TypeError)


@every_array
def test_a_result_alone_must_be_writeable(function, kind, T, name):
    given = call(function, T, kind)
    if name not in RESULTS.get(function, []):
        given[name].flags.writeable = False
        run(function, given)


@every_array
def test_other_objects(function, kind, T, name):
    for other in (call(function, T, kind)[name].tolist(), 3, "text", object()):
        given = call(function, T, kind)
        given[name] = other
        refused(function, given, TypeError)


@pytest.mark.parametrize("T", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", WITH_EXAMPLES)
def test_examples_of_another_network(function, kind, T):
    for other in KINDS:
        if other != kind:
            given = call(function, T, kind)
            given["shape"] = shape(other)
            refused(function, given, ValueError)
    for sides in ({"n_h": N_H + 1}, {"n_h": 0}, {"n_y": N_Y + 1}):
        given = call(function, T, kind)
        given["shape"] = shape(kind, **sides)
        refused(function, given, ValueError)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", ["train", "sums"])
def test_labels_and_rows_out_of_range(function, kind):
    for name, bad in (
        ("labels", -1),
        ("labels", N_Y),
        ("labels", 2**31 - 1),
        ("rows", M),
        ("rows", 2**32 - 1),
    ):
        given = call(function, kind=kind)
        given[name][M // 2] = bad
        refused(function, given, ValueError, message=f"{name}: .*found {bad}")


@pytest.mark.parametrize("function", ["train", "sums"])
def test_only_labels_of_rows_that_are_used_count(function):
    given = call(function)
    given["labels"][0] = 99
    given["rows"] = np.arange(1, M, dtype=np.uint32)
    run(function, given)


@pytest.mark.parametrize("function", ["train", "sums"])
def test_two_classes_of_one_output(function):
    given = call(function)
    given["shape"] = shape(n_y=1, output=k.Output.sigmoid)
    size = N_X * N_H + N_H + N_H + 1
    for name, n in {"parameters": size, "best": size, "state": 2 * size, "out": size + 2}.items():
        if name in given:
            given[name] = np.zeros(n, given[name].dtype)
    given["labels"] %= 2
    run(function, given)
    given["labels"][0] = 2
    refused(function, given, ValueError, message="from 0 to 1, found 2")


@pytest.mark.parametrize("function", ["train", "sums"])
def test_targets_are_given_once(function):
    given = call(function)
    given["Y"] = np.zeros((M, N_Y), np.float32)
    refused(function, given, ValueError, message="found both")
    given["labels"] = None
    run(function, given)
    given["Y"] = None
    refused(function, given, ValueError, message="found neither")


@pytest.mark.parametrize("T", [np.float32, np.float64])
@pytest.mark.parametrize("function", WITH_EXAMPLES)
@pytest.mark.parametrize(
    ("name", "place", "bad", "message"),
    [
        ("starts", 0, -1, "starts"),
        ("starts", -1, 2 * M + 1, "starts"),
        ("starts", M // 2, 1, "starts"),
        ("starts", M // 2, 2**62, "starts"),
        ("columns", 3, N_X, "columns"),
        ("columns", -1, 2**32 - 1, "columns"),
    ],
)
def test_sparse_rows_that_lead_outside(function, T, name, place, bad, message):
    given = call(function, T, "sparse")
    arrays = {
        "starts": np.arange(0, 2 * M + 1, 2, dtype=np.int64),
        "columns": (np.arange(2 * M) % N_X).astype(np.uint32),
    }
    arrays[name][place] = bad
    given["sparse"] = entries(T, **arrays)
    refused(function, given, ValueError, message=message)


@pytest.mark.parametrize("function", WITH_EXAMPLES)
@pytest.mark.parametrize(
    "arrays",
    [
        {"starts": np.arange(M, dtype=np.int64)},
        {"values": np.ones(2 * M - 1, np.float32)},
        {"columns": np.zeros(2 * M - 1, np.uint32)},
    ],
    ids=lambda arrays: next(iter(arrays)),
)
def test_sparse_rows_of_other_lengths(function, arrays):
    given = call(function, kind="sparse")
    given["sparse"] = entries(np.float32, **arrays)
    refused(function, given, ValueError)


@pytest.mark.parametrize("name", ["starts", "columns", "values"])
def test_sparse_rows_of_other_types(name):
    for change in (
        lambda x: x.astype(np.float16),
        lambda x: np.repeat(x, 2)[::2],
        np.ndarray.tolist,
    ):
        with pytest.raises(TypeError):
            entries(np.float32, **{name: change(np.zeros(2 * M, np.int64))})


def test_sparse_rows_of_the_other_precision():
    given = call("predict", np.float32, "sparse")
    given["sparse"] = entries(np.float64)
    refused("predict", given, TypeError)


@pytest.mark.parametrize(
    "sides",
    [
        {"n_x": -1}, {"n_h": -1}, {"n_y": 0}, {"n_y": 2**25}, {"n_h": 2**25}, {"n_x": 2**27}, {"entries": -1}, {"entries": 1},
        {"groups": ((7, 0),)}, {"groups": ((2, 3),)}, {"groups": ((-1, 0),)}, {"groups": ((2, 0), (2, 1))},
    ],
    ids=str,
)  # fmt: skip
def test_networks_that_cannot_be(sides):
    with pytest.raises(ValueError, match=r"expected .*, found"):
        shape(**sides)


@pytest.mark.parametrize("value", [2.0, "2", 2**31, None])
def test_sides_are_whole_numbers(value):
    with pytest.raises(TypeError):
        shape(n_h=value)


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": -1}, {"n_epochs": -1}, {"first_epoch": -1}, {"horizon": -1},
        {"dropout": -0.1}, {"dropout": 1.0}, {"dropout": np.nan},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be(other):
    with pytest.raises(ValueError, match=r"expected .*, found"):
        settings(**other)


@pytest.mark.parametrize("function", WITH_EXAMPLES)
def test_threads(function):
    for bad, error in ((0, ValueError), (-1, ValueError), (1.0, TypeError), (None, TypeError)):
        given = call(function)
        given["threads"] = bad
        refused(function, given, error)


def test_no_rows():
    given = call("train")
    given["rows"] = np.empty(0, np.uint32)
    refused("train", given, ValueError, message="rows")
    given = call("sums")
    given["rows"] = np.empty(0, np.uint32)
    run("sums", given)
    np.testing.assert_array_equal(given["out"], 0)


def test_the_name_of_a_function():
    with pytest.raises(ValueError, match="found cosh"):
        k.apply("cosh", np.ones(3), np.empty(3))


def test_more_rows_than_an_order_has():
    for m in (-1, 2**32 + 1, 2**63 - 1):
        with pytest.raises(ValueError, match="m: expected"):
            k.order(m, 1, 1, np.empty(3, np.uint32))


# --- by way of compute/kernel.py ------------------------------------------------------

ARCHITECTURE = Architecture(N_X, N_H, N_Y, "tanh", "softmax")


@pytest.mark.parametrize("rows", ["dense", "coded", "sparse"])
def test_mixed_precisions_are_refused_and_described(rows):
    W = np.zeros(SIZE, np.float32)
    given = rows_of(rows, np.float64)
    X = {
        "dense": lambda: given["X"],
        "coded": lambda: Coded(given["X"], given["codes"], given["places"], tuple(Group(*g) for g in GROUPS)),
        "sparse": lambda: Sparse(
            np.ones(2 * M), (np.arange(2 * M) % N_X).astype(np.uint32), np.arange(0, 2 * M + 1, 2), N_X
        ),
    }[rows]()  # fmt: skip
    labels = np.zeros(M, np.int32)
    with pytest.raises(
        TypeError, match=r"(?s)predict: expected .*float32 array of shape \(53,\).*float64"
    ):
        kernel.predict(ARCHITECTURE, W, X, 1)
    with pytest.raises(TypeError, match="sums: expected"):
        kernel.sums(ARCHITECTURE, W, Examples(X, None, labels), 1)
    with pytest.raises(TypeError, match="train: expected"):
        kernel.train(
            ARCHITECTURE,
            Rule("sgd", 0.1),
            Budget(0, 1),
            Examples(X, None, labels),
            start(W, "sgd"),
            1,
        )


def test_the_layout_is_described():
    X = np.asfortranarray(np.zeros((M, N_X), np.float32))
    with pytest.raises(TypeError, match=r"float32 array of shape \(40, 6\), not C-contiguous"):
        kernel.predict(ARCHITECTURE, np.zeros(SIZE, np.float32), X, 1)


def test_memory_that_is_not_aligned_is_copied():
    def unaligned(array):
        raw = np.zeros(array.nbytes + 1, np.uint8)
        out = raw[1:].view(array.dtype).reshape(array.shape)
        out[...] = array
        assert not out.flags.aligned
        return out

    given = call("sums")
    arrays = [given[name] for name in ("X", "labels", "weights", "rows")]
    W = given["parameters"]
    state = start(W, "sgd")
    moved = state._replace(parameters=unaligned(W), best=unaligned(W))

    def results(W, state, X, labels, weights, rows):
        examples = Examples(X, None, labels, weights, rows)
        found = kernel.train(ARCHITECTURE, Rule("sgd", 0.1), Budget(0, 2), examples, state, 1)
        total = kernel.sums(ARCHITECTURE, W, examples, 1)
        A2 = kernel.predict(ARCHITECTURE, W, X, 1)
        return [V.tobytes() for V in (*found.state[:3], total.gradient, A2)]

    expected = results(W, state, *arrays)
    assert results(unaligned(W), moved, *map(unaligned, arrays)) == expected
