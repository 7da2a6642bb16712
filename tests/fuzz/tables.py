"""Tables: mutated CSV and Parquet, through the readers, and some through every command."""

import gzip
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from tests.fuzz.judge import Judge, Offence

from shoal import ShoalClassifier
from shoal.data.read.column_types import Wanted
from shoal.data.read.files import held, source_of, stream

NAME, CASES = "tables", 1500
LIMIT, FIT_LIMIT = 5.0, 20.0
COMMANDS = 0.015  # of the tables, those that go through every command
PARQUET, PACKED = 0.25, 0.05  # of the tables, the shares of Parquet and of gzip
ROWS = 150  # more than the sample that types are guessed from

PIECES = (
    b"", b"\x00", b"\r", b"\n", b"\r\n", b"\n\n", b'"', b'""', b'"\r\n"', b",", b";", b"\t", b"|",
    b",,,,", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3", b"\xc3\xa9", b"\xed\xa0\x80", b"\x1b[2J",
    b"\xe2\x80\xa8", b"\xe2\x80\xae", b"1e400", b"-1e400", b"1e308", b"nan", b"inf", b"NA", b"null",
    b"0x1f", b"007", b"1_000", b"1,5", b"9" * 30, b"9" * 5000, b"-", b"+", b" ", b"\x0b", b"\x85",
    b"2024-02-30", b"99999-01-01", b"0001-01-01", b"24:00", b"2024-01-01T00:00:00+99:00", b"true",
    b"x" * 70_000, b"a", b"late", b"#", b"\\", b"'", b"=1+1", b"\x1a", b"1e-320", b"0" * 400,
)  # fmt: skip


class Part:
    """The tables to begin with, and the cases made of them."""

    def __init__(self, judge: Judge, scratch: Path, seed: int) -> None:
        self.judge, self.scratch = judge, scratch
        self.begun = [_text(quoted, end) for quoted in (False, True) for end in (b"\n", b"\r\n")]
        self.arrow = _arrow()
        self.model = scratch / "model.shoal"
        table = pa.csv.read_csv(io.BytesIO(self.begun[0]))
        quick = {"hidden": 3, "members": 1, "max_iter": 2, "random_state": 0}
        ShoalClassifier(**quick).fit(table.drop(["late"]), table["late"]).save(self.model)

    def run(self, name: str, rng: np.random.Generator) -> None:
        path = self._made(rng)
        wanted = (Wanted(), Wanted(words=frozenset(["b"])), Wanted(types={"a": pa.float64()}))
        asked = wanted[rng.choice(3, p=[0.7, 0.15, 0.15])]
        found: dict[str, int] = {}
        reads = {
            "memory": lambda: held(str(path), asked).m,
            "streamed": lambda: sum(t.num_rows for t in source_of(str(path), asked).tables()),
            "once": lambda: sum(piece.table.num_rows for piece in stream(str(path), asked)),
        }
        self.judge.count("tables", 1)
        for way, read in reads.items():
            if self.judge.case(f"{name}-{way}", path, LIMIT, lambda: found.update({way: read()})):  # noqa: B023
                self.judge.count("read", 1)
        if len(set(found.values())) > 1:
            self.judge.keep(
                f"{name}-rows", path, Offence("ending", f"other numbers of rows: {found}")
            )
        if rng.random() < COMMANDS:
            self.commands(name, path)

    def commands(self, name: str, path: Path) -> None:
        """Every command that reads a table, and `inspect` of the model that was trained."""
        out, folder = self.scratch / "answers", self.scratch / "kept"
        shutil.rmtree(folder, ignore_errors=True)
        mine = self.scratch / "mine.shoal"
        mine.unlink(missing_ok=True)
        quick = ("--hidden", 3, "--max-iter", 2, "--members", 1)
        target = ("--target", "late")
        calls: dict[str, Any] = {
            "train": ("train", path, *target, *quick, "-o", mine, "--explain"),
            "report": ("train", path, *target, *quick, "--report", self.scratch / "page.html"),
            "number": ("train", path, "--target", "a", *quick, "--json"),
            "memory": ("train", path, *target, *quick, "--memory", "300MB", "--test-part", 0),
            "checkpoint": ("train", path, *target, *quick, "--checkpoint", folder),
            "predict": ("predict", self.model, path, "-o", f"{out}.csv", "--keep", "a"),
            "predict-jsonl": ("predict", self.model, path, "-o", f"{out}.jsonl"),
            "predict-parquet": ("predict", self.model, path, "-o", f"{out}.parquet"),
            "evaluate": ("evaluate", self.model, path, *target, "--json"),
            "study": ("study", path, *target, "--hidden", 2, "--seeds", 2, "--iterations", 3,
                      "--init", "glorot"),
        }  # fmt: skip
        for command, call in calls.items():
            self.judge.case(f"{name}-{command}", path, FIT_LIMIT, lambda: self.judge.command(*call))  # noqa: B023
        if mine.exists():
            for more in (("inspect", mine), ("predict", mine, path, "-o", f"{out}.csv")):
                kept = f"{name}-{more[0]}-mine"
                self.judge.case(kept, path, LIMIT, lambda: self.judge.command(*more))  # noqa: B023

    def _made(self, rng: np.random.Generator) -> Path:
        """The file of a case."""
        for old in self.scratch.glob("input.*"):
            old.unlink()
        if rng.random() < PARQUET:
            path = self.scratch / "input.parquet"
            pq.write_table(
                _odd_arrow(self.arrow, rng), path, row_group_size=int(rng.choice([7, 60, 1000]))
            )
            if rng.random() < 0.7:
                data = bytearray(path.read_bytes())
                # Bytes in the footer describe all others.
                low = len(data) // 2 if rng.random() < 0.5 else 0
                for _ in range(rng.integers(1, 5)):
                    data[rng.integers(low, len(data))] = rng.integers(256)
                path.write_bytes(data[: len(data) - int(rng.choice([0, 0, 0, 1, 9]))])
            return path
        data = _spoilt(self.begun[rng.integers(len(self.begun))], rng)
        path = self.scratch / "input.csv"
        if rng.random() < PACKED:
            path, data = self.scratch / "input.csv.gz", gzip.compress(data)
            if rng.random() < 0.5:
                data = data[: int(rng.integers(len(data)))]
        path.write_bytes(data)
        return path


def _columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(size=ROWS).round(3).tolist(),
        "b": [None if i % 9 == 0 else i * 7 % 31 for i in range(ROWS)],
        "city": rng.choice(["Rome", "Oslo", "São Paulo", "a b"], ROWS).tolist(),
        "day": [f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}" for i in range(ROWS)],
        "yes": ["true" if i % 3 else "false" for i in range(ROWS)],
        "late": ["yes" if i * i % 7 > 2 else "no" for i in range(ROWS)],
    }


