"""Is the diagnosis right? Faulty trainings and healthy ones, and what is said of each.

Examples:
  python -m benchmarks.diagnosis --half chosen      the cases on which thresholds were chosen
  python -m benchmarks.diagnosis --half measured    the others
  python -m benchmarks.diagnosis --only leak        the faults of one name

A faulty training is made so on purpose. It is *named first* when the first finding has one of the
names that are true of it, and *named* when any finding has; straight after the fit, and with test
rows. Its cure *helps* when the cured fit's loss on the test part is lower by 2 % or more of a
constant answer's, *reaches* when it comes within 10 % (or 2 % of a constant answer's) of the fit
without the fault, and *harms* when it is higher by 2 %. A healthy training is one with sensible
settings; a warning there is an alarm. Every other case belongs to the other half.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from benchmarks.tables import machine, machine_text, table
from shoal import Network, ShoalClassifier, ShoalRegressor, diagnose
from shoal.estimators import train

Array = NDArray[Any]
CLEARLY = 0.02  # of the loss of a constant answer
NEAR = 1.1  # times the loss of the fit without the fault
ROWS = 900  # of the larger sets
SHORT_FIT, SHORT_FITS = (
    0.1,
    5,
)  # seconds: the cost of looking at a shorter fit is the median of so many
HALVES = ("chosen", "measured")
REGRESSIONS = ("diabetes", "friedman", "waves", "plane")


class Set(NamedTuple):
    """Data in two parts."""

    name: str
    X: Array
    y: Array
    X_test: Array
    y_test: Array

    @property
    def numbers(self) -> bool:
        """Whether it is a regression."""
        return self.name in REGRESSIONS


class Fault(NamedTuple):
    """A training that is made to fail."""

    names: tuple[str, ...]  # findings that are true of it; the first one is the fault's name
    sets: tuple[str, ...]
    settings: dict[str, Any] = {}  # noqa: RUF012 (nothing changes it)
    spoil: Callable[[Set], Set] | None = None
    healthy: dict[str, Any] = {}  # noqa: RUF012 (of the fit without the fault)
    on_test: bool = False  # seen with test rows alone
    no_cure: bool = False  # nothing that a setting can repair
    validation: Callable[[Set], dict[str, Any]] | None = None  # what else `fit` is given


# --- data ---------------------------------------------------------------------------------


def flower(m: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The planar exercise of the course: two classes, on the petals of a flower."""
    y = np.arange(m) % 2
    t = 3.12 * (np.arange(m) // 2 / (m // 2) + y) + 0.2 * rng.standard_normal(m)
    r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(m)
    return np.c_[r * np.sin(t), r * np.cos(t)], y


def made(name: str, seed: int) -> tuple[Array, Array]:
    """Data by name."""
    rng = np.random.default_rng(seed)
    if name in ("iris", "wine", "breast_cancer", "diabetes"):
        return getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        X, y = datasets.load_digits(return_X_y=True)
        return X[:ROWS], y[:ROWS]
    if name == "moons":
        return datasets.make_moons(500, noise=0.2, random_state=seed)
    if name == "flower":
        return flower(600, rng)
    if name == "xor":
        X = rng.uniform(-3, 3, (600, 2))
        return X, (X[:, 0] * X[:, 1] > 0).astype(int)
    if name == "friedman":
        return datasets.make_friedman1(ROWS, noise=0.5, random_state=seed)
    if name == "waves":
        X = rng.uniform(-3, 3, (ROWS, 2))
        return X, np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + 0.1 * rng.standard_normal(ROWS)
    if name == "plane":
        X = rng.standard_normal((400, 8))
        return X, X @ np.arange(1.0, 9) + 4 * rng.standard_normal(400)
    X, y = datasets.make_classification(
        ROWS, 20, n_informative=8, n_classes=4, class_sep=1.5, random_state=seed
    )
    return X, y  # "four"


SETS = ("iris", "wine", "breast_cancer", "diabetes", "digits", "moons", "flower", "xor", "friedman", "waves", "plane", "four")  # fmt: skip


def parted(name: str, seed: int = 0) -> Set:
    """A set, three tenths of it for the test."""
    X, y = made(name, seed)
    kept = None if name in REGRESSIONS else y
    a, b, c, d = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=kept)
    return Set(name, a, c, b, d)


