"""Model files and checkpoints: mutated, with repaired checksums, so that they get to the decoder."""

import contextlib
import copy
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from sklearn.base import is_regressor
from tests.fuzz.judge import Judge, Offence

import shoal
from shoal import Network, ShoalClassifier, ShoalRegressor
from shoal.cli import main
from shoal.cli.report.report import Facts, write_report
from shoal.cli.testing import Tested
from shoal.data.rows.target import CLASSIFICATION, REGRESSION
from shoal.estimators.learnt import fingerprint
from shoal.files.container import read
from shoal.files.layout import KINDS, LABELS, Entry, checksum_of, laid_out, preamble_of, raw

NAME, CASES = "models", 6000
LIMIT, FIT_LIMIT = 5.0, 20.0
CHECKPOINTS = 0.08  # the share of the cases that are checkpoints, of the others models
COMMANDS = 0.02  # of the models that load, those that go through evaluate, a report and save
UNREPAIRED = 0.05  # of the files, those with a wrong checksum

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 1.5, -0.0, 1e-320, 1e308, -1e308, 3e38, 1e19, 255, 65_536,
    10**9, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**300, "", "auto", "0", "\x00", "\x1b[2J\x07",
    "\ud800", "é" * 5000, "words", "number", "identity", [], [[]], {}, {"": {}}, [None], ["a", "a"],
    [0, 1], [1, 0], [1e308, -1e308], {"kind": "number"}, {"a": 1}, "nan", "1e400", "\u202e", "a\nb",
)  # fmt: skip
# Texts that no value of Python writes: they stand in the document as they are.
RAW = ("NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 5000, "[" * 60 + "]" * 60, "01", "+1",
       '{"a":1,"a":2}', "", ",", "[" * 2000, "{" * 2000, '"\\ud800"', "1.0", "1E5", "tru")  # fmt: skip
LARGE = (0, -0.0, 1e-45, 1e-320, 1.0, -1.0, 1e10, 1.8e19, 1.9e19, 3e38, -3e38, 1e154, 1e155, 1e300,
         1.7e308, np.nan, np.inf, -np.inf)  # fmt: skip


class Part:
    """The models and checkpoints to begin with, and the cases made of them."""

    def __init__(self, judge: Judge, scratch: Path, seed: int) -> None:
        self.judge, self.scratch, self.seed = judge, scratch, seed
        self.path = scratch / "input.shoal"
        self.table, self.begun = _begun(scratch)
        self.texts = scratch / "table.csv"
        self.folder = scratch / "checkpoint"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.restart().fit(self.table.select(["a", "b"]), self.table["late"])
        self.kept = read(self.folder / "member-0.checkpoint", finite=False)

    def run(self, name: str, rng: np.random.Generator) -> None:
        if rng.random() < CHECKPOINTS:
            self.checkpoint(name, rng)
        else:
            self.model(name, rng)

    def model(self, name: str, rng: np.random.Generator) -> None:
        document, tensors = self.begun[rng.integers(len(self.begun))]
        others = [other for other, _ in self.begun]
        _write(self.path, *_mutated(document, tensors, others, rng), rng)
        found: list[Any] = []
        loads = self.judge.case(
            f"{name}-load", self.path, LIMIT, lambda: found.append(shoal.load(self.path))
        )
        if not loads:
            return
        model = found[0]
        self.judge.count("models loaded", 1)
        if self.judge.case(f"{name}-predict", self.path, LIMIT, lambda: self.predict(model)):
            self.judge.count("predicted", 1)
        inspect = ("inspect", self.path, *["--json"] * int(rng.random() < 0.3))
        if self.judge.case(f"{name}-inspect", self.path, LIMIT, lambda: self.well(*inspect)):
            self.judge.count("inspected", 1)
        if rng.random() < COMMANDS:
            self.commands(name, model)

    def predict(self, model: Any) -> None:
        """Ask for all answers, for the table it was made for by its own names."""
        table, names = self.table, getattr(model, "feature_names_in_", None)
        if names is not None and model.encoding_ is not None:
            n = min(len(names), table.num_columns)
            table = table.select(range(n)).rename_columns([str(x) for x in names[:n]])
        else:
            table = np.linspace(-3, 3, 12 * model.n_features_in_).reshape(12, -1)
        self.judge.finite(model.predict(table))
        if hasattr(model, "predict_proba"):
            self.judge.finite(model.predict_proba(table))
        self.judge.finite(model.transform(table))

    def commands(self, name: str, model: Any) -> None:
        again, page = self.scratch / "again.shoal", self.scratch / "page.html"
        target = "late" if hasattr(model, "classes_") else "a"

        def saved() -> None:
            model.save(again)
            if shoal.load(again).fingerprint_ != model.fingerprint_:
                raise Offence("not finite", "a saved model is another one")

        calls = {
            "evaluated": lambda: self.judge.command(
                "evaluate", self.path, self.texts, "--target", target
            ),
            "saved": saved,
        }
        targets = model.fitted_.targets
        one = not (targets.columns if is_regressor(model) else targets.labels > 1)
        if model.encoding_ is not None and one:  # as the command line has it
            calls["reported"] = lambda: self.report(
                model, page, target
            )  # as `shoal train` has them
        for slot, call in calls.items():
            self.judge.case(f"{name}-{slot}", self.path, FIT_LIMIT, call)
            self.judge.count(slot, 1)
        out = self.scratch / "answers.csv"
        call = ("predict", self.path, self.texts, "-o", out)
        self.judge.case(f"{name}-command", self.path, LIMIT, lambda: self.judge.command(*call))

    def report(self, model: Any, page: Path, target: str) -> None:
        """The page of a model, of its table or of numbers; y is whatever it may be."""
        X: Any = self.table
        if model.encoding_ is None or getattr(model, "feature_names_in_", None) is None:
            rows = np.linspace(-3, 3, 12 * model.n_features_in_).reshape(12, -1)
            X = pa.table({f"x{i}": rows[:, i] for i in range(rows.shape[1])})
        classes = getattr(model, "classes_", None)
        y = np.linspace(-1, 1, X.num_rows)
        if classes is not None:
            y = np.resize(classes, X.num_rows)
        task = REGRESSION if classes is None else CLASSIFICATION
        command = ("shoal", "train")
        facts = Facts(
            model, Tested(), command, "t.csv", target, task, "", 1, "", X, y, tested=False
        )
        write_report(str(page), facts)

    def well(self, *arguments: object) -> None:
        if code := self.judge.command(*arguments):
            raise Offence("ending", f"a model that loads: {arguments} ended with {code}")

    def restart(self) -> ShoalClassifier:
        """What the checkpoint belongs to."""
        return ShoalClassifier(
            hidden=3, members=1, bins=4, max_iter=3, random_state=0, early_stopping=False,
            checkpoint=self.folder,
        )  # fmt: skip

    def checkpoint(self, name: str, rng: np.random.Generator) -> None:
        file = self.folder / "member-0.checkpoint"
        _write(file, *_mutated(*self.kept, [self.kept.document], rng), rng)
        shutil.copyfile(file, self.scratch / "input.checkpoint")
        self.judge.count("checkpoints", 1)

        def resumed() -> None:
            model = self.restart().fit(self.table.select(["a", "b"]), self.table["late"])
            self.judge.finite(model.predict_proba(self.table.select(["a", "b"])))
            self.judge.finite(model.loss_curve_)

        if self.judge.case(name, self.scratch / "input.checkpoint", FIT_LIMIT, resumed):
            self.judge.count("continued", 1)


