"""Is the diagnosis right? Sick trainings and healthy ones, and what is said of each.

Examples:
  python benchmarks/diagnosis.py                    all sets that come with scikit-learn, and made ones
  python benchmarks/diagnosis.py --folder TABLES    and the Parquet tables in a folder, which have
                                                    columns __target__ and __split__
  python benchmarks/diagnosis.py --half chosen      the sets on which the thresholds were chosen

A sick training is made so on purpose, and counts as detected when the finding has the right
name; as cured, when the loss of the cured fit on the test part is clearly lower (for remarks:
when the simpler network is no worse; for one class predicted: when the mean recall is higher).
A healthy training is one with sensible settings; a warning there is a false alarm unless the
test part shows that following it makes the network clearly better, so that it was true.
Thresholds were chosen on one half of the data sets, the figures come from the other.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from benchmarks.tables import machine, machine_text, table
from shoal import ShoalClassifier, ShoalRegressor, diagnose

Array = NDArray[Any]
ROWS = 6000  # of a large table
CLEARLY = 0.02  # of the loss of a constant answer


class Set(NamedTuple):
    """Data with a test part."""

    name: str
    X: Any
    y: Array
    X_test: Any
    y_test: Array
    numbers: bool  # regression
    real: bool
    half: str  # chosen: thresholds were chosen here; measured: the figures come from here
    curved: bool = True  # a linear network is clearly worse


class Sick(NamedTuple):
    """A training that is made to fail."""

    finding: str
    settings: dict[str, Any]
    sets: tuple[str, ...]
    change: Callable[[Any], Any] | None = None  # of X
    on_test: bool = False  # diagnosed with rows that were not trained on


# --- data ----------------------------------------------------------------------------


def two_dimensions(name: str, m: int = 600, seed: int = 0) -> tuple[Array, Array]:
    """Made data of two features."""
    rng = np.random.default_rng(seed)
    if name == "xor":
        X = rng.uniform(-3, 3, (m, 2))
        return X, (X[:, 0] * X[:, 1] > 0).astype(int)
    if name == "spiral":
        t, side = rng.uniform(0.3, 2, m), rng.integers(0, 2, m)
        angle = 1.5 * np.pi * t + np.pi * side
        X = np.c_[t * np.cos(angle), t * np.sin(angle)]
        return X + 0.05 * rng.standard_normal((m, 2)), side
    if name == "sign tan":
        X = rng.uniform(-np.pi, np.pi, (m, 1))
        return X, (np.tan(X[:, 0]) > 0).astype(int)
    if name == "rings":  # three classes
        r, angle = rng.uniform(0, 3, m), rng.uniform(0, 2 * np.pi, m)
        return np.c_[r * np.cos(angle), r * np.sin(angle)], r.astype(int)
    if name == "waves":  # a number
        X = rng.uniform(-3, 3, (m, 2))
        return X, np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + 0.1 * rng.standard_normal(m)
    make = {"moons": datasets.make_moons, "circles": datasets.make_circles}[name]
    return make(m, noise=0.15 if name == "moons" else 0.08, random_state=seed)


def slanted(m: int = 3000, seed: int = 0) -> tuple[Array, Array]:
    """Two classes that a straight line parts, as well as they can be."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 6))
    return X, (X @ np.arange(1.0, 7) + 2 * rng.logistic(size=m) > 0).astype(int)


def rare(m: int = 2000, seed: int = 0) -> tuple[Array, Array]:
    """One class in ten, which the features hardly tell from the others."""
    rng = np.random.default_rng(seed)
    y = (rng.random(m) < 0.12).astype(int)
    return rng.standard_normal((m, 4)) + 0.3 * y[:, None], y


