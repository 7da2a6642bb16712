"""One table in the exports of many programs: read as the clean CSV is, or refused with the cure."""

import bz2
import codecs
import contextlib
import datetime
import gzip
import io
import json
import lzma
import multiprocessing
import pickle
import random
import re
import sqlite3
import struct
import tarfile
import warnings
import zipfile

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import xlwt

from shoal.data.read import csv_text, sheet_size
from shoal.data.read.column_types import Wanted
from shoal.data.read.compound import has_circle
from shoal.data.read.file_options import FileOptions
from shoal.data.read.files import held, read_table, source_of, stream
from shoal.errors import DataError, SettingError, ShoalWarning

NAMES = ["price", "size", "city", "day", "member", "sold"]
DAY = datetime.date(2019, 1, 1)


def rows(m=300, seed=5):
    draw = random.Random(seed)
    for _ in range(m):
        yield {
            "price": round(draw.uniform(1000, 9000), 2),
            "size": draw.choice([None, *range(1, 41)]),
            "city": draw.choice(["Zürich", "Lyon, Rhône", 'the "Hague"', "Oslo"]),
            "day": DAY + datetime.timedelta(days=draw.randint(0, 1400)),
            "member": draw.random() < 0.5,
            "sold": draw.choice(["yes", "no"]),
        }


ROWS = list(rows())
RECORDS = [{**row, "day": str(row["day"])} for row in ROWS]


def csv(separator=",", names=NAMES, quote='"', end="\n", always=False):
    """The table as CSV."""

    def cell(value):
        text = "" if value is None else str(value)
        must = always or separator in text or quote in text
        return quote + text.replace(quote, quote * 2) + quote if must else text

    lines = [[cell(name) for name in names], *([cell(v) for v in row.values()] for row in ROWS)]
    return "".join(separator.join(line) + end for line in lines)


CLEAN = csv().encode()
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)


def workbook(sheets, hidden=()):
    """An .xlsx file: by the name of each sheet its rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


TABLE = [NAMES, *(list(row.values()) for row in ROWS)]


def shifted():
    """The table in the middle of a sheet, with blank rows and formatted cells around it."""
    book = openpyxl.Workbook()
    for i, line in enumerate(TABLE):
        for j, value in enumerate(line):
            book.active.cell(i + 4, j + 3, value)
    book.active.cell(len(TABLE) + 20, 3).number_format = "0.00"
    book.active.cell(5, 30).number_format = "0.00"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def old_workbook():
    """An .xls file."""
    book = xlwt.Workbook()
    sheet, day = book.add_sheet("t"), xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for i, line in enumerate(TABLE):
        for j, value in enumerate(line):
            style = [day] if isinstance(value, datetime.date) else []
            sheet.write(i, j, value, *style)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(folder):
    path = str(folder / "made.ods")
    pd.DataFrame(ROWS, columns=NAMES).astype({"size": object}).to_excel(path, index=False)
    return (folder / "made.ods").read_bytes()


def sqlite(*statements, records=()):
    """A database with the table t."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for statement in statements:
            database.execute(statement)
        if records:
            database.execute("CREATE TABLE t (price, size, city, day, member, sold)")
            database.executemany(
                "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)",
                [
                    [str(v).lower() if isinstance(v, bool) else v for v in record.values()]
                    for record in records
                ],
            )
        database.commit()
        return database.serialize()