# --- what spoils data ---------------------------------------------------------------------


def both(change: Callable[[Array], Array]) -> Callable[[Set], Set]:
    """A change of the columns, in both parts."""
    return lambda data: data._replace(X=change(data.X), X_test=change(data.X_test))


def sized_apart(X: Array) -> Array:
    """The columns in units that differ by up to a million."""
    return X * 10.0 ** np.linspace(-2, 4, X.shape[1]) + 50


def far_from_zero(X: Array) -> Array:
    """Every column many standard deviations away from 0, as years and temperatures are."""
    return X / np.maximum(X.std(axis=0), 1e-9) + 50


def leaking(data: Set) -> Set:
    """One column more that gives the target away; in the test part it is not known."""
    rng = np.random.default_rng(0)
    y = data.y.astype(float)
    column = y + 0.001 * rng.standard_normal(len(y)) * max(float(y.std()), 1e-9)
    other = rng.permutation(np.resize(column, len(data.y_test)))
    return data._replace(X=np.c_[data.X, column], X_test=np.c_[data.X_test, other])


def moved(data: Set) -> Set:
    """Test rows of another kind: all columns two deviations further, and turned."""
    deviation = data.X.std(axis=0)
    return data._replace(X_test=data.X_test[:, ::-1] * 1.0 + 2.5 * deviation)


def rarely(data: Set) -> Set:
    """Two classes, one of them rare and hard to tell."""
    rng = np.random.default_rng(0)
    m, n = 1500, 700
    y = (rng.random(m + n) < 0.04).astype(int)
    X = rng.standard_normal((m + n, data.X.shape[1] + 2)) + 0.6 * y[:, None]
    return data._replace(X=X[:m], y=y[:m], X_test=X[m:], y_test=y[m:])


def copied(data: Set) -> Set:
    """Each row three times."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(np.repeat(np.arange(len(data.y)), 3))
    return data._replace(X=data.X[rows], y=data.y[rows])


def contradicting(data: Set) -> Set:
    """A third of the rows once more, with another answer."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(data.y))[: len(data.y) // 3]
    values = np.unique(data.y)
    other = rng.permutation(data.y)[: len(rows)] if data.numbers else (
        values[(np.searchsorted(values, data.y[rows]) + 1) % len(values)]
    )  # fmt: skip
    return data._replace(X=np.r_[data.X, data.X[rows]], y=np.r_[data.y, other])