def sets(folder: Path | None) -> Iterator[Set]:
    """All data, with its half."""
    real = {
        "iris": "chosen", "breast_cancer": "chosen", "diabetes": "chosen",
        "wine": "measured", "digits": "measured",
    }  # fmt: skip
    for name, half in real.items():
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield parted(name, X, y, half, real=True, curved=name == "digits")
    made = {
        "moons": "chosen", "xor": "chosen", "slanted": "chosen", "rare": "chosen", "friedman": "chosen",
        "circles": "measured", "spiral": "measured", "sign tan": "measured",
        "rings": "measured", "waves": "measured", "slanted 2": "measured", "rare 2": "measured", "friedman 2": "measured",
    }  # fmt: skip
    for name, half in made.items():
        seed = int(name.endswith("2"))
        if name.startswith("friedman"):
            X, y = datasets.make_friedman1(1500, noise=0.5, random_state=seed)
        elif name.startswith(("slanted", "rare")):
            X, y = (slanted if name.startswith("slanted") else rare)(seed=seed)
        else:
            X, y = two_dimensions(name)
        yield parted(name, X, y, half, real=False, curved=not name.startswith(("slanted", "rare")))
    if folder is None:
        return
    import pyarrow.parquet as pq

    halves = {
        "spambase": "chosen",
        "adult": "chosen",
        "letter": "measured",
        "magic": "measured",
        "credit_default": "measured",
    }
    for name, half in halves.items():
        frame = pq.read_table(folder / f"{name}.parquet")
        split, y = frame["__split__"].to_numpy(), frame["__target__"].to_numpy(zero_copy_only=False)
        X = frame.drop_columns(["__split__", "__target__"])
        rng = np.random.default_rng(0)
        train, test = (
            np.sort(rng.permutation(np.flatnonzero(split == part))[:ROWS])
            for part in ("train", "test")
        )
        yield Set(
            name, X.take(train), y[train], X.take(test), y[test], False, True, half,
            curved=name in ("letter", "magic"),
        )  # fmt: skip


def parted(name: str, X: Array, y: Array, half: str, *, real: bool, curved: bool) -> Set:
    numbers = name.startswith(("diabetes", "friedman", "waves"))
    a, b, c, d = train_test_split(
        X, y, test_size=0.3, random_state=0, stratify=None if numbers else y
    )
    return Set(name, a, c, b, d, numbers, real, half, curved)


# --- the sick -------------------------------------------------------------------------


def sized_apart(X: Array) -> Array:
    """The columns in units that differ by up to a million."""
    return X * 10.0 ** np.linspace(-2, 4, X.shape[1]) + 50


def far_from_zero(X: Array) -> Array:
    """Every column many standard deviations away from 0, as years and temperatures are."""
    return X / np.maximum(X.std(axis=0), 1e-9) + 50


def with_constants(X: Array) -> Array:
    """Two columns more, which never vary."""
    return np.hstack([X, np.full((len(X), 1), 7.0), np.zeros((len(X), 1))])


FLAT = ("breast_cancer", "iris", "wine", "digits")
CURVED = ("xor", "circles", "spiral", "friedman", "friedman 2", "rings", "waves")
SGD = {"solver": "sgd", "momentum": 0.9}
BENT = {"bins": 0}  # numbers alone: what is curved has to be learnt by the hidden layer

