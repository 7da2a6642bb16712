"""Defaults on small tables: shoal beside other settings of its own, a linear model, a perceptron.

Examples:
  python benchmarks/small.py                                the default beside the peers
  python benchmarks/small.py "bins=8" "alpha=0.01" "bins=8, alpha=0.01"
  python benchmarks/small.py --set iris Auto --draws 3 "members=16"

A table of a few hundred rows says little by one part held out: each is cut ten times, a quarter
held out by turns of chance (random_state 100, 101 …), and the mean loss counts. The tables are
small ones of the packages that benchmarks/real.py uses, and the training parts of its own four
smallest: their test parts are not looked at. What was found is told in docs/measured/practice.md.
"""

import argparse
import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from benchmarks.defaults import fit_and_score
from benchmarks.practice import geometric, linear, perceptron, shoal
from benchmarks.real import Real, inside, keel, real
from benchmarks.tables import table

LEAST = 0.01  # log-losses below count as this: nothing is left to win there
TRAINING_PARTS = ("breast_cancer", "wine", "digits", "diabetes")
KEEL = (
    "australian", "bands", "breast", "bupa", "contraceptive", "crx", "german", "heart",
    "housevotes", "ionosphere", "iris", "led7digit", "mammographic", "monk-2", "pima", "saheart",
    "sonar", "tae", "tic-tac-toe", "vehicle", "vowel", "wisconsin",
)  # fmt: skip
ISLP = "islp==0.6.0", "ISLP/data"
PLOTNINE = "plotnine==0.15.9", "plotnine/data"
POVERTY = (
    "PID", "county", "category", "percpovertyknown", "poppovertyknown", "percchildbelowpovert",
    "percadultpoverty", "percelderlypoverty",
)  # fmt: skip
# Package, file, target, and the columns that are left out: names, and what tells the target.
FILES: dict[str, tuple[tuple[str, str], str, str, tuple[str, ...]]] = {
    "OJ": (ISLP, "OJ", "Purchase", ()),
    "penguins": (PLOTNINE, "penguins", "species", ("island",)),
    "Auto": (ISLP, "Auto", "mpg", ("name",)),
    "Boston": (ISLP, "Boston", "medv", ()),
    "Carseats": (ISLP, "Carseats", "Sales", ()),
    "Credit": (ISLP, "Credit", "Balance", ("ID",)),
    "Hitters": (ISLP, "Hitters", "Salary", ()),
    "College": (ISLP, "College", "Grad.Rate", ("Unnamed: 0",)),
    "mpg": (PLOTNINE, "mpg", "hwy", ("cty",)),
    "midwest": (PLOTNINE, "midwest", "percbelowpoverty", POVERTY),
    "penguins_mass": (PLOTNINE, "penguins", "body_mass_g", ()),
}
TABLES = (*TRAINING_PARTS, *KEEL, *FILES)
Make = Callable[[bool, int], Any]


def whole(name: str) -> Real:
    """A table, all of it that may be looked at, in place of a training part."""
    if name in TRAINING_PARTS:
        return real(name)
    if name in KEEL:
        frame, told = keel(name), ()
    else:
        (package, folder), file, target, told = FILES[name]
        frame = pd.read_csv(inside(package, f"{folder}/{file}.csv"))
        frame = frame.dropna(subset=[target]) if folder == PLOTNINE[1] else frame.dropna()
        frame = frame.rename(columns={target: "target"})
    X = frame.drop(columns=["target", *told], errors="ignore")
    numbers = pd.api.types.is_numeric_dtype(frame["target"])
    y = frame["target"].to_numpy(float) if numbers else frame["target"].to_numpy(object)
    return Real(name, X, y, X[:0], y[:0], numbers)


def draws(data: Real, n: int) -> Iterator[Real]:
    """The same table n times, each with another quarter held out."""
    for draw in range(n):
        a, b, c, d = train_test_split(
            data.X, data.y, test_size=0.25, random_state=100 + draw,
            stratify=None if data.numbers else data.y,
        )  # fmt: skip
        yield data._replace(X=a, y=c, X_test=b, y_test=d)


def mean_loss(make: Make, data: Real, n: int) -> tuple[float, float]:
    """Mean loss over the draws, and CPU seconds of all fits."""
    with threadpool_limits(1):
        found = [
            fit_and_score(make(data.numbers, 1000 * i + 7), part)
            for i, part in enumerate(draws(data, n))
        ]
    loss = sum(loss for loss, _ in found) / n
    return loss if data.numbers else max(loss, LEAST), sum(seconds for _, seconds in found)


def with_settings(words: str) -> Make:
    """The contender with settings: "bins=8, alpha=0.01"."""
    call = ast.parse(f"f({words})", mode="eval").body
    assert isinstance(call, ast.Call), words
    settings = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    return lambda numbers, seed: shoal(numbers, seed).set_params(**settings)


def main(words: Sequence[str] | None = None) -> int:
    """Compare, and show; returns the exit code."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("settings", nargs="*", help='of shoal, such as "bins=8"')
    parser.add_argument("--set", nargs="+", default=list(TABLES), choices=TABLES, metavar="SET")
    parser.add_argument("--draws", type=int, default=10, help="parts held out of each table (10)")
    asked = parser.parse_args(words)
    contenders: dict[str, Make] = {"shoal": shoal, "linear": linear, "MLP": perceptron(early=False)}
    contenders |= {text: with_settings(text) for text in asked.settings}
    losses: dict[str, list[float]] = {name: [] for name in contenders}
    seconds = dict.fromkeys(contenders, 0.0)
    rows = []
    for name in asked.set:
        data = whole(name)
        for contender, make in contenders.items():
            loss, cpu = mean_loss(make, data, asked.draws)
            losses[contender].append(loss)
            seconds[contender] += cpu
        rows.append((name, f"{len(data.X):,}", *(f"{of[-1]:.4g}" for of in losses.values())))
        print(*rows[-1], file=sys.stderr, flush=True)
    print(table(("mean loss", "rows", *contenders), rows), end="\n\n")
    rows = []
    for contender, of in losses.items():
        ratios = [a / b for a, b in zip(of, losses["shoal"], strict=True)]
        behind = [
            sum(a > share * b for a, b in zip(of, losses[peer], strict=True))
            for peer, share in (("linear", 1.0), ("MLP", 1.02))
        ]
        cpu = seconds[contender] / seconds["shoal"]
        rows.append((
            contender, f"{geometric(ratios):.3f}", f"{min(ratios):.2f}", f"{max(ratios):.2f}",
            *map(str, behind), f"{cpu:.2f}",
        ))  # fmt: skip
    head = (
        f"{len(asked.set)} tables", "loss, shoal = 1", "best", "worst", "behind linear",
        "2 % behind MLP", "CPU",
    )  # fmt: skip
    print(table(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