def _begun(scratch: Path) -> tuple[pa.Table, list[Any]]:
    """A table with all kinds of columns, and the contents of the files of small models of it."""
    rng = np.random.default_rng(0)
    m = 120
    late = np.where(rng.random(m) < 0.5, "yes", "no")
    table = pa.table({
        "a": rng.normal(size=m),
        "b": [None if i % 9 == 0 else float(i) for i in range(m)],
        "city": rng.choice(["Rome", "Oslo", "Bern", ""], m),
        "day": np.datetime64("2024-01-01") + rng.integers(0, 700, m),
        "at": np.datetime64("2024-01-01T00:00:00", "us") + rng.integers(0, 10**13, m),
        "yes": rng.random(m) < 0.5,
        "always": [1] * m,
        "late": late,
    })  # fmt: skip
    X = np.asarray(rng.normal(size=(m, 3)))
    quick = {"hidden": 3, "members": 1, "max_iter": 2, "random_state": 0, "bins": 4}
    models = [
        ShoalClassifier(**quick | {"members": 2}, drop=["always"]).fit(table, late),
        ShoalClassifier(**quick, dtype="float64", class_weight={0: 1.0, 2: 3.0}, solver="lbfgs")
        .fit(table.drop(["late"]), np.arange(m) % 2 * 2),
        ShoalClassifier(**quick | {"hidden": 0}).fit(X, np.arange(m) % 3),
        ShoalClassifier(**quick, encode=None).fit(X, (X > 0).astype(int)),
        ShoalRegressor(**quick, activation="relu").fit(table, X[:, 0]),
        ShoalRegressor(**quick | {"bins": 0}, dtype="float64").fit(X, X * 1e6),
    ]  # fmt: skip
    path, texts = scratch / "begun.shoal", scratch / "table.csv"
    pa.csv.write_csv(table, texts)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main(["train", str(texts), "--target", "late", "--max-iter", "2", "-o", str(path)])
    found = [read(path)]  # it has a record
    for model in models:
        model.save(path)
        found.append(read(path))
    return table, found


# --- mutations ----------------------------------------------------------------------------