SICK = (
    Sick("symmetric-units", {"init": "zeros"}, ("moons", "iris", "digits", "friedman 2", "circles", "rings", "waves", "letter")),
    Sick("symmetric-units", {"init": "zeros", "activation": "sigmoid", "learning_rate": 0.03, "max_iter": 600}, ("xor", "spiral")),
    Sick("dead-units", {"activation": "relu", "encode": None}, ("breast_cancer", "diabetes", "moons", "digits", "circles", "wine"), far_from_zero),
    Sick("saturated-units", {"init": 30.0}, ("breast_cancer", "xor", "digits", "spiral", "wine", "waves", "magic", "spambase")),
    Sick("saturated-units", {"init": 50.0, "activation": "sigmoid"}, ("moons", "circles")),
    Sick("still-linear", {**BENT, "activation": "identity", "n_iter_no_change": 50}, CURVED),
    Sick("stuck-on-plateau", {**BENT, "init": 1e-4, "solver": "gd", "learning_rate": 0.5, "max_iter": 100, "hidden": 8}, ("xor", "moons", "circles", "spiral", "rings")),
    Sick("stuck-on-plateau", {**BENT, "init": 0.001, **SGD, "learning_rate": 0.01, "max_iter": 40, "hidden": 8}, ("xor", "circles", "spiral")),
    Sick("learning-rate-too-high", {"learning_rate": 1.0}, ("iris", "breast_cancer", "digits", "spiral", "wine", "friedman 2", "xor", "waves", "letter", "spambase")),
    Sick("learning-rate-too-high", {**BENT, **SGD, "learning_rate": 0.5}, ("moons", "digits", "circles", "rings", "magic")),
    Sick("learning-rate-too-low", {"learning_rate": 1e-6}, ("breast_cancer", "iris", "digits", "wine", "spiral", "friedman 2", "rings", "magic", "adult")),
    Sick("learning-rate-too-low", {**SGD, "learning_rate": 1e-5}, ("moons", "iris", "digits", "circles")),
    Sick("diverged", {**SGD, "learning_rate": 100.0}, ("diabetes", "friedman", "friedman 2")),
    Sick("diverged", {"solver": "gd", "learning_rate": 1e4}, ("diabetes", "friedman 2")),
    Sick("not-converged", {"max_iter": 2}, ("iris", "breast_cancer", "moons", "digits", "wine", "spiral", "friedman 2", "rings", "waves", "letter")),
    Sick("unscaled-inputs", {"encode": None}, ("breast_cancer", "wine")),
    Sick("unscaled-inputs", {"encode": None}, ("diabetes", "digits", "iris", "friedman 2"), sized_apart),
    Sick("useless-columns", {"encode": None}, ("iris", "moons", "circles", "spiral"), with_constants),
    Sick("one-class-predicted", {}, ("rare", "rare 2")),
    Sick("one-class-predicted", {"hidden": 8, "activation": "relu"}, ("rare", "rare 2")),
    Sick("overfitting", {"hidden": 256, "early_stopping": False, "max_iter": 600, "n_iter_no_change": 600, "alpha": 0.0, "learning_rate": 0.01}, ("slanted", "rare", "diabetes", "slanted 2", "rare 2"), None, True),
    Sick("too-wide", {"hidden": 512}, ("moons", "iris", "xor", "circles", "wine", "spiral"), None, True),
    Sick("linear-is-enough", {**BENT, "max_iter": 300, "hidden": 16}, ("slanted", "slanted 2"), None, True),
)  # fmt: skip

REMARKS = ("useless-columns", "too-wide", "linear-is-enough")

# Sensible settings, whose networks have nothing to repair.
HEALTHY = (
    {},
    {"hidden": 128},
    {"hidden": 16, "activation": "relu"},
    {"activation": "relu", "members": 2},
    {"activation": "sigmoid", "hidden": 32, "learning_rate": 0.01},
    {"solver": "sgd", "max_iter": 400},
)


# --- the judgement ---------------------------------------------------------------------


def fitted(data: Set, settings: dict[str, Any], seed: int = 0, X: Any = None) -> Any:
    """An estimator, trained in silence."""
    kind = ShoalRegressor if data.numbers else ShoalClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(random_state=seed, **({"members": 2} | settings))  # to save time
        return model.fit(data.X if X is None else X, data.y)


def test_loss(model: Any, data: Set, X_test: Any) -> float:
    """The loss on the test part, as a share of the constant answer's."""
    if data.numbers:
        return float(np.mean((model.predict(X_test) - data.y_test) ** 2) / np.var(data.y_test))
    places = np.searchsorted(model.classes_, data.y_test)
    counts = np.bincount(places) / len(places)
    constant = -np.sum(counts[counts > 0] * np.log(counts[counts > 0]))
    p = np.clip(model.predict_proba(X_test)[np.arange(len(places)), places], 1e-30, 1)
    return float(-np.log(p.astype(np.float64)).mean() / constant)


def judged(sick: Sick, data: Set) -> dict[str, Any]:
    """Whether it was detected, and whether the cure cures."""
    X, X_test = (sick.change(V) if sick.change else V for V in (data.X, data.X_test))
    if sick.finding == "overfitting":  # a few rows, learnt by heart
        data, X = data._replace(y=data.y[:150]), X[:150]
    model = fitted(data, sick.settings, X=X)
    found = diagnose(model, X_test, data.y_test) if sick.on_test else model.diagnosis_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cured = found.cured(model).fit(X, data.y)
    before, after = test_loss(model, data, X_test), test_loss(cured, data, X_test)
    if sick.finding in REMARKS:
        better = after < before + CLEARLY
    elif sick.finding == "one-class-predicted":
        recalls = [balanced_accuracy_score(data.y_test, m.predict(X_test)) for m in (model, cured)]
        better = recalls[1] > recalls[0] + CLEARLY
    else:
        better = after < before - CLEARLY
    return {
        "finding": sick.finding, "set": data.name, "half": data.half, "settings": sick.settings,
        "found": list(found.names), "detected": sick.finding in found.names,
        "before": before, "after": after, "cure": found.cure, "cured": bool(better),
    }  # fmt: skip


