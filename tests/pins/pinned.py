"""The numbers that are pinned, how they are compared and recorded, and tables that never change.

Nothing here uses NumPy's generators, whose streams may change, or a product or sum of NumPy or
BLAS, whose last bits depend on the machine: draws are Philox, and columns are combined one by one.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from shoal.network.draws import normal, philox

HERE = Path(__file__).parent
PINS = HERE / "pins.json"
KEY = 20_240_229  # of all tables


# --- pins -----------------------------------------------------------------------------


def hash_of(*arrays):
    """Twelve letters that depend on every bit of the arrays, and on their shapes and types."""
    digest = hashlib.sha256()
    for array in arrays:
        array = np.asarray(array)
        if array.dtype.kind in "OU":  # words
            text = "\n".join(map(str, array.reshape(-1).tolist()))
            digest.update(f"{array.shape} words;{text}".encode())
            continue
        if array.dtype.kind == "f":  # what is no number has a sign that depends on the processor
            array = np.where(np.isnan(array), array.dtype.type("nan"), array)
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{array.shape} {array.dtype.name};".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()[:12]


def answers_of(model, rows):
    """What the model predicts of rows, in its own bits."""
    if not hasattr(model, "classes_"):
        return hash_of(model.predict(rows))
    return hash_of(model.predict_proba(rows), model.predict(rows))


def pin_of(model, rows):
    """Everything of a fitted model that must not change."""
    shape = model.networks_[0].architecture
    return {
        "fingerprint": model.fingerprint_,
        "answers": answers_of(model, rows),
        "curves": hash_of(model.loss_curve_, model.validation_loss_curve_ or []),
        "shape": [shape.n_x, shape.n_h, shape.n_y],
        "members": len(model.networks_),
        "epochs": model.n_iter_,
        "best": model.best_epoch_,
        "endings": sorted(set(model.endings_)),
    }


def pins_of(part):
    """The pins of a part: "fits" or "files"."""
    return json.loads(PINS.read_text(encoding="utf-8"))[part]


def record(part, found):
    """Write these pins in place of those of the same names; pins of other names stay."""
    every = json.loads(PINS.read_text(encoding="utf-8")) if PINS.exists() else {}
    kept = every.get(part, {})
    for name, pin in found.items():
        told = "" if name not in kept else "unchanged" if kept[name] == pin else "CHANGED"
        print(f"{name}: {told or 'new'}")
    every[part] = dict(sorted((kept | found).items()))
    lines = []
    for title, pins in sorted(every.items()):
        own = ",\n".join(f"    {json.dumps(n)}: {json.dumps(p)}" for n, p in pins.items())
        lines.append(f'  "{title}": {{\n{own}\n  }}')
    PINS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def wanted(names):
    """Those of the names that are given on the command line; all without any."""
    given = sys.argv[1:]
    if unknown := set(given) - set(names):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}")
    return [name for name in names if not given or name in given]


# --- tables ---------------------------------------------------------------------------


def numbers(m, columns, stream=0):
    """Normal numbers of shape (m, columns)."""
    return normal(KEY, stream, m * columns).reshape(m, columns)


def whole(m, below, stream):
    """Whole numbers from 0 to `below` - 1."""
    return philox(KEY, np.arange(m, dtype=np.uint64), 1000 + stream)[0].astype(np.int64) % below


def score(X, stream=50):
    """A number of each row that a hidden layer can learn, with some noise."""
    return X[:, 0] * X[:, 1 % X.shape[1]] + 0.5 * X[:, -1] + 0.3 * normal(KEY, stream, len(X))


def numbers_to_learn(X):
    """The same, with a part that a few steps can learn."""
    return 2 * X[:, 0] + score(X)


def two_classes(X):
    return (score(X) > 0).astype(np.int64)


def many_classes(X, classes):
    """So many classes, of which each is there."""
    y = np.clip(np.floor(score(X) + classes / 2), 0, classes - 1).astype(np.int64)
    y[:classes] = np.arange(classes)
    return y


def several_labels(X, labels=3):
    return np.stack([(score(X, 50 + i) > 0.4 * i).astype(np.int64) for i in range(labels)], axis=1)


def table(m=400):
    """Every type of column, with missing values, and two targets: a word and a number."""
    x = np.round(numbers(m, 3, 7), 3)
    towns = np.array(["Ulm", "Bonn", "Jena", "Köln", "Łódź"], object)[whole(m, 5, 1)]
    rare = np.array([f"word {i}" for i in whole(m, 40, 2)], object)
    days = np.datetime64("1968-11-01") + whole(m, 1500, 3)
    times = np.datetime64("2023-12-30T00:00:00") + whole(m, 700_000, 4).astype("timedelta64[s]")
    number = x[:, 0] * x[:, 1] + (towns == "Ulm") + 0.2 * x[:, 2]
    return pa.table(
        {
            "x": pa.array(x[:, 0]),
            "holes": pa.array(x[:, 1], mask=whole(m, 10, 5) == 0),
            "count": pa.array(whole(m, 7, 6)),
            "flag": pa.array(whole(m, 2, 7) == 1),
            "town": pa.array(towns, pa.string(), mask=whole(m, 9, 8) == 0),
            "rare": pa.array(rare, pa.string()),
            "day": pa.array(days.astype("datetime64[D]"), pa.date32(), mask=whole(m, 12, 9) == 0),
            "time": pa.array(times.astype("datetime64[s]"), pa.timestamp("s")),
            "late": pa.array(np.where(number > 0.3, "yes", "no").astype(object), pa.string()),
            "delay": pa.array(np.round(number * 60, 2)),
        }
    )


def features(whole_table):
    """The table without its two targets."""
    return whole_table.drop_columns(["late", "delay"])
