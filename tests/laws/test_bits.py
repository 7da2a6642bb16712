"""Same build, same bits: for any threads, chunks, builds, and however an array arrives."""

import json
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shoal import Network, ShoalClassifier, ShoalRegressor
from shoal.compute import kernel
from shoal.compute.builds import BUILD, _refuse_other_sources, builds, compiled
from shoal.compute.engine import threads
from shoal.compute.steps import Budget, Rule, start
from shoal.data.rows.examples import Examples
from shoal.errors import SettingError
from shoal.network.activations import ACTIVATIONS
from shoal.network.architecture import Architecture
from shoal.network.initialisers import initialise

needs_kernel = pytest.mark.skipif(BUILD == "plain", reason="no kernel is in use")
SOLVERS, DTYPES, WIDTHS = ("adam", "sgd", "gd"), ("float32", "float64"), (0, 5, 64)


def table(m, n_x=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n_x))
    return X, (X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(m) > 0).astype(int)


def fingerprint(n_jobs, X, y, **settings):
    settings = {"max_iter": 2, "encode": None} | settings
    model = ShoalClassifier(n_jobs=n_jobs, random_state=3, **settings)
    return model.fit(X, y).fingerprint_


# --- threads --------------------------------------------------------------------------

# Threads join in from 5 million operations a step on: so many rows are worth several.
ROWS = {0: 24_000, 5: 9000, 64: 3000}
PLANS = {
    "small batches": {"batch_size": 32, "early_stopping": False},
    "one block together": {"batch_size": 512, "early_stopping": False},
    "many blocks": {"batch_size": 21_000, "early_stopping": False},
    "validation": {"batch_size": 21_000, "early_stopping": True},
}


@pytest.mark.parametrize(
    ("solver", "plan"),
    [
        *((s, p) for s in ("adam", "sgd") for p in PLANS),
        ("gd", "many blocks"),
        ("gd", "validation"),
        ("lbfgs", "many blocks"),
        ("lbfgs", "validation"),
    ],
)
@pytest.mark.parametrize("hidden", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.slow
def test_one_fingerprint_for_any_number_of_threads(solver, dtype, hidden, plan):
    small = plan in ("small batches", "one block together")
    X, y = table(1500 if small else ROWS[hidden])
    settings = {"solver": solver, "dtype": dtype, "hidden": hidden, **PLANS[plan]}
    found = {fingerprint(n_jobs, X, y, **settings) for n_jobs in (1, 2, 3, 8)}
    assert len(found) == 1


def trained(threads, rows, steps, units=64):
    """Parameters after some steps of all rows, by a team of this many threads."""
    architecture = Architecture(60, units, 1, "tanh", "sigmoid")
    X, y = table(rows)
    examples = Examples(X.astype(np.float32), labels=y.astype(np.int32))
    first = start(architecture.flatten(initialise(60, units, 1, key=1), np.float32), "sgd")
    rule = Rule("sgd", 0.1, 0.9, batch_size=rows)
    return kernel.train(architecture, rule, Budget(0, steps), examples, first, threads).state


@needs_kernel
@pytest.mark.parametrize("units", [511, 513])  # enough for a team wherever its cores lie
@pytest.mark.parametrize("rows", [504, 1000])  # one block, whose rows and units are shared, and two
def test_units_that_a_team_cannot_share_evenly_are_all_trained(units, rows):
    assert (trained(1, rows, 5, units).parameters == trained(2, rows, 5, units).parameters).all()


@needs_kernel
def test_a_team_that_is_larger_than_the_machine_works_on_alone():
    # Members that mostly sleep at barriers leave, from the 32nd step on: to the same bits.
    assert (trained(1, 512, 200).parameters == trained(16, 512, 200).parameters).all()


WITHOUT_THREADS = """
import resource, threading, sys
from tests.laws.test_bits import trained
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + 7 * 2**20  # a thread wants 8 MiB for its stack
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    threading.Thread(target=print).start()
    sys.exit("a thread was started")
except RuntimeError:
    print(trained(4, 2000, 2).parameters.tobytes().hex())
"""


@needs_kernel
@pytest.mark.skipif(sys.platform != "linux", reason="how to have no thread left is Linux's")
@pytest.mark.slow
def test_where_no_thread_can_be_started_the_caller_does_the_work():
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_THREADS], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == trained(4, 2000, 2).parameters.tobytes().hex()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_fingerprint_for_every_activation(activation):
    X, y = table(6000)
    settings = {"activation": activation, "batch_size": 2000}
    assert len({fingerprint(n, X, y, **settings) for n in (1, 2, 3, 8)}) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_one_fingerprint_for_members_side_by_side(solver, dtype):
    X, y = table(4000)
    settings = {"solver": solver, "dtype": dtype, "members": 3, "batch_size": 2000}
    assert len({fingerprint(n, X, y, **settings) for n in (1, 2, 3, 8)}) == 1