def alarmed(data: Set, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """What is said of a healthy training, and whether a warning was true after all."""
    model = fitted(data, settings, seed)
    found = model.diagnosis_
    wrong = [f.name for f in found.findings if f.severity != "remark"]
    true = False
    before = after = None
    if wrong:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cured = found.cured(model).fit(data.X, data.y)
        before, after = (test_loss(m, data, data.X_test) for m in (model, cured))
        true = after < before - CLEARLY
    return {
        "set": data.name, "half": data.half, "settings": settings, "seed": seed,
        "warnings": wrong, "remarks": [n for n in found.names if n not in wrong],
        "true": true, "before": before, "after": after,
    }  # fmt: skip


def share(hits: int, n: int) -> str:
    return f"{hits} of {n} ({hits / n:.0%})" if n else "–"


def main(words: Sequence[str] | None = None) -> int:
    """Train the sick and the healthy, and show what was said; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where Parquet tables lie")
    parser.add_argument("--half", choices=("chosen", "measured"), help="one half of the sets")
    parser.add_argument("--seeds", type=int, default=4, help="of each healthy training (4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all judgements here")
    parser.add_argument("--verbose", action="store_true", help="name every miss")
    asked = parser.parse_args(words)
    every = [s for s in sets(asked.folder) if asked.half in (None, s.half)]
    by_name = {s.name: s for s in every}
    sick = [judged(s, by_name[name]) for s in SICK for name in s.sets if name in by_name]
    healthy = [
        alarmed(data, settings, seed)
        for data in every
        if data.real
        for settings in HEALTHY
        for seed in range(asked.seeds)
    ]
    print(machine_text(machine()), end="\n\n")
    for half in ("chosen", "measured"):
        show(
            half, [s for s in sick if s["half"] == half], [h for h in healthy if h["half"] == half]
        )
    if asked.verbose:
        misses(sick, healthy)
    if asked.json:
        asked.json.write_text(json.dumps({"sick": sick, "healthy": healthy}, indent=1, default=str))
    return 0


def show(half: str, sick: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    """The table of one half of the data sets."""
    if not sick:
        return
    rows = []
    for name in dict.fromkeys(s["finding"] for s in sick):
        ours = [s for s in sick if s["finding"] == name]
        hits, cured = sum(s["detected"] for s in ours), sum(s["cured"] for s in ours)
        rows.append((name, str(len(ours)), str(hits), str(cured)))
    n = len(sick)
    hits, cured = sum(s["detected"] for s in sick), sum(s["cured"] for s in sick)
    rows.append(("all", str(n), share(hits, n), share(cured, n)))
    print(f"sets on which thresholds were {half}")
    print(table(("finding", "sick", "detected", "cured"), rows))
    false = sum(bool(h["warnings"]) and not h["true"] for h in healthy)
    true = sum(bool(h["warnings"]) and h["true"] for h in healthy)
    remarks = sum(bool(h["remarks"]) for h in healthy)
    print(
        f"healthy: {len(healthy)}; false alarms {share(false, len(healthy))}; warnings that were "
        f"true {true}; with remarks {remarks}\n"
    )


def misses(sick: list[dict[str, Any]], healthy: list[dict[str, Any]]) -> None:
    """Every training that was not judged as hoped."""
    for s in sick:
        if not (s["detected"] and s["cured"]):
            print(
                f"{s['finding']} on {s['set']} {s['settings']}: found {s['found']}, "
                f"{s['before']:.3f} → {s['after']:.3f} by {s['cure']}"
            )
    for h in healthy:
        if h["warnings"]:
            after = f"{h['before']:.3f} → {h['after']:.3f}"
            print(f"healthy {h['set']} {h['settings']} {h['seed']}: {h['warnings']} {after}")


if __name__ == "__main__":
    sys.exit(main())