def packed(members):
    """A zip archive of files by their names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("t.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def reordered():
    """Records with their values in another order, and without those that are missing."""
    for i, record in enumerate(RECORDS):
        there = {name: v for name, v in record.items() if v is not None}
        yield dict(reversed(there.items())) if i else record


SAME = {
    "tabs": csv("\t"),
    "semicolons": csv(";"),
    "bars": csv("|"),
    "bars and a rule below the names": csv("|").replace("\n", "\n----+:---:\n", 1),
    "carets": (csv("^"), {"separator": "^"}),
    "tabs by name": (csv("\t"), {"separator": "tab"}),
    "a line with the separator": "sep=;\n" + csv(";"),
    "a line with the separator in quotes, behind a mark": '\ufeff"sep=;"\r\n' + csv(";", end="\r\n"),
    "all in quotes": csv(always=True),
    "names with blanks around": csv(names=[f" {name} " for name in NAMES]),
    "a mark and CRLF": b"\xef\xbb\xbf" + csv(end="\r\n").encode(),
    "CR": csv(end="\r"),
    "UTF-16": csv("\t").encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + csv(end="\r\n").encode("utf-16-be"),
    "UTF-32": csv().encode("utf-32"),
    "UTF-16 without a mark": (csv().encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "Latin-1": (csv().encode("latin-1"), {"encoding": "latin-1"}),
    "Windows": (csv(";").encode("cp1252"), {"encoding": "cp1252"}),
    "UTF-8 by name": (CLEAN, {"encoding": "UTF8"}),
    "gz": gzip.compress(CLEAN),
    "gz in two parts": gzip.compress(CLEAN[:999]) + gzip.compress(CLEAN[999:]),
    "bz2": bz2.compress(CLEAN),
    "xz": lzma.compress(CLEAN),
    "zst": pa.compress(CLEAN, "zstd", asbytes=True),
    "zip": packed({"t.csv": CLEAN}),
    "zip of a Mac": packed({"data/t.csv": CLEAN, "__MACOSX/data/._t.csv": b"\0\5"}),
    "UTF-16 in gz": gzip.compress(csv().encode("utf-16")),
    "JSON": json.dumps(RECORDS),
    "JSON on many lines": json.dumps(RECORDS, indent=2, ensure_ascii=False),
    "JSON with a mark": b"\xef\xbb\xbf" + json.dumps(RECORDS).encode(),
    "JSON in UTF-16": json.dumps(RECORDS, ensure_ascii=False).encode("utf-16"),
    "JSON lines": LINES,
    "JSON lines with blank ones": LINES.replace("\n", "\r\n\r\n"),
    "JSON records without line ends": LINES.replace("\n", " "),
    "JSON records of differing keys": json.dumps(list(reordered())),
    "JSON lines in zip": packed({"t": LINES}),
    "xlsx": workbook({"t": TABLE}),
    "xlsx behind an empty and a hidden sheet": workbook(
        {"empty": [], "old": [["a"], [1]], "t": TABLE}, hidden=["old"]
    ),
    "another sheet": (workbook({"u": [["a"], [1]], "t": TABLE}), {"sheet": "t"}),
    "xlsx in the middle": shifted(),
    "xlsx in gz": gzip.compress(workbook({"t": TABLE})),
    "xls": old_workbook(),
    "SQLite": sqlite(records=RECORDS),
    "a table of several": (sqlite("CREATE TABLE u (a)", records=RECORDS), {"table_name": "t"}),
    "a query": (sqlite(records=RECORDS), {"query": "SELECT * FROM t ORDER BY rowid"}),
    "SQLite in xz": lzma.compress(sqlite(records=RECORDS)),
}  # fmt: skip


def given(case):
    content, options = case if isinstance(case, tuple) else (case, {})
    raw = content.encode() if isinstance(content, str) else content
    return raw, Wanted(files=FileOptions(**options))


def read_in_every_way(path, wanted):
    """The table in memory, and as it is streamed."""
    yield held(str(path), wanted).table()
    source = source_of(str(path), wanted)
    yield source.table()
    elsewhere = pickle.loads(pickle.dumps(source))
    yield pa.concat_tables([source.table().slice(0, 100), *elsewhere.tables(100, source.m)])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    path = tmp_path_factory.mktemp("clean") / "t.csv"
    path.write_bytes(CLEAN)
    return read_table(str(path))


@pytest.mark.parametrize("name", SAME)
def test_an_export_is_read_as_the_clean_csv_is(name, clean, tmp_path):
    raw, wanted = given(SAME[name])
    path = tmp_path / "t"
    path.write_bytes(raw)
    for found in read_in_every_way(path, wanted):
        assert found.select(NAMES).equals(clean)
        assert found.num_columns == len(NAMES)
    typed = wanted._replace(types={"price": pa.float64(), "city": pa.string()})
    pieces = [piece.table for piece in stream(str(path), typed) if piece.table.num_rows]
    used = pa.concat_tables(pieces).select(["price", "city"])
    assert used.equals(clean.select(["price", "city"]))


def test_an_ods_is_read_as_the_clean_csv_is(clean, tmp_path):
    path = tmp_path / "t.ods"
    path.write_bytes(ods(tmp_path))
    for found in read_in_every_way(path, Wanted()):
        assert found.equals(clean)


def test_a_duckdb_database_keeps_its_types_and_the_order_of_a_query(clean, tmp_path):
    path = str(tmp_path / "t.duckdb")
    whole = pa.Table.from_pylist(ROWS)
    with duckdb.connect(path) as database:
        database.register("whole", whole)
        database.execute("CREATE TABLE t AS SELECT * FROM whole")
        database.execute("CREATE TABLE u (a INTEGER)")
    for found in read_in_every_way(path, Wanted(files=FileOptions(table_name="t"))):
        assert found.equals(clean)
    query = FileOptions(query="SELECT price, city FROM t WHERE size > 3 ORDER BY price DESC")
    expected = sorted((r["price"] for r in ROWS if (r["size"] or 0) > 3), reverse=True)
    assert source_of(path, Wanted(files=query)).table()["price"].to_pylist() == expected


# --- what cells are ---------------------------------------------------------------------------


def read(raw, tmp_path, name="t", **options):
    path = tmp_path / name
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return held(str(path), Wanted(files=FileOptions(**options))).table()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1.0, 2.0, None], [1, 2, None]),
        ([1.0, 2.5], [1.0, 2.5]),
        ([2.0**60, 0.5], [2.0**60, 0.5]),
        ([True, False, None], [True, False, None]),
        ([DAY, DAY], [DAY, DAY]),
        (
            [datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.datetime(2020, 1, 3)],
            [datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.datetime(2020, 1, 3)],
        ),
        (["007", "008"], ["007", "008"]),
        (["NA", " ", "x"], [None, None, "x"]),
        (["1", 2.0, "x", "y"], ["1", "2", "x", "y"]),
    ],
)
def test_a_cell_of_a_spreadsheet_is_what_its_csv_export_is(cells, expected, tmp_path):
    lines = [["a", "b"], *([cell, "x"] for cell in cells)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # codes are reported
        found = read(workbook({"t": lines}), tmp_path)
    assert found["a"].to_pylist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1}\n{"a":2.5}', [1.0, 2.5]),
        ('{"a":NaN}\n{"a":1.5}', [None, 1.5]),
        ('{"a":true}\n{"a":null}', [True, None]),
        ('{"a":"2019-01-01"}', [DAY]),
        ('{"a":"x\\n\\u00fc\\"}]"}\n{"a":"[{"}', ['x\nü"}]', "[{"]),
        ('{"a":1e3}\n{"a":0.1}', [1000.0, 0.1]),
        ('{"a":1,"b":2}\n{"b":3}\n{"a":4}', [1, None, 4]),
    ],
)
def test_a_value_of_json_is_what_its_csv_export_is(text, expected, tmp_path):
    assert read(text, tmp_path)["a"].to_pylist() == expected


def test_numbers_of_json_keep_their_digits(tmp_path):
    large = "123456789012345678901234567890"
    with pytest.warns(ShoalWarning, match="larger than 64 bits"):
        found = read(f'{{"a":{large}}}\n{{"a":1}}', tmp_path)
    assert found["a"].to_pylist() == [large, "1"]
    assert read('{"a":9007199254740993}', tmp_path)["a"].to_pylist() == [9007199254740993]


def test_values_that_are_not_used_may_be_of_any_kind(tmp_path):
    path = tmp_path / "t"
    path.write_text('{"a":1,"b":{"c":[1]}}\n{"a":2,"b":[]}')
    dropped = held(str(path), Wanted(drop=frozenset("b"))).table()
    assert dropped.to_pydict() == {"a": [1, 2]}
    model = Wanted(types={"a": pa.float64()})
    found = pa.concat_tables([piece.table for piece in stream(str(path), model)])
    assert found.to_pydict() == {"a": [1.0, 2.0], "b": ['{"c": ["1"]}', "[]"]}


def test_a_spoilt_cell_is_named_with_its_row_of_the_sheet(tmp_path):
    lines = [[], ["a", "b"], *([i, "x"] for i in range(40)), ["oops", "y"], [41, "x"]]
    with pytest.warns(ShoalWarning, match=r'first "oops" in row 41 \(line 43\)'):
        found = read(workbook({"t": lines}), tmp_path)
    assert found["a"].to_pylist()[-2:] == [None, 41]


def test_other_sheets_and_cells_with_errors_are_reported(tmp_path):
    lines = [["a", "b"], [1, "x"], [2, "y"]]
    with pytest.warns(ShoalWarning, match='the sheet "t" is read, and not u'):
        read(workbook({"t": lines, "u": lines}), tmp_path)
    with pytest.warns(
        ShoalWarning, match="1 cell with an error is read as missing .*, first in cell A4"
    ):
        found = read(workbook({"t": [*lines, ["#N/A", "z"]]}), tmp_path)
    assert found["a"].to_pylist() == [1, 2, None]


def test_letters_of_windows_in_latin_1_are_reported(tmp_path):
    with pytest.warns(ShoalWarning, match='is it encoding="cp1252"'):
        read("a,b\n1,€\n".encode("cp1252"), tmp_path, encoding="latin-1")


def test_a_spreadsheet_is_known_by_its_content_not_its_name(tmp_path):
    raw = workbook({"t": [["a", "b"], [1, "x"]]})
    assert read(raw, tmp_path, "t.xls").to_pydict() == {"a": [1], "b": ["x"]}
    assert read("a,b\n1,x\n", tmp_path, "t.xlsx").to_pydict() == {"a": [1], "b": ["x"]}


# --- what is refused --------------------------------------------------------------------------

SMALL = workbook({"t": [["a", "b"], [1, "x"], [2, "y"]]})
DATABASE = sqlite("CREATE TABLE t (a, b)", "INSERT INTO t VALUES (1, 'x')")
REFUSED = {
    "a truncated xlsx": (SMALL[: len(SMALL) // 2], {}, "damaged or cut short"),
    "a damaged xlsx": (SMALL.replace(b"PK\1\2", b"PK\1\3"), {}, "damaged or cut short"),
    "an xlsx of a rare compression": (SMALL.replace(b"PK\1\2\x14\3\x14\0\0\0\x08", b"PK\1\2\x14\3\x14\0\0\0\x07"),
        {}, "damaged or cut short"),
    "an xlsx with damaged cells": (
        packed({"xl/workbook.xml": "<nothing/>"}), {}, "spreadsheet cannot be read"),
    "an empty sheet": (workbook({"t": []}), {}, "expected at least one column"),
    "a title over the names": (
        workbook({"t": [["Sales 2019"], [], ["a", "b", "c"], [1, 2, 3]]}), {},
        'line 1: expected column names, found "Sales 2019"'),
    "two rows of names": (
        workbook({"t": [["2019", None, "2020", None], ["a", "b"] * 2, [1, 2, 3, 4]]}), {},
        "join names that stand on several lines"),
    "equal names": (workbook({"t": [["a", "a"], [1, 2]]}), {}, "more than one column is named"),
    "names again in a sheet": (
        workbook({"t": [["a", "b"], [1, "x"], ["a", "b"], [2, "y"]]}), {},
        r"row 2 \(line 3\): .* names of the columns again"),
    "names again in JSON": (
        '[{"a":1,"b":"x"},\n{"a":"a","b":"b"}]', {}, r"row 2 \(line 2\): .* the columns again"),
    "names as a row of a database": (
        sqlite("CREATE TABLE t (a, b)", "INSERT INTO t VALUES ('a', 'b'), (1, 'x')"), {},
        "row 1: .* names of the columns again"),
    "no such sheet": (SMALL, {"sheet": "T"}, 'no sheet "T". Did you mean "t"'),
    "an option of another format": (SMALL, {"separator": ";"}, "a spreadsheet, which has no such"),
    "an option of databases": ("a,b\n1,2\n", {"query": "SELECT 1"}, "CSV, which has no such"),
    "a title over CSV": ("Sales,,\n,,\na,b,c\n1,2,3\n", {}, 'names, found "Sales"'),
    "a short title over CSV": ("Sales\na,b,c\n1,2,3\n", {}, "title or a remark"),
    "no UTF-8": ("a,b\n1,x\n2,é\n".encode("latin-1"), {}, 'line 3: .*encoding="latin-1"'),
    "not this encoding": ("a,b\n1,é\n", {"encoding": "ascii"}, "line 2: expected ascii"),
    "no encoding": ("a,b\n1,x\n", {"encoding": "klingon"}, "expected the name of an encoding"),
    "an encoding of no text": ("a,b\n1,x\n", {"encoding": "hex"}, "the name of an encoding"),
    "half a character": ("a,b\n1,x\n".encode("utf-16")[:-1], {}, "expected utf-16"),
    "a long separator": ("a,b\n1,x\n", {"separator": ";;"}, "expected one ASCII character"),
    "two tables": (packed({"a": "a,b\n1,2\n", "b": "c"}), {}, r"with 2 files \(a, b\)"),
    "an encrypted zip": (packed({"a": "a,b\n1,2\n"}).replace(
        b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), {}, "password|encrypted"),
    "a truncated xz": (lzma.compress(CLEAN)[:-40], {}, "damaged or cut short"),
    "a document": (packed({"word/document.xml": "x"}), {}, "looks like a document"),
    "nested JSON": ('[{"a":{"b":1}}]', {}, 'row 1 .*column "a": .*an object.*drop='),
    "a list in JSON": ('{"a":[1,2],"b":[3,4]}', {}, 'column "a": .*a list'),
    "JSON without records": ("[[1,2],[3,4]]", {}, "expected an array of records"),
    "numbers of JSON": ("[1, 2]", {}, "expected an array of records"),
    "two values of one name": ('{"a":1}\n{"a":1,"a":2}', {}, r'row 2 \(line 2\): .* named "a"'),
    "an infinite number": ('{"a":Infinity}', {}, "expected a finite number"),
    "an empty array": ("[]", {}, "expected at least one column and one row"),
    "empty records": ("[{},{}]", {}, "expected at least one column and one row"),
    "a truncated array": ('[{"a":1},\n{"a":2}', {}, "the array has no end"),
    "a truncated record": ('[{"a":1},\n{"a":', {}, r"row 2 \(line 2\): a record has no end"),
    "a comma too many": ('[{"a":1},]', {}, "expected an array of records"),
    "a comma missing": ('[{"a":1} {"a":2}]', {}, "row 2 .*a comma"),
    "text after the array": ('[{"a":1}] x', {}, "expected an array of records"),
    "no JSON": ('{"a":1}\n{"a":tru}', {}, r"row 2 \(line 2\): a record is not JSON"),
    "half of a pair": ('{"a":"\\ud800"}', {}, "half of a character"),
    "JSON too deep": ('{"a":' + "[" * 99 + "]" * 99 + "}", {}, "nested more deeply"),
    "JSON in Latin-1": ('{"a":"é"}'.encode("latin-1"), {}, "expected UTF-8"),
    "a truncated database": (DATABASE[:5000], {}, "the database cannot be read"),
    "a database without its header": (DATABASE[:50], {}, "the database cannot be read"),
    "a damaged database": (DATABASE[:4096] + b"\xff" * 4096, {}, "the database cannot be read"),
    "a database without a table": (sqlite("CREATE TABLE t (a)", "DROP TABLE t"), {}, "has no table"),
    "several tables": (
        sqlite("CREATE TABLE t (a)", "CREATE TABLE u (a)"), {}, "2 tables: t, u. Choose one"),
    "no such table": (DATABASE, {"table_name": "T"}, 'no table "T". Did you mean "t"'),
    "a table and a query": (DATABASE, {"table_name": "t", "query": "SELECT 1"}, "found both"),
    "a query that fails": (DATABASE, {"query": "SELECT c FROM t"}, "no such column: c"),
    "a query that deletes": (DATABASE, {"query": "DELETE FROM t"}, "only read"),
    "a query that inserts": (
        DATABASE, {"query": "INSERT INTO t VALUES (1, 2) RETURNING a"}, "only read"),
    "a query that opens files": (DATABASE, {"query": "ATTACH 'x.db' AS x"}, "only read"),
    "a query that sets": (DATABASE, {"query": "PRAGMA journal_mode = WAL"}, "only read"),
    "two queries": (DATABASE, {"query": "SELECT 1; DELETE FROM t"}, "query"),
    "no query": (DATABASE, {"query": ""}, "it gives no rows"),
    "a BLOB": (sqlite("CREATE TABLE t (a)", "INSERT INTO t VALUES (x'00')"), {}, r"a BLOB"),
    "text that is none": (
        sqlite("CREATE TABLE t (a)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))"), {},
        "Could not decode"),
    "a page of HTML": ("<html><table><tr><td>1", {}, "a page of HTML.*save it as .xlsx"),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:a\n", {}, "Git LFS.*git lfs pull"),
    "an XML spreadsheet": (
        '<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        {}, "an XML spreadsheet of 2003"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", {}, "a PDF document"),
    "SPSS": (b"$FL2@(#) IBM SPSS", {}, "SPSS.*read_spss"),
    "Stata": (b"<stata_dta><header>", {}, "Stata.*read_stata"),
    "old Stata": (b"\x72\1\1\0\5\0", {}, "Stata.*read_stata"),
    "SAS": (b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf", {}, "SAS.*read_sas"),
    "R": (gzip.compress(b"X\n\0\0\0\3\0\4"), {}, "file of R.*write_parquet"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", {}, "HDF5"),
    "a pickle": (pickle.dumps({"a": [1]}), {}, "a pickle of Python"),
    "a tar archive": (tar(CLEAN), {}, "a tar archive"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0", {}, "an image"),
    "ARFF": ("% of iris\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n", {}, "ARFF"),
    "a model": (struct.pack("<Q", 99) + b'{"__metadata__":{}}', {}, "a model file"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_cure(name, tmp_path):
    content, options, message = REFUSED[name]
    raw, wanted = given((content, options))
    path = tmp_path / "t"
    path.write_bytes(raw)
    errors = set()
    for how in (held, source_of):
        with pytest.raises((DataError, SettingError), match=f"(?s){message}") as error:
            how(str(path), wanted).table()
        errors.add(str(error.value))
    assert len(errors) == 1
    assert sorted(tmp_path.iterdir()) == [path]  # nothing is left
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    ("rows", "cells"), [(1, "1 cell with a formula has"), (3, "3 cells with formulas have")]
)
def test_formulas_that_nobody_computed_are_reported(rows, cells, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    for i in range(rows):
        book.active.append([f"=B{i + 2}*2", i])
    out = io.BytesIO()
    book.save(out)
    with pytest.warns(ShoalWarning, match=rf"{cells} no value, .*missing, first in cell A2\. Open"):
        assert read(out.getvalue(), tmp_path)["a"].null_count == rows


@pytest.mark.parametrize(
    ("merged", "said"),
    [
        (["C2:C4"], r"1 range of merged cells has a value .* first in cell C2\. Unmerge"),
        (["AB3:AC4", "C2:C4"], r"2 merged ranges have a value .* first in cell C2\. Unmerge"),
        (["AB3:AC4"], r"1 range of merged cells .* first in cell AB3\. Unmerge"),
        (["AB1:AC1"], None),  # beside the names: nothing is missing in a row
    ],
)
def test_merged_cells_are_reported(merged, said, tmp_path):
    """One of them has the value: the others would be missing without a word."""
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c"])
    for i in range(5):
        book.active.append([i, i * i, "x"])
    for cells in merged:
        book.active.merge_cells(cells)
    out = io.BytesIO()
    book.save(out)
    with warnings.catch_warnings() if said is None else pytest.warns(ShoalWarning, match=said):
        warnings.simplefilter("error" if said is None else "always")
        assert read(out.getvalue(), tmp_path)["c"].null_count == (2 if "C2:C4" in merged else 0)


def test_a_formula_with_an_empty_text_has_a_value(tmp_path):
    """As Excel writes it."""
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, "KEPT"])
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sheet, formula = (
        "xl/worksheets/sheet1.xml",
        b'<c r="B2" t="str"><f>IF(A2&gt;1,"x","")</f><v></v></c>',
    )
    files[sheet] = re.sub(rb'<c r="B2".*?</c>', formula, files[sheet])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(packed(files), tmp_path)["a"].to_pylist() == [1]


def test_a_cell_far_from_the_table_does_not_take_all_memory(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.cell(1_048_576, 16_384, 1)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(DataError, match="1,048,576 rows × 16,384 columns"):
        read(out.getvalue(), tmp_path)


def test_cells_that_are_repeated_without_end_do_not_take_all_memory(tmp_path):
    row = (
        '<table:table-row table:number-rows-repeated="1000000">'
        '<table:table-cell table:number-columns-repeated="1000" office:value-type="float"/>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with pytest.raises(DataError, match="1,000,000 rows × 1,000 columns"):
        read(packed({"mimetype": kind, "content.xml": row}), tmp_path)


def test_an_xls_whose_sectors_lead_in_a_circle_is_refused(tmp_path):
    raw = bytearray(old_workbook())
    table = 512 * (1 + int.from_bytes(raw[76:80], "little"))
    raw[table : table + 4] = (1).to_bytes(4, "little")
    raw[table + 4 : table + 8] = (0).to_bytes(4, "little")
    with pytest.raises(DataError, match="sectors do not follow each other"):
        read(raw, tmp_path)


@pytest.mark.parametrize(
    ("following", "circle"),
    [([], False), ([1, 2, 99], False), ([0], True), ([1, 2, 0], True), ([9, 2, 3, 1], True)],
)
def test_a_circle_is_found(following, circle):
    assert has_circle(np.array(following, np.uint32)) is circle


def test_an_xlsx_that_unpacks_to_gigabytes_is_refused_before(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet_size, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="bytes of XML"):
        read(SMALL, tmp_path)


def _hold(path, ready, done):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("BEGIN EXCLUSIVE")
        ready.set()
        done.wait()


@pytest.mark.slow
def test_a_locked_database_is_not_waited_for_without_end(tmp_path):
    path = tmp_path / "t.db"
    path.write_bytes(DATABASE)
    start = multiprocessing.get_context("spawn")
    ready, done = start.Event(), start.Event()
    other = start.Process(target=_hold, args=(str(path), ready, done))
    other.start()
    try:
        ready.wait()
        with pytest.raises(DataError, match="another program is writing"):
            held(str(path))
    finally:
        done.set()
        other.join()
    assert held(str(path)).m == 1


DUCK_QUERIES = {
    "DELETE FROM t": "only read",
    "COPY t TO 'evil.csv'": "only read",
    "ATTACH 'evil.db'": "only read",
    "INSERT INTO t VALUES (2) RETURNING a": "only read",
    "SELECT 1; SELECT 2": "only read",
    "SELECT * FROM read_csv('t.csv')": "disabled by configuration",
    "SELECT nope FROM t": 'column "nope" not found',
    "SELEC": "syntax error",
    "SELECT error('boom')": "boom",
    "SELECT [1, 2] AS a FROM t": "list",
    "SELECT 'a'::BLOB AS a, 'xff'::BLOB AS b, '\\xFF'::BLOB AS c": "not text",
}


@pytest.mark.parametrize("query", DUCK_QUERIES)
def test_a_query_of_duckdb_that_does_not_read_is_refused(query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("t.duckdb") as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a")
    with pytest.raises((DataError, SettingError), match=f"(?i){DUCK_QUERIES[query]}"):
        held("t.duckdb", Wanted(files=FileOptions(query=query)))
    assert [path.name for path in tmp_path.iterdir()] == ["t.duckdb"]


def test_a_damaged_and_a_locked_duckdb_database_are_refused(tmp_path):
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a")
        with pytest.raises(DataError, match="Close other programs"):
            held(str(path))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="the database cannot be read"):
        held(str(path))


@pytest.mark.parametrize(("kind", "library"), [("xlsx", "python_calamine"), ("duckdb", "duckdb")])
def test_a_library_that_is_absent_is_named(kind, library, tmp_path, monkeypatch):
    path = tmp_path / "t"
    path.write_bytes(SMALL if kind == "xlsx" else b"\0" * 8 + b"DUCK" + b"\0" * 99)
    monkeypatch.setitem(__import__("sys").modules, library, None)
    extra = "excel" if kind == "xlsx" else "duckdb"
    with pytest.raises(SettingError, match=rf"pip install 'shoal\[{extra}\]'"):
        held(str(path))


# --- dialects: DuckDB's sniffer is the oracle ------------------------------------------------


def dialect(seed):
    """A table of some dialect, with separators and quotes in its values and names."""
    draw = random.Random(seed)
    separator = draw.choice(",;\t|")
    words = ["a b", "x,y", "p;q", "r|s", 'say "hi"', "ü", "1,5 kg", "t\tu"]
    width = draw.randint(2, 6)

    def line(values):
        return separator.join(
            f'"{v.replace(chr(34), chr(34) * 2)}"' if separator in v or '"' in v else v
            for v in values
        )

    names = [f"{draw.choice(['n', 'size, cm', 'a;b', 'q|r'])} {i}" for i in range(width)]
    body = [[draw.choice(words) for _ in names] for _ in range(draw.randint(20, 60))]
    end = draw.choice(["\n", "\r\n"])
    return "".join(line(values) + end for values in (names, *body)), names, body


@pytest.mark.parametrize("seed", range(40))
def test_a_dialect_is_read_as_it_was_written_and_as_duckdb_reads_it(seed, tmp_path):
    text, names, body = dialect(seed)
    path = tmp_path / "t.csv"
    path.write_text(text, newline="")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        found = read_table(str(path))
    assert found.column_names == names
    assert [list(record.values()) for record in found.to_pylist()] == body
    other = duckdb.read_csv(str(path), all_varchar=True)
    if other.columns == names:  # DuckDB's sniffer found the dialect
        assert [tuple(line) for line in body] == other.fetchall()


@pytest.mark.parametrize("blocks", [1, 8])
@pytest.mark.parametrize("seed", range(12))
def test_line_ends_within_quotes_are_kept_wherever_a_block_ends(monkeypatch, seed, blocks):
    draw = random.Random(seed)
    parts = ["a", "b", "\n", "\r\n", "\r", '"', ",", "x y", ""]
    values = [
        ["".join(draw.choices(parts, k=7)).strip() or "v" for _ in range(3)] for _ in range(300)
    ]
    lines = [",".join('"' + v.replace('"', '""') + '"' for v in row) for row in values]
    stream = io.BytesIO("\n".join(['"p","q","r"', *lines]).encode())
    monkeypatch.setattr(csv_text, "BLOCK", draw.choice([16, 64, 100]))
    top = csv_text.header(stream.read, "t.csv")
    found, places = [], []
    for _, table, rows in csv_text.pieces(stream.read, "t.csv", top, top.names, blocks):
        found += [list(row.values()) for row in table.to_pylist()]
        places += [rows.place(i)["row"] for i in range(table.num_rows)]
    assert found == values
    assert places == list(range(1, 301))