def test_the_first_member_is_the_network_that_is_trained_alone():
    X, y = table(1500)
    alone = ShoalClassifier(random_state=3, max_iter=3).fit(X, y)
    three = ShoalClassifier(random_state=3, max_iter=3, members=3).fit(X, y)
    assert three.networks_[0] == alone.networks_[0]
    assert len({network.vector.tobytes() for network in three.networks_}) == 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.slow
def test_one_fingerprint_for_weights_and_many_classes_and_numbers(dtype):
    X, _ = table(6000)
    rng = np.random.default_rng(1)
    classes, w = rng.integers(7, size=6000), rng.random(6000)
    fits = [
        (
            ShoalClassifier(n_jobs=n, dtype=dtype, random_state=1, max_iter=2, batch_size=2000)
            .fit(X, classes, w)
            .fingerprint_,
            ShoalRegressor(n_jobs=n, dtype=dtype, random_state=1, max_iter=2, batch_size=2000)
            .fit(X, X[:, :2] ** 2, w)
            .fingerprint_,
        )
        for n in (1, 2, 3, 8)
    ]
    assert len(set(fits)) == 1


def test_a_fingerprint_tells_fits_apart():
    # Without this the tests above could not fail.
    X, y = table(2000)
    others = [{}, {"random_state": 4}, {"max_iter": 3}, {"dtype": "float64"}, {"hidden": 5}]
    same = {"random_state": 3, "max_iter": 2, "early_stopping": False}
    models = [ShoalClassifier(**same | other).fit(X, y) for other in others]
    assert len({model.fingerprint_ for model in models}) == len(others)


@needs_kernel
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", WIDTHS)
def test_sums_and_predictions_do_not_depend_on_threads(hidden, dtype):
    X, y = table(70_001)
    X = X.astype(dtype)
    architecture = Architecture(60, hidden, 1, "tanh", "sigmoid")
    drawn = initialise(60, hidden, 1, key=1, init=0.3)
    parameters = architecture.flatten(drawn, dtype)
    examples = Examples(X, None, y.astype(np.int32))
    sums = [kernel.sums(architecture, parameters, examples, n) for n in (1, 2, 3, 8)]
    A2 = [kernel.predict(architecture, parameters, X, n) for n in (1, 2, 3, 8)]
    assert len({(s.gradient.tobytes(), s.loss, s.weight) for s in sums}) == 1
    assert len({a.tobytes() for a in A2}) == 1
    loss_alone = kernel.sums(architecture, parameters, examples, 2, gradients=False)
    assert loss_alone.loss == sums[0].loss


def test_shoal_threads_is_the_default_number_of_threads(monkeypatch):
    monkeypatch.setenv("SHOAL_THREADS", "3")
    assert threads() == 3
    assert threads(5) == 5
    monkeypatch.setenv("SHOAL_THREADS", "")
    assert threads() >= 1
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("SHOAL_THREADS", wrong)
        with pytest.raises(SettingError, match=f"SHOAL_THREADS={wrong}: expected a whole number"):
            threads()


def test_a_share_of_the_machine_is_respected(monkeypatch):
    # joblib tells its worker processes their share by OMP_NUM_THREADS.
    monkeypatch.delenv("SHOAL_THREADS", raising=False)
    for share in ("1", "1,4"):
        monkeypatch.setenv("OMP_NUM_THREADS", share)
        assert threads() == 1
        assert threads(3) == 3  # who asks is served
    for nothing in ("", "many", "0"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert threads() == threads(-1)


def test_n_jobs_counts_backwards_as_in_joblib():
    available = threads(-1)
    if hasattr(os, "sched_getaffinity"):
        assert available == len(os.sched_getaffinity(0))
    assert threads(-2) == max(1, available - 1)
    assert threads(-1000) == 1
    with pytest.raises(SettingError, match="n_jobs=0"):
        threads(0)


# --- builds ---------------------------------------------------------------------------

SCRIPT = """
import json
import numpy as np
from shoal import ShoalClassifier, ShoalRegressor
from shoal.compute.builds import BUILD

rng = np.random.default_rng(0)
X = rng.standard_normal((1500, 21))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
kinds = [(s, d, h, "tanh") for s in ("adam", "sgd", "gd") for d in ("float32", "float64")
         for h in (0, 5, 64)]
kinds += [("adam", d, 5, g) for d in ("float32", "float64")
          for g in ("relu", "leaky_relu", "sigmoid", "identity")]
found = {}
for solver, dtype, hidden, activation in kinds:
    settings = dict(solver=solver, dtype=dtype, hidden=hidden, activation=activation,
                    max_iter=2, random_state=1)
    model = ShoalClassifier(**settings).fit(X, y)
    numbers = ShoalRegressor(**settings).fit(X, X[:, :3] ** 2)
    classes = ShoalClassifier(**settings).fit(X, np.digitize(X[:, 0], [-1, 0, 1]))
    found[f"{solver} {dtype} {hidden} {activation}"] = [
        model.fingerprint_, model.predict_proba(X).tobytes().hex()[:4000], repr(model.loss_curve_),
        numbers.fingerprint_, classes.fingerprint_, repr(classes.loss_curve_)]
print(json.dumps([BUILD, found]))
"""


def in_a_process(build, script=SCRIPT, **environment):
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"SHOAL_ISA": build} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_kernel
@pytest.mark.slow
def test_every_build_of_the_kernel_gives_the_same_bits():
    names = builds()
    if len(names) < 2:
        pytest.skip(f"this processor runs no other build than {', '.join(names)}")
    results = [in_a_process(name) for name in names]
    assert [build for build, _ in results] == names
    for _, found in results[1:]:
        assert found == results[0][1]