def _mutated(document: Any, tensors: Any, others: list[Any], rng: np.random.Generator) -> Any:
    """The text of a document and its tensors, with one to three faults."""
    document, tensors = copy.deepcopy(document), dict(tensors)
    text = None
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.65:
            _in_document(document, others, rng)
        else:
            _in_tensors(tensors, rng)
    if "fingerprint" in document and rng.random() < 0.9:
        _sign(document, tensors)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    if rng.random() < 0.15:
        text = _in_text(text, rng)
    return text, tensors


def _sign(document: Any, tensors: Any) -> None:
    """Repair the fingerprint, if the tensors make networks."""
    try:
        shape = document["architecture"]
        document["fingerprint"] = fingerprint([
            Network(*(tensors[f"network.{i}.{V}"] for V in ("W1", "b1", "W2", "b2")),
                    activation=shape["activation"], output=shape["output"])
            for i in range(min(int(document["members"]), 8))
        ])  # fmt: skip
    except Exception:  # then it is a file whose fingerprint does not matter
        return


def _places(value: Any) -> list[tuple[Any, Any]]:
    """All (container, key) within a document."""
    if not isinstance(value, dict | list):
        return []
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [(value, k) for k, _ in items] + [p for _, v in items for p in _places(v)]


def _in_document(document: Any, others: list[Any], rng: np.random.Generator) -> None:
    places = _places(document)
    if not places:
        return
    inside, key = places[rng.integers(len(places))]
    old = inside[key]
    match rng.integers(8):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside[key + rng.choice(["_", "", "\x1b", "s"])] = old
        case 1 | 2:
            inside[key] = [old] * int(rng.choice([0, 1, 2, 300]))
        case 3 if isinstance(old, int | float):
            factor = rng.choice([-1, 0, 2, 1e-3, 1e9, 1e300])
            inside[key] = (
                old * factor if isinstance(old, float) else int(min(old, 1e6) * factor) + 1
            )
        case 4:
            from_there, there = (p := _places(others[rng.integers(len(others))]))[
                rng.integers(len(p))
            ]
            inside[key] = copy.deepcopy(from_there[there])
        case 5 if isinstance(inside, list):
            inside.insert(key, copy.deepcopy(inside[rng.integers(len(inside))]))
        case _:
            inside[key] = copy.deepcopy(ODD[rng.integers(len(ODD))])


def _in_tensors(tensors: Any, rng: np.random.Generator) -> None:
    names = sorted(tensors)
    if not names:
        return
    name = names[rng.integers(len(names))]
    array = np.array(tensors[name])
    match rng.integers(8):
        case 0:
            del tensors[name]
        case 1:
            tensors[str(rng.choice(["x", "words.0.ends", "classes.bytes", name + ".0"]))] = array
        case 2:
            with np.errstate(all="ignore"):
                tensors[name] = array.astype(KINDS[str(rng.choice(list(KINDS)))])
        case 3:
            shapes = ((0,), (), (1, -1), (-1, 1), (-1,), array.shape[::-1])
            shape = shapes[rng.integers(len(shapes))]
            tensors[name] = (
                np.ravel(array)[:0]
                if shape == (0,)
                else np.resize(array, abs(np.array(shape, int)))
            )
        case 4:
            tensors[name] = array[: rng.integers(len(array) + 1)] if array.ndim else array
        case 5 if array.size and array.ndim:
            tensors[name] = np.concatenate([array] * int(rng.integers(2, 4)))
        case _ if array.size:
            with np.errstate(all="ignore"):
                odd = np.array(LARGE[rng.integers(len(LARGE))]).astype(array.dtype)
            if array.dtype.kind in "iu":
                odd = array.dtype.type(rng.integers(np.iinfo(array.dtype).max, endpoint=True))
            array[...] = odd if rng.random() < 0.2 else array
            array.flat[rng.integers(array.size)] = odd
            tensors[name] = array


def _in_text(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    if rng.random() < 0.5:
        return text[:at] + chr(rng.integers(32, 127)) + text[at + int(rng.integers(2)) :]
    # behind a colon, in place of a number or before what is there
    at = text.find(":", at) + 1
    rest = text[at:].lstrip("-.0123456789") if rng.random() < 0.8 else text[at:]
    return text[:at] + RAW[rng.integers(len(RAW))] + rest


def _write(path: Path, text: str, tensors: Any, rng: np.random.Generator) -> None:
    """A container with a right checksum, of whatever it holds."""
    arrays = {}
    for name, array in tensors.items():
        kind = LABELS[array.dtype.kind, array.dtype.itemsize]
        arrays[Entry(name, kind, array.shape)] = np.array(array, KINDS[kind], order="C")
    preamble = preamble_of(text, checksum_of(text, arrays), arrays)
    whole = bytearray(preamble + b"".join(raw(arrays[entry]) for entry in laid_out(arrays)))
    if rng.random() < UNREPAIRED:
        whole[rng.integers(len(whole))] = rng.integers(256)
        del whole[len(whole) - int(rng.integers(3)) :]
    path.write_bytes(whole)