def _text(quoted: bool, end: bytes) -> bytes:
    columns = _columns()
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    mark = '"' if quoted else ""
    lines = [",".join("" if x is None else f"{mark}{x}{mark}" for x in row) for row in rows]
    return end.join(line.encode() for line in lines) + end


def _arrow() -> pa.Table:
    """The same as Arrow, and columns of types that no CSV has."""
    n = range(ROWS)
    more = {
        "list": pa.array([[i] for i in n]),
        "struct": pa.array([{"x": i} for i in n]),
        "binary": pa.array([bytes([i % 256]) for i in n]),
        "big": pa.array([2**63 + i for i in n], pa.uint64()),
        "dictionary": pa.array([str(i % 3) for i in n]).dictionary_encode(),
        "duration": pa.array(list(n), pa.duration("ns")),
        "time": pa.array(list(n), pa.time64("ns")),
        "zoned": pa.array(list(n), pa.timestamp("ns", "Europe/Rome")),
        "half": pa.array(np.arange(ROWS, dtype=np.float16)),
        "decimal": pa.array(list(n)).cast(pa.decimal256(60, 20)),
        "null": pa.nulls(ROWS),
        "infinite": pa.array([float("inf")] * ROWS),
    }
    return pa.table(_columns() | more)


def _odd_arrow(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Some of the columns, some names spoilt, some rows missing, a few types cast."""
    names = [n for n in table.column_names if n in ("a", "late") or rng.random() < 0.4]
    table = table.select(names)
    if rng.random() < 0.3:
        odd = ["", "a", "\x1b[2J", "late", "x" * 1000, "a\nb", " ", "\u202e"]
        at = rng.integers(len(names))
        names = [str(rng.choice(odd)) if i == at else n for i, n in enumerate(names)]
        table = table.rename_columns(names)
    if rng.random() < 0.3:
        table = table.slice(0, int(rng.choice([0, 1, 2, 40])))
    if rng.random() < 0.3:
        empty = pa.nulls(table.num_rows, table.schema.field(0).type)
        table = table.set_column(0, table.schema.names[0], empty)
    return table


def _spoilt(data: bytes, rng: np.random.Generator) -> bytes:
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(len(data) + 1)) if rng.random() < 0.7 else int(rng.integers(40))
        to = at + int(rng.choice([0, 1, 1, 2, 5, 50, 3000]))
        match rng.integers(6):
            case 0:
                data = data[:at] + data[to:]
            case 1:
                data = data[:at] + data[at:to] * int(rng.integers(2, 4)) + data[to:]
            case 2:
                data = data[:at] + rng.bytes(int(rng.integers(1, 4))) + data[to:]
            case 3:  # a whole cell
                begin, end = data.rfind(b",", 0, at) + 1, data.find(b",", at)
                data = data[:begin] + PIECES[rng.integers(len(PIECES))] + data[max(end, begin) :]
            case 4 if rng.random() < 0.1:
                data = data[:at]
            case _:
                data = data[:at] + PIECES[rng.integers(len(PIECES))] + data[at:]
    if rng.random() < 0.05:
        text = data.decode("utf-8", "replace")
        data = text.encode(str(rng.choice(["utf-16", "utf-32", "cp1252", "utf-8-sig"])), "replace")
    return data.replace(b",", b";") if rng.random() < 0.05 else data