def far_targets(data: Set) -> Set:
    """Some targets a hundred deviations out."""
    y = data.y.astype(float).copy()
    y[:: max(len(y) // 4, 1)] += 100 * y.std()
    return data._replace(y=y)


def far_inputs(data: Set) -> Set:
    """A code for missing values that is far out, in some rows of every column."""
    X = data.X.astype(float).copy()
    X[::200] = 1e7
    return data._replace(X=X)


def with_noise(data: Set) -> Set:
    """Three hundred columns more that are noise."""
    rng = np.random.default_rng(0)
    wide, test = (rng.standard_normal((len(X), 300)) for X in (data.X, data.X_test))
    return data._replace(X=np.c_[data.X, wide], X_test=np.c_[data.X_test, test])


def coded(data: Set) -> Set:
    """A single column of codes, each of which has an answer of its own."""
    rng = np.random.default_rng(0)
    answers = rng.permutation(30) % 3
    code, test = rng.integers(0, 30, 900), rng.integers(0, 30, 400)
    right, more = (
        np.where(rng.random(len(c)) < 0.9, answers[c], rng.integers(0, 3, len(c)))
        for c in (code, test)
    )
    X, X_test = (
        np.c_[c, rng.standard_normal((len(c), 2))].astype(float) for c in (code, test)
    )  # fmt: skip
    return data._replace(X=X, y=right, X_test=X_test, y_test=more)


def few(data: Set) -> Set:
    """A hundred rows, some answers wrong."""
    rng = np.random.default_rng(0)
    y = data.y[:100].copy()
    wrong = rng.random(len(y)) < 0.15
    y[wrong] = rng.permutation(data.y[:100])[wrong]
    return data._replace(X=data.X[:100], y=y)


def first_class_alone(data: Set) -> dict[str, Any]:
    """A validation part of one class."""
    rows = data.y == np.unique(data.y)[0]
    return {"X_val": data.X[rows][:20], "y_val": data.y[rows][:20]}


# --- the faults ---------------------------------------------------------------------------

CLASSES = ("iris", "wine", "breast_cancer", "digits", "moons", "flower", "xor", "four")
CURVED = ("flower", "xor", "friedman", "waves")
SGD: dict[str, Any] = {"solver": "sgd"}
BENT: dict[str, Any] = {"bins": 0}  # numbers alone: what is curved the hidden layer has to learn
HIGH = ("learning-rate-too-high", "diverged")
DRAWN = ("saturated-units", "initial-weights-too-large")
LINEAR = ("still-linear", "underfitting")
SHORT = ("stopped-too-early", "not-converged")

FAULTS = (
    Fault(("symmetric-units",), ("iris", "digits", "flower", "friedman", "xor", "four"), {"init": "zeros", **BENT}, healthy=BENT),
    Fault(("symmetric-units",), ("wine", "waves"), {"init": "zeros", "activation": "sigmoid"}),
    Fault(DRAWN, ("breast_cancer", "xor", "digits", "wine", "waves", "four"), {"init": 20.0}),
    Fault(DRAWN, ("moons", "flower", "plane"), {"init": 40.0, "activation": "sigmoid"}),
    Fault(DRAWN[::-1], ("digits", "friedman", "four", "breast_cancer"), {"init": 10.0, "activation": "relu"}),
    Fault(("stuck-on-plateau", "still-linear", "not-converged"), ("xor", "flower", "moons", "waves"), {**BENT, "init": 1e-4, "solver": "gd", "max_iter": 200, "hidden": 16}, healthy={**BENT, "hidden": 16}),
    Fault(HIGH, ("iris", "digits", "friedman", "xor", "four", "breast_cancer", "waves"), {"learning_rate": 1.0}),
    Fault(HIGH, ("moons", "digits", "four", "flower"), {**BENT, **SGD, "learning_rate": 3.0}, healthy={**BENT, **SGD}),
    Fault(("learning-rate-too-low",), ("iris", "digits", "friedman", "flower", "wine", "plane", "four"), {"learning_rate": 1e-6}),
    Fault(("learning-rate-too-low",), ("moons", "breast_cancer", "waves"), {**SGD, "learning_rate": 1e-5}, healthy=SGD),
    Fault(("diverged", "learning-rate-too-high"), ("diabetes", "friedman", "plane", "waves"), {**SGD, "learning_rate": 100.0}, healthy=SGD),
    Fault(("penalty-outweighs-loss",), ("iris", "digits", "friedman", "moons", "breast_cancer", "plane"), {"alpha": 3000.0}),
    Fault(("weight-decay-too-strong",), ("wine", "digits", "waves", "four"), {"weight_decay": 30.0}),
    Fault(("dropout-too-high",), ("flower", "friedman", "xor", "digits"), {"dropout": 0.99}),
    Fault(("underfitting", "too-narrow"), ("flower", "digits", "friedman", "four", "waves"), {"hidden": 1, **BENT}, healthy=BENT),
    Fault(("underfitting", "still-linear"), ("xor", "flower", "waves", "friedman"), {"hidden": 0, **BENT}, healthy=BENT),
    Fault(("not-converged",), ("iris", "digits", "friedman", "xor", "wine", "four", "waves", "flower"), {"max_iter": 2}),
    Fault(SHORT, ("flower", "xor", "waves", "friedman", "digits"), {**BENT, "n_iter_no_change": 1, "tol": 0.05}, healthy=BENT),
    Fault(LINEAR, CURVED, {**BENT, "activation": "identity"}, healthy=BENT),
    Fault(("unscaled-inputs",), ("wine", "breast_cancer"), {"encode": None}),
    Fault(("unscaled-inputs",), ("iris", "diabetes", "digits", "friedman", "four"), {"encode": None}, both(sized_apart)),
    Fault(("unscaled-inputs", "dead-units"), ("moons", "breast_cancer", "xor"), {"encode": None, "activation": "relu"}, both(far_from_zero)),
    Fault(("batch-too-large", "not-converged", "stopped-too-early"), ("flower", "digits", "friedman", "four"), {"batch_size": 100_000, "max_iter": 15}),
    Fault(("validation-part-too-large",), ("digits", "flower", "friedman", "four"), {"validation_fraction": 0.9}),
    Fault(("validation-part-lacks-a-class",), ("iris", "digits", "moons"), validation=first_class_alone, no_cure=True),
    Fault(("overfitting",), ("breast_cancer", "flower", "four", "xor", "moons"), {"hidden": 256, "early_stopping": False, "max_iter": 600, "n_iter_no_change": 600, "alpha": 0.0, "learning_rate": 0.01}, few, on_test=True),
    Fault(("leak",), ("diabetes", "flower", "friedman", "xor", "four", "plane"), {}, leaking),
    Fault(("shift",), ("friedman", "flower", "digits", "waves", "four"), {}, moved, on_test=True, no_cure=True),
    Fault(("one-class-predicted", "rare-classes"), ("flower", "iris", "xor"), {}, rarely),
    Fault(("duplicates-across-split",), ("flower", "friedman", "four", "breast_cancer"), {}, copied, no_cure=True),
    Fault(("contradicting-labels",), ("digits", "flower", "friedman", "moons"), {}, contradicting, no_cure=True),
    Fault(("outliers",), ("friedman", "waves", "plane", "diabetes"), {}, far_targets, no_cure=True),
    Fault(("outliers", "unscaled-inputs"), ("iris", "friedman", "digits"), {}, far_inputs, no_cure=True),
    Fault(("noise-columns",), ("moons", "wine", "friedman", "four"), {"encode": None}, with_noise, no_cure=True),
    Fault(("codes-as-numbers",), ("flower", "iris", "xor"), {"encode": None}, coded),
)  # fmt: skip

HEALTHY: tuple[dict[str, Any], ...] = (
    {},
    {"hidden": 64, "batch_size": 64},
    {"hidden": 128, "activation": "relu"},
    {"hidden": 16, "bins": 0},
    {"activation": "sigmoid", "hidden": 32, "learning_rate": 0.01},
    {"activation": "leaky_relu", "dropout": 0.2},
    {"solver": "sgd"},
    {"solver": "lbfgs", "hidden": 16},
    {"alpha": 0.01, "schedule": "cosine", "max_iter": 100},
    {"schedule": "constant", "learning_rate": 0.002, "n_iter_no_change": 10},
)


# --- the judgement ------------------------------------------------------------------------


class Timed:
    """How long the diagnosis of the last fit took, and the whole fit, in seconds of processors."""

    def __init__(self) -> None:
        self.diagnosis = self.fit = 0.0
        self._look = train.findings_of

    def findings(self, *case: Any, **how: Any) -> Any:
        """What the fit calls."""
        began = time.process_time()
        found = self._look(*case, **how)
        self.diagnosis = time.process_time() - began
        return found

    @property
    def share(self) -> float:
        """Of the fit without its diagnosis."""
        return self.diagnosis / max(self.fit - self.diagnosis, 1e-9)


TIMED = Timed()


def fitted(data: Set, settings: dict[str, Any], seed: int = 0, **more: Any) -> Any:
    """An estimator, trained in silence."""
    kind = ShoalRegressor if data.numbers else ShoalClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(**({"random_state": seed, "members": 2, "n_jobs": 1} | settings))
        began = time.process_time()
        model.fit(data.X, data.y, **more)
        TIMED.fit = time.process_time() - began
    return model


def test_loss(model: Any, data: Set) -> float:
    """The loss on the test part, as a share of the constant answer's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data.numbers:
            errors = (model.predict(data.X_test) - data.y_test) ** 2
            return float(np.mean(errors) / np.var(data.y_test))
        places = np.searchsorted(model.classes_, data.y_test)
        counts = np.bincount(places) / len(places)
        constant = -np.sum(counts[counts > 0] * np.log(counts[counts > 0]))
        p = np.clip(model.predict_proba(data.X_test)[np.arange(len(places)), places], 1e-30, 1)
    return float(-np.log(p.astype(np.float64)).mean() / constant)


def judged(fault: Fault, whole: Set) -> dict[str, Any]:
    """What was said of a faulty training, and what came of its cure."""
    data = fault.spoil(whole) if fault.spoil else whole
    more = fault.validation(data) if fault.validation else {}
    model = fitted(data, fault.settings, **more)
    shares = [TIMED.share]
    while len(shares) < SHORT_FITS and TIMED.fit < SHORT_FIT:
        fitted(data, fault.settings, **more)
        shares.append(TIMED.share)
    after = model.diagnosis_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tested = diagnose(model, data.X_test, data.y_test)
    said = {
        "fault": fault.names[0], "set": data.name, "settings": fault.settings,
        "share": statistics.median(shares), "after_fit": list(after.names), "with_test": list(tested.names), "text": str(tested),
        "first": (after.names[:1] or ("",))[0] in fault.names,
        "named": bool(set(after.names) & set(fault.names)),
        "first_test": (tested.names[:1] or ("",))[0] in fault.names,
        "named_test": bool(set(tested.names) & set(fault.names)),
        "on_test": fault.on_test,
    }  # fmt: skip
    if fault.no_cure:
        return said
    found = tested if fault.on_test else after
    settings = {k: v for k, v in found.cured(model).get_params().items() if k in {*found.cure}}
    cured = fitted(data, {**fault.settings, **settings}, **more)
    losses = [test_loss(model, data), test_loss(cured, data)]
    usual = data if fault.spoil is few else whole
    losses.append(test_loss(fitted(usual, fault.healthy), usual))
    if fault.names[0] in ("one-class-predicted", "codes-as-numbers"):
        recall = [
            balanced_accuracy_score(data.y_test, m.predict(data.X_test)) for m in (model, cured)
        ]
        losses = [1 - recall[0], 1 - recall[1], 1 - recall[1]]
    before, later, healthy = losses
    return said | {
        "cure": found.cure, "before": before, "cured": later, "healthy": healthy,
        "helps": later < before - CLEARLY, "harms": later > before + CLEARLY,
        "reaches": later <= max(NEAR * healthy, healthy + CLEARLY),
    }  # fmt: skip


def alarmed(data: Set, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """What is said of a healthy training."""
    model = fitted(data, {"members": "auto"} | settings, seed)
    share = TIMED.share
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tested = diagnose(model, data.X_test, data.y_test)
    wrong = [
        [f.name for f in d.findings if f.severity != "remark"] for d in (model.diagnosis_, tested)
    ]
    return {
        "set": data.name, "settings": settings, "seed": seed, "share": share,
        "after_fit": wrong[0], "with_test": wrong[1], "text": str(tested) if wrong[1] else "",
    }  # fmt: skip


def lectures() -> Iterator[dict[str, Any]]:
    """What is said of the course's own networks."""
    for seed in range(3):
        X, y = flower(400, np.random.default_rng(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ShoalClassifier.classic(random_state=seed).fit(X, y)
        found = {"classic": model.diagnosis_, "classic, again": diagnose(model, X, y)}
        for n_h in (4, 5, 20):
            for activation in ("tanh", "sigmoid"):
                net = Network.initialise(2, n_h, 1, seed=seed, scale=0.01, activation=activation)
                net, _ = net.descend(X.T, y[np.newaxis], learning_rate=1.2, iterations=10_000)
                found[f"{n_h} {activation}"] = diagnose(net, X.T, y[np.newaxis])
        for name, diagnosis in found.items():
            yield {
                "network": f"{name}, seed {seed}", "text": str(diagnosis),
                "alarm": not diagnosis.healthy,
            }  # fmt: skip


def cases(
    half: str | None,
) -> tuple[list[tuple[Fault, str]], list[tuple[dict[str, Any], str, int]]]:
    """The faulty and the healthy trainings of a half, or of both."""
    faulty = [(fault, name) for fault in FAULTS for name in fault.sets]
    healthy = [(s, name, seed) for s in HEALTHY for name in SETS for seed in range(2)]
    if half is None:
        return faulty, healthy
    at = HALVES.index(half)
    return faulty[at::2], healthy[at::2]


def of(n: int, every: int) -> str:
    return f"{n} of {every} ({n / every:.0%})" if every else "–"


def show(faulty: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    """The table, and the figures of all."""
    rows = []
    for name in dict.fromkeys(f["fault"] for f in faulty):
        ours = [f for f in faulty if f["fault"] == name]
        tried = [f for f in ours if "helps" in f]
        keys = ("first", "named", "first_test", "named_test")
        sums = [str(sum(f[key] for f in ours)) for key in keys]
        cures = [str(sum(f[key] for f in tried)) for key in ("helps", "reaches", "harms")]
        rows.append((name, str(len(ours)), *sums, str(len(tried)), *cures))
    heads = ("fault", "n", "first", "named", "first*", "named*", "cures", "help", "reach", "harm")
    print(table(heads, rows), "\n* with test rows\n")
    fit = [f for f in faulty if not f["on_test"]]
    tried = [f for f in faulty if "helps" in f]
    print("straight after the fit named first", of(sum(f["first"] for f in fit), len(fit)))
    print("straight after the fit named", of(sum(f["named"] for f in fit), len(fit)))
    print("with test rows named first", of(sum(f["first_test"] for f in faulty), len(faulty)))
    print("with test rows named", of(sum(f["named_test"] for f in faulty), len(faulty)))
    for key in ("helps", "reaches", "harms"):
        print("the cure", key, of(sum(f[key] for f in tried), len(tried)))
    print("alarms after the fit", of(sum(bool(h["after_fit"]) for h in healthy), len(healthy)))
    print("alarms with test rows", of(sum(bool(h["with_test"]) for h in healthy), len(healthy)))
    if healthy and faulty:
        shares = [h["share"] for h in healthy]
        worst = max(f["share"] for f in faulty)
        print(f"cost: median {statistics.median(shares):.1%} of a healthy fit, ", end="")
        print(f"worst faulty fit {worst:.0%} (seconds of processors)")


def misses(faulty: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    """Every training that was not judged as hoped."""
    for f in faulty:
        seen = f["named_test"] if f["on_test"] else f["first"]
        if not seen or not f.get("reaches", True) or f.get("harms"):
            cure = ""
            if "helps" in f:
                cure = f"{f['before']:.3f} → {f['cured']:.3f} ({f['healthy']:.3f}) by {f['cure']}"
            print(f"{f['fault']} on {f['set']}: {f['after_fit']} / {f['with_test']} {cure}")
    for h in healthy:
        if h["after_fit"] or h["with_test"]:
            print(
                f"healthy {h['set']} {h['settings']} {h['seed']}: {h['after_fit']} / {h['with_test']}"
            )
            print(f"    {h['text']}")


def main(words: Sequence[str] | None = None) -> int:
    """Train the faulty and the healthy, and show what was said; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=HALVES, help="one half of the cases")
    parser.add_argument("--only", help="faults of this name alone; healthy, or lecture")
    parser.add_argument("--faulty", action="store_true", help="the faulty trainings alone")
    parser.add_argument("--every", type=int, default=1, help="every so many of the cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all judgements here")
    parser.add_argument("--verbose", action="store_true", help="name every miss")
    asked = parser.parse_args(words)
    train.findings_of = TIMED.findings
    every = {name: parted(name) for name in SETS}
    faulty, healthy = (some[:: asked.every] for some in cases(asked.half))
    if asked.only:
        faulty = [one for one in faulty if asked.only in one[0].names[0]]
        healthy = healthy if asked.only == "healthy" else []
    if asked.faulty:
        healthy = []
    said = [judged(fault, every[name]) for fault, name in faulty]
    alarms = [alarmed(parted(name, seed), settings, seed) for settings, name, seed in healthy]
    print(machine_text(machine()), end="\n\n")
    show(said, alarms)
    taught = list(lectures()) if asked.only in (None, "lecture") and not asked.faulty else []
    print("alarms on lecture networks", of(sum(t["alarm"] for t in taught), len(taught)))
    if asked.verbose:
        misses(said, alarms)
        print(*(f"{t['network']}: {t['text']}" for t in taught if t["alarm"]), sep="\n")
    if asked.json:
        whole = {"faulty": said, "healthy": alarms, "lecture": taught}
        asked.json.write_text(json.dumps(whole, indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