@needs_kernel
@pytest.mark.slow
def test_another_process_with_other_threads_gives_the_same_bits():
    first = in_a_process(BUILD, SHOAL_THREADS="1")
    assert first[0] == BUILD
    assert in_a_process(BUILD, SHOAL_THREADS="5") == first


def test_an_unknown_build_is_refused():
    script = "import shoal.compute.builds"
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"SHOAL_ISA": "abacus"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "SHOAL_ISA=abacus: expected one of" in run.stderr


@needs_kernel
def test_a_kernel_of_other_sources_is_refused(tmp_path):
    sources = Path(__file__).parents[2] / "kernel"
    assert compiled.SOURCES
    _refuse_other_sources(sources)
    _refuse_other_sources(tmp_path)  # no checkout
    for source in sources.glob("*.?pp"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    _refuse_other_sources(tmp_path)
    with (tmp_path / "step.hpp").open("a") as file:
        file.write("\n")
    with pytest.raises(ImportError, match=r"built of other sources .* `make \.venv/installed`"):
        _refuse_other_sources(tmp_path)


# --- rows -----------------------------------------------------------------------------


@pytest.mark.parametrize("encode", ["auto", None])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", WIDTHS)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_row_has_the_same_bits_alone(n_classes, hidden, dtype, members, encode):
    X, _ = table(1100, n_x=9)
    y = np.digitize(X[:, 0] * X[:, 1], np.linspace(-1, 1, n_classes + 1)[1:-1])
    settings = {"hidden": hidden, "dtype": dtype, "members": members, "encode": encode}
    model = ShoalClassifier(max_iter=2, random_state=0, **settings).fit(X, y)
    proba = model.predict_proba(X)
    for i in (0, 1, 15, 16, 31, 32, 511, 512, 513, 1023, 1099):
        assert model.predict_proba(X[i : i + 1]).tobytes() == proba[i : i + 1].tobytes()
    for part in (slice(3, 700), slice(1099, None, -1), slice(None, None, 7)):
        np.testing.assert_array_equal(model.predict_proba(X[part]), proba[part])


@pytest.mark.parametrize("hidden", WIDTHS)
def test_a_row_of_numbers_has_the_same_bits_alone(hidden):
    X, _ = table(700, n_x=9)
    with warnings.catch_warnings():  # two epochs are too few, and it says so
        warnings.simplefilter("ignore")
        model = ShoalRegressor(hidden=hidden, max_iter=2, random_state=0).fit(X, X[:, :2] ** 2)
    whole = model.predict(X)
    for i in (0, 1, 31, 32, 511, 512, 699):
        assert model.predict(X[i : i + 1]).tobytes() == whole[i : i + 1].tobytes()


# --- chunks ---------------------------------------------------------------------------


@needs_kernel
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", WIDTHS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_epochs_in_pieces_are_the_same_epochs(solver, hidden, dtype):
    X, y = table(1300, n_x=11)
    architecture = Architecture(11, hidden, 1, "tanh", "sigmoid")
    drawn = initialise(11, hidden, 1, key=1, init=0.3)
    examples = Examples(X.astype(dtype), None, y.astype(np.int32))
    batch = 0 if solver == "gd" else 100
    rule = Rule(solver, 0.01, 0.9 if solver == "sgd" else 0.0, alpha=0.1, batch_size=batch, key=7)
    begin = start(architecture.flatten(drawn, dtype), solver)

    def run(pieces):
        state, losses = begin, []
        for n in pieces:
            budget = Budget(len(losses), n, 1e-9, 10)
            outcome = kernel.train(architecture, rule, budget, examples, state, 2)
            state = outcome.state
            losses.extend(outcome.losses.tolist())
        return state, losses

    whole, whole_losses = run([6])
    assert len(set(whole_losses)) == 6
    for pieces in ([1] * 6, [2, 4], [5, 1], [3, 0, 3]):
        state, losses = run(pieces)
        assert losses == whole_losses
        for found, expected in zip(state[:3], whole[:3], strict=True):
            assert found.tobytes() == expected.tobytes()
        assert state[3:] == whole[3:]


@needs_kernel
def test_the_kernel_changes_nothing_that_it_is_given():
    X, y = table(300, n_x=11)
    architecture = Architecture(11, 5, 1)
    drawn = architecture.flatten(initialise(11, 5, 1, key=1), np.float32)
    examples = Examples(X.astype(np.float32), None, y.astype(np.int32))
    begin = start(drawn, "adam")
    before = [V.copy() for V in (*begin[:3], examples.X, examples.labels)]
    rule = Rule("adam", 0.01, batch_size=32)
    outcome = kernel.train(architecture, rule, Budget(0, 3), examples, begin, 1)
    assert (outcome.state.parameters != drawn).any()
    for V, old in zip((*begin[:3], examples.X, examples.labels), before, strict=True):
        np.testing.assert_array_equal(V, old)


# --- how an array arrives -------------------------------------------------------------


def unaligned(X):
    raw = np.empty(X.nbytes + 1, np.uint8)
    moved = raw[1:].view(X.dtype).reshape(X.shape)
    moved[:] = X
    assert not moved.flags.aligned
    return moved


def strided(X):
    wide = np.full((2 * len(X), X.shape[1] * 3), np.nan, X.dtype)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


ARRIVALS = {
    "unaligned": unaligned,
    "by columns": np.asfortranarray,
    "strided": strided,
    "backwards": lambda X: X[::-1].copy()[::-1],
    "the other byte order": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "read-only": read_only,
    "a list": lambda X: X.tolist(),
    "float64": lambda X: X.astype(np.float64),
    "objects": lambda X: X.astype(object),
}


@pytest.mark.parametrize("encode", ["auto", None])
@pytest.mark.parametrize("how", ARRIVALS)
def test_an_array_may_arrive_in_any_shape_of_memory(how, encode):
    X, y = table(900, n_x=9)
    X = X.astype(np.float32)
    settings = {"encode": encode, "max_iter": 2, "random_state": 0, "hidden": 5}
    model = ShoalClassifier(**settings).fit(X, y)
    arrived = ARRIVALS[how](X)
    again = ShoalClassifier(**settings).fit(arrived, y)
    assert again.fingerprint_ == model.fingerprint_
    np.testing.assert_array_equal(model.predict_proba(arrived), model.predict_proba(X))


@pytest.mark.filterwarnings("ignore:saturated-units:shoal.ShoalWarning")  # with encode=None
@pytest.mark.parametrize("encode", ["auto", None])
@pytest.mark.parametrize("kind", ["int8", "int64", "uint8", "float16", "float32"])
def test_a_number_is_a_number_in_any_type(kind, encode):
    X, y = table(900, n_x=9)
    whole = np.clip(np.round(X * 20) + 100, 0, 127)  # every type can hold these
    settings = {"encode": encode, "max_iter": 2, "random_state": 0, "hidden": 5}
    model = ShoalClassifier(**settings).fit(whole, y)
    typed = whole.astype(kind)
    assert ShoalClassifier(**settings).fit(typed, y).fingerprint_ == model.fingerprint_
    np.testing.assert_array_equal(model.predict_proba(typed), model.predict_proba(whole))


@pytest.mark.parametrize("arrive", [unaligned, np.asfortranarray, strided, np.ndarray.tolist])
def test_a_network_takes_its_columns_in_any_shape_of_memory(arrive):
    X, y = table(900, n_x=9)
    X, Y = np.ascontiguousarray(X.T), y[np.newaxis].astype(float)
    net = Network.initialise(9, 5, 1, seed=1, scale=0.5)
    trained, costs = net.descend(X, Y, iterations=20)
    again, costs_again = net.descend(arrive(X), arrive(Y), iterations=20)
    assert again == trained
    np.testing.assert_array_equal(costs_again, costs)


@pytest.mark.slow
def test_two_python_threads_train_as_one_after_the_other():
    # The kernel lets other Python threads run while it works, and shares nothing with them.
    X, y = np.random.default_rng(0).standard_normal((20_000, 8)), np.arange(20_000) % 2

    def trained(seed):
        model = ShoalClassifier(max_iter=5, members=1, random_state=seed, n_jobs=2)
        return model.fit(X, y).fingerprint_

    alone = [trained(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(trained, range(4))) == alone
