"""Tables from files and pipes: what is read, and what is said when it cannot be."""

import ast
import csv
import datetime
import gzip
import io
import re
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shoal.data.read import csv_text as csv_files
from shoal.data.read import opening
from shoal.data.read.column_types import Wanted
from shoal.data.read.file_options import FileOptions
from shoal.data.read.files import held, read_table, source_of, stream, stream_tables
from shoal.data.read.messages import unknown_column
from shoal.errors import DataError, FileError, SettingError, ShoalWarning


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Every test writes and names its files as a person would: flights.csv.
    monkeypatch.chdir(tmp_path)


def table_of(text: str | bytes, name: str = "flights.csv", **options: Any) -> pa.Table:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(name, **options)


def error_of(text: str | bytes, name: str = "flights.csv", **options: Any) -> str:
    """The message of the DataError, the same for the whole table and for its parts."""
    with pytest.raises(DataError) as whole:
        table_of(text, name, **options)
    with pytest.raises(DataError) as parts:
        list(stream_tables(name, **options))
    assert str(parts.value) == str(whole.value)
    return str(whole.value)


def values(text: str | bytes, **options: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = table_of(text, **options).to_pydict()
    return found


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def says(message: str, *parts: str) -> None:
    for part in parts:
        assert part in message


# What is read ---------------------------------------------------------------------------------


def test_types_are_guessed() -> None:
    table = table_of(
        "n,x,yes,day,at,zoned,word\n"
        "1,2.5,true,2013-01-01,2013-01-01 05:00,2013-01-01T05:00:00Z,AA\n"
        "2,1e3,False,2013-01-02,2013-01-01T06:00:00.25,2013-01-01T07:00:00+02:00,007\n"
    )
    assert types(table) == {
        "n": "int64",
        "x": "double",
        "yes": "bool",
        "day": "date32[day]",
        "at": "timestamp[us]",
        "zoned": "timestamp[us, tz=UTC]",
        "word": "string",
    }
    zoned = table["zoned"].to_pylist()
    assert zoned[0] == zoned[1]


def test_numbers_may_have_a_plus_and_blanks() -> None:
    assert values("a,b\n+5, 7\n-5,8 \n") == {"a": [5.0, -5.0], "b": [7, 8]}


@pytest.mark.filterwarnings("ignore:read as missing besides")
@pytest.mark.parametrize("hole", ["", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?", '""'])
def test_holes_are_missing_in_every_column(hole: str) -> None:
    rows = "1,1.5,true,2013-01-01,AA\n" + ",".join([hole] * 5) + "\n"
    table = table_of("n,x,yes,day,word\n" + rows)
    assert [column.null_count for column in table.columns] == [1] * 5
    assert types(table)["n"] == "int64"


def test_blanks_are_missing_among_words_that_are_asked_for() -> None:
    assert values("a,b\n007,1\n,2\n", words=["a"]) == {"a": ["007", None], "b": [1, 2]}


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_blanks_do_not_hide_a_hole() -> None:
    text = "n,day,word\n1,2013-01-01, x\n  ,  , ?\n NA, null,\t\n"
    table = table_of(text)
    assert types(table) == {"n": "int64", "day": "date32[day]", "word": "string"}
    assert table["n"].to_pylist() == [1, None, None]
    assert table["word"].to_pylist() == ["x", None, None]


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_other_spellings_of_not_a_number_are_missing() -> None:
    assert values("a\n1.5\nNAN\n-nan\n") == {"a": [1.5, None, None]}


def test_integers_become_floats_when_a_late_value_needs_it() -> None:
    table = table_of("a,b\n" + "3,x\n" * 60_000 + "3.5,x\n")
    assert types(table)["a"] == "double"
    assert table["a"][60_000].as_py() == 3.5
    assert pa.concat_tables(stream_tables("flights.csv")).equals(table)


def test_dates_become_times_when_a_late_value_needs_it() -> None:
    table = table_of("day\n" + "2013-01-01\n" * 200 + "2013-01-02 06:00\n")
    assert types(table) == {"day": "timestamp[us]"}


def test_a_column_that_is_empty_for_long_is_read() -> None:
    long = ",x\n" * 200_000
    assert types(table_of("a,b\n" + long + "7,x\n")) == {"a": "int64", "b": "string"}
    assert types(table_of("a,b\n" + long + "seven,x\n")) == {"a": "string", "b": "string"}
    assert table_of("a,b\n,x\n")["a"].to_pylist() == [None]


def test_large_integers_are_exact() -> None:
    assert values("id\n9007199254740993\n") == {"id": [9007199254740993]}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(separator: str) -> None:
    text = f'a{separator}"b, c; d"{separator}e\n1{separator}2{separator}"x{separator}y"\n'
    assert values(text) == {"a": [1], "b, c; d": [2], "e": [f"x{separator}y"]}


def test_quotes_newlines_byte_order_marks_and_ends_of_line() -> None:
    text = 'a,"b\nc"\r\n1,"x ""y""\r\nz"\r\n\r\n2,5" disk\r\n'
    want = {"a": [1, 2], "b\nc": ['x "y"\r\nz', '5" disk']}
    assert values(b"\xef\xbb\xbf" + text.encode()) == want
    assert values("\n\na,b\n1,2") == {"a": [1], "b": [2]}
    assert values("a,b\r1,2\r3,4\r") == {"a": [1, 3], "b": [2, 4]}


def test_a_header_without_names_is_numbered() -> None:
    assert list(values(",a\n0,1\n")) == ["column 1", "a"]
    assert list(values("a,,\n0,1,2\n")) == ["a", "column 2", "column 3"]


def test_dropped_columns_are_not_even_looked_at() -> None:
    assert values(b"a,b\n1,\xff\n", drop=["b"]) == {"a": [1]}


def test_gzip_is_unpacked_whatever_its_name() -> None:
    packed = gzip.compress(b"a,b\n1,x\n")
    assert values(packed, name="flights.csv.gz") == {"a": [1], "b": ["x"]}
    assert values(packed) == {"a": [1], "b": ["x"]}


def test_content_counts_and_not_the_name() -> None:
    pq.write_table(pa.table({"a": [1, 2]}), "flights.csv")
    assert read_table("flights.csv").to_pydict() == {"a": [1, 2]}
    assert values("a\n1\n2\n", name="flights.parquet") == {"a": [1, 2]}


def test_parquet_obeys_the_same_wishes() -> None:
    pq.write_table(pa.table({"a": [1, 2], "b": ["3", "4.5"], "c": [5, 6], "": [7, 8]}), "t.parquet")
    options: dict[str, Any] = {"words": ["a"], "numbers": ["b"], "drop": ["c"]}
    want = {"a": ["1", "2"], "b": [3.0, 4.5], "": [7, 8]}
    assert read_table("t.parquet", **options).to_pydict() == want
    parts = list(stream_tables("t.parquet", rows=1, **options))
    assert [part.num_rows for part in parts] == [1, 1]
    assert pa.concat_tables(parts).to_pydict() == want


CSV_TEXT = st.text(alphabet='a1",;\n\r é', max_size=60)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(CSV_TEXT, st.integers(1, 20))
def test_law_where_the_bytes_are_cut_does_not_matter(rows: str, size: int) -> None:
    def outcome(block: int) -> object:
        stream = io.BytesIO(("a,b\n" + rows).encode())
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(csv_files, "BLOCK", block)
                top = csv_files.header(stream.read, "t")
                parts = list(csv_files.pieces(stream.read, "t", top, top.names))
            places = [rows.place(i) for _, table, rows in parts for i in range(len(table))]
            tables = [table for _, table, _ in parts if len(table)]
            return pa.concat_tables(tables).to_pydict() if tables else None, places
        except DataError as error:
            return str(error)

    assert outcome(size) == outcome(1 << 20)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(*[st.text('a",\n 5', min_size=1)] * 2), min_size=1, max_size=20))
def test_oracle_python_writes_and_we_read(rows: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    # Blanks at the ends of a value are meant where it is quoted.
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    table = table_of(text.getvalue(), words=["a", "b"])
    want = [tuple(value if value.strip() else None for value in row) for row in rows]
    assert list(zip(*table.to_pydict().values(), strict=True)) == want


# What is said of values -------------------------------------------------------------------------


def read_so(file: str, **wanted: Any) -> list[tuple[dict[str, list[Any]], list[str]]]:
    """What is read of a file and what is said of it: in memory, in parts, and in any order."""
    found = []
    for read in (
        lambda: read_table(file, **wanted),
        lambda: pa.concat_tables(list(stream_tables(file, **wanted))),
        lambda: source_of(file, Wanted(**{k: frozenset(v) for k, v in wanted.items()})).table(),
    ):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            table = read()
        assert all(one.category is ShoalWarning for one in seen)
        found.append((table.to_pydict(), [str(one.message) for one in seen]))
    return found


@pytest.mark.parametrize("row", [5, 10_431])
def test_a_spoilt_number_is_missing_and_reported_wherever_it_stands(row: int) -> None:
    lines = ["yes,5"] * 10_440
    lines[row - 1] = "no,abc"
    Path("flights.csv").write_text("late,distance\n" + "\n".join(lines) + "\n")
    found = read_so("flights.csv")
    assert found[0] == found[1] == found[2]
    columns, said = found[0]
    assert columns["distance"] == [None if line == "no,abc" else 5 for line in lines]
    assert said == [
        'column "distance": 1 of 10,440 values is not a number and is read as missing, first "abc" '
        f"in row {row:,} (line {row + 1:,}) of flights.csv. words=['distance'] treats the column as "
        "categorical."
    ]
    assert read_table("flights.csv", words=["distance"])["distance"][row - 1].as_py() == "abc"
    for read in (held, source_of):
        with pytest.raises(DataError) as error:
            read("flights.csv", Wanted(strict=True))
        assert str(error.value) == (
            f'flights.csv, row {row:,} (line {row + 1:,}), column "distance": expected a number, '
            'found "abc". Correct the value, or treat the whole column as categorical with '
            "words=['distance'], or leave it out with drop=['distance']."
        )


@pytest.mark.parametrize(("spoilt", "kind"), [(5, "double"), (6, "string")])
def test_one_value_in_twenty_may_be_spoilt(spoilt: int, kind: str) -> None:
    lines = ["abc"] * spoilt + ["", "NA"] + ["1.5"] * (100 - spoilt)
    Path("t.csv").write_text("a,b\n" + "".join(f"{line},x\n" for line in lines))
    found = read_so("t.csv")
    assert found[0] == found[1] == found[2]
    columns, told = found[0]
    (said,) = (one for one in told if "NA" not in one)
    assert 'read as missing besides blank cells: 1 × "NA" in a.' in told
    assert columns["a"][-1] == (1.5 if kind == "double" else "1.5")
    says(said, '"a"', "5 of 100 values are not" if kind == "double" else "only 94 of its 100")


def test_places_are_right_after_values_of_several_lines() -> None:
    text = 'a,b\n\n"x\ny",1\n' + '"x\ny",1\n\n' * 150_000 + "z,abc\n"
    Path("t.csv").write_text(text)
    for _, said in read_so("t.csv"):
        says(said[0], "row 150,002 (line 450,005)", 'column "b"', '"abc"')


@pytest.mark.parametrize(
    ("most", "odd", "kind"),
    [
        ("2013-01-01", "soon", "date32[day]"),
        ("2013-01-01 05:00", "2013-02-31", "timestamp[us]"),
        ("2013-01-01T05:00:00Z", "2013-01-01T05:00:00", "timestamp[us, tz=UTC]"),
        ("true", "maybe", "string"),  # yes or no is a question of words
        ("007", "12", "string"),
        ("007", "x", "string"),
        ("12345678901234567890", "12", "string"),
        ("-12345678901234567890", "1.5", "double"),
        ("+1", "-1", "int64"),
        ("1.0", "+2", "double"),
        ("17", "05", "string"),  # a code of two digits
        ("170", "05", "int64"),
    ],
)
def test_types_do_not_depend_on_where_a_value_stands(most: str, odd: str, kind: str) -> None:
    found = []
    for place in (0, 150, 299):
        lines = [most] * 300
        lines[place] = odd
        Path("t.csv").write_text("my column\n" + "\n".join(lines) + "\n")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found += [types(read_table("t.csv")), types(source_of("t.csv").table())]
    assert found == [{"my column": kind}] * 6


def test_blank_alone_is_missing_in_words_that_are_asked_for() -> None:
    text = "country,other,x\nNA,NA,1\nNone, null,2\n ,ZA,NA\n"
    Path("t.csv").write_text(text)
    for columns, _ in read_so("t.csv", words=["country"]):
        assert columns == {
            "country": ["NA", "None", None], "other": [None, None, "ZA"], "x": [1, 2, None],
        }  # fmt: skip


@pytest.mark.filterwarnings("ignore:read as missing besides")
def test_numbers_that_are_asked_for_must_be_numbers() -> None:
    message = error_of("a,b\nabc,1\n2,2\n", numbers=["a"])
    says(message, "flights.csv, row 1 (line 2)", '"a"', '"abc"', "words=['a']", "drop=['a']")
    assert values("a\nNA\n7\n", numbers=["a"]) == {"a": [None, 7]}


def test_a_long_value_is_shortened_in_the_message() -> None:
    says(error_of(f"a\n{'x' * 999}\n", numbers=["a"]), 'found "' + "x" * 40 + '…". Correct')


@pytest.mark.parametrize(
    ("value", "number"),
    [("1,5", 1.5), ("-1,5", -1.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5), (" 1,234,567 ", 1234567)],
)  # fmt: skip
def test_numbers_with_commas_are_numbers(value: str, number: float) -> None:
    text = f"a;b\n7;x\n;x\n{value};x\n"
    assert values(text)["a"] == [7, None, number]
    assert values(text, words=["a"])["a"] == ["7", None, value.strip()]
    with pytest.warns(ShoalWarning, match="only 2 of its 3 values"):
        assert values(text + "soon;x\n")["b"] == ["x"] * 4


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e999"])
def test_infinite_numbers_are_refused(value: str) -> None:
    message = error_of(f"a,x\n1,2.5\n2,{value}\n")
    says(message, "flights.csv, row 2 (line 3)", '"x"', "a finite number", f'"{value}"', "empty")
    assert "words" not in message


def test_values_of_parquet_are_named_by_row() -> None:
    pq.write_table(pa.table({"x": [1.0] * 99_999 + [float("inf")]}), "t.parquet")
    with pytest.raises(DataError, match=r't.parquet, row 100,000, column "x".*finite'):
        read_table("t.parquet")
    pq.write_table(pa.table({"x": ["1", "two"]}), "t.parquet")
    with pytest.raises(DataError, match=r'row 2, column "x": expected a number, found "two"'):
        list(stream_tables("t.parquet", numbers=["x"], rows=1))


def test_known_types_are_kept_to_and_the_cure_fits() -> None:
    Path("new.csv").write_text("a,b,c\n007,1,x\n,?,2\n")
    known = {"a": pa.string(), "b": pa.float64()}
    (part,) = stream_tables("new.csv", types=known)
    assert part.to_pydict() == {"a": ["007", None], "b": [1.0, None], "c": ["x", "2"]}
    known = {"c": pa.bool_()}
    with pytest.warns(ShoalWarning) as warned:
        list(stream_tables("new.csv", types=known))
    said = str(warned[0].message)
    says(said, "row 1 (line 2)", '"c": 2 of 2 values are not true or false', '"x"')
    assert "words=" not in said
    with pytest.raises(DataError) as error:
        list(stream("new.csv", Wanted(types=known, strict=True)))
    says(str(error.value), "row 1 (line 2)", '"c"', 'true or false, found "x"', "leave it empty")
    assert "words=" not in str(error.value)


TEXT = [pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())]


@pytest.mark.parametrize("kind", TEXT, ids=str)
def test_text_is_text_in_every_form_of_parquet(kind: pa.DataType) -> None:
    words = ["x", None, "y"]
    try:
        pq.write_table(pa.table({"a": pa.array(words).cast(kind)}), "t.parquet")
    except pa.ArrowNotImplementedError:
        pytest.skip("this version of pyarrow writes no views")
    table = read_table("t.parquet")
    assert types(table) == {"a": "string"}
    assert table["a"].to_pylist() == words


@pytest.mark.parametrize(
    ("values", "said"), [([b"\xff"], "found bytes that are not text"), ([[1, 2]], "found list")]
)
def test_what_cannot_be_a_column_of_parquet(values: list[Any], said: str) -> None:
    pq.write_table(pa.table({"n": [1], "a": values}), "t.parquet")
    with pytest.raises(DataError, match=f't.parquet, column "a": .*{said}.*eave it out'):
        read_table("t.parquet")
    assert read_table("t.parquet", drop=["a"]).to_pydict() == {"n": [1]}
    # A model that does not know the column does not mind.
    (part,) = stream_tables("t.parquet", types={"n": pa.float64()})
    assert part["n"].to_pylist() == [1.0]


DAY = datetime.datetime(2013, 1, 1)


@pytest.mark.parametrize(
    ("values", "wanted", "found"),
    [
        (["1.5", "x"], pa.float64(), 'row 2, column "a": expected a number, found "x"'),
        ([None, DAY], pa.float64(), 'row 2, column "a": expected a number, found "2013-01-01'),
        ([7, 8], pa.timestamp("us"), 'row 1, column "a": expected a date or a time, found "7"'),
        (["true", "x"], pa.bool_(), 'row 2, column "a": expected true or false, found "x"'),
        ([1.0, float("inf")], pa.float64(), 'row 2, column "a": expected a finite number'),
        (["1.5", None], pa.float64(), [1.5, None]),
        ([True, None], pa.float64(), [True, None]),
        (["2013-01-01"], pa.timestamp("us"), [DAY]),
        ([7, 8], pa.string(), [7, 8]),
    ],
)
def test_parquet_keeps_to_the_types_that_a_model_knows(
    values: list[Any], wanted: pa.DataType, found: object
) -> None:
    pq.write_table(pa.table({"a": values}), "t.parquet")
    parts = stream("t.parquet", Wanted(types={"a": wanted}, strict=True))
    if isinstance(found, str):
        with pytest.raises(DataError, match="^t.parquet, " + re.escape(found)):
            list(parts)
    else:
        assert pa.concat_tables([part.table for part in parts])["a"].to_pylist() == found


# What is said of files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found", "cure"), [("1,2,3", 3, "double quotes"), ("1", 1, "separator")]
)
def test_a_wrong_number_of_values(line: str, found: int, cure: str) -> None:
    message = error_of('a,b\n1,"x\ny"\n\n' + f"{line}\n")
    says(message, "flights.csv, line 5", "expected 2 values", f"found {found}", cure)
    message = error_of("a,b\n" + "1,2\n" * 300_000 + f"{line}\n")
    says(message, "line 300,002", "expected 2 values", f"found {found}", cure)


def test_a_remark_above_the_names() -> None:
    says(
        error_of("# of 2013\na,b\n1,2\n"),
        "flights.csv, line 2",
        "found 2",
        "remark",
        "remove it",
    )


RECORD = '"a","b\n""c"\n'


@given(st.text('a5 ,"\n', min_size=1, max_size=40), st.sampled_from([1, 3, 1 << 16]))
@example(RECORD + '"d', 3)
def test_records_with_quotes_end_where_the_pattern_of_a_record_says(
    text: str, at_once: int
) -> None:
    held, top = text.encode(), csv_files.Header([], ",", b"\n", 2, b"")
    _, records = csv_files._patterns(top)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_files, "SLICE", at_once)
        fast = csv_files._end_of_quoted(held, top)
    assert fast in (None, csv_files._end(records, held))
    assert fast == len(RECORD) or text != RECORD + '"d'


def test_a_quote_that_is_never_closed() -> None:
    says(error_of('a,b\n1,2\n3,"4\n5,6\n'), "flights.csv, line 3", "never closed", "Close it")
    says(error_of('a,"b\n1,2\n'), "line 1", "header", "never closed")


def test_a_quote_that_is_never_closed_is_not_read_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_files, "LONGEST", 1000)
    monkeypatch.setattr(csv_files, "BLOCK", 100)
    Path("flights.csv").write_text('a,b\n3,"4\n' + "5,6\n" * 1_000)
    with open("flights.csv", "rb") as stream:
        top = csv_files.header(stream.read, "flights.csv")
        with pytest.raises(DataError, match=r"flights.csv, line 2: .* never closed"):
            list(csv_files.pieces(stream.read, "flights.csv", top, top.names))
        assert stream.tell() < 1200
        stream.seek(6)
        with pytest.raises(DataError, match="line 1: a quote in the header is never closed"):
            csv_files.header(stream.read, "flights.csv")
        assert stream.tell() < 1200


def test_text_that_is_not_utf_8() -> None:
    cure = 'Name the encoding, such as encoding="latin-1"'
    says(error_of("a,b\n1,x\n2,é\n".encode("latin1")), "flights.csv, line 3", "0xe9", cure)
    says(error_of("é,b\n1,x\n".encode("latin1")), "flights.csv, line 1", "0xe9", cure)
    says(error_of("a,b\n1,€\n".encode("cp1252")), "0x80", 'encoding="cp1252"')
    says(error_of("a,b\n1,x\n".encode("utf-16-le")), "UTF-16", 'encoding="utf-16-le"')
    Path("flights.csv").write_text("a,b\n1,x\n")
    for encoding in ("utf-16", "utf-32"):  # of which this text is none
        with pytest.raises(DataError, match=f"line 1: expected {encoding}, found .*utf-8"):
            held("flights.csv", Wanted(files=FileOptions(encoding=encoding)))
    for encoding in ("idna", "punycode"):
        with pytest.raises(SettingError, match="expected the name of an encoding"):
            held("flights.csv", Wanted(files=FileOptions(encoding=encoding)))


@pytest.mark.parametrize(
    "junk",
    [bytes(range(256)) * 40, b"\x01\n1"],
)
def test_binary_junk(junk: bytes) -> None:
    says(error_of(junk), "flights.csv: this does not look like a CSV file", "spreadsheet")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_file(text: str) -> None:
    says(error_of(text), "flights.csv: the file is empty", "column names")


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\r\n\r\n"])
def test_a_header_without_rows(text: str) -> None:
    says(
        error_of(text),
        "flights.csv: expected at least one column and one row, found column names but no rows",
    )


def test_parquet_without_rows() -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), "t.parquet")
    with pytest.raises(DataError, match=r"t.parquet: expected .* found column names but no rows"):
        read_table("t.parquet")
    pq.write_table(pa.table({}), "t.parquet")
    with pytest.raises(DataError, match=r"t.parquet: expected .* found no columns"):
        read_table("t.parquet")


def test_two_columns_of_one_name() -> None:
    message = error_of("a,b,a,c,b\n1,2,3,4,5\n")
    says(message, "flights.csv", '"a" (columns 1 and 3), "b" (columns 2 and 5)', "Rename")
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), "t.parquet")
    with pytest.raises(DataError, match=r'"a" \(columns 1 and 2\)'):
        read_table("t.parquet")


def test_damaged_files() -> None:
    pq.write_table(pa.table({"a": range(1000)}), "t.parquet")
    whole = Path("t.parquet").read_bytes()
    says(
        error_of(whole[:-20], "t.parquet"),
        "t.parquet: the file is damaged or cut short",
        "Copy it again",
    )
    page = whole[:40] + b"\xff" * 400 + whole[440:]
    says(error_of(page, "t.parquet"), "t.parquet: row group 1 of 1 is damaged or cut short")
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    says(
        error_of(packed[:-12], "t.csv.gz"),
        "t.csv.gz: the file is damaged or cut short",
        "Copy it again",
    )


def test_a_file_that_is_not_there() -> None:
    Path("flights.csv").write_text("a\n1\n")
    with pytest.raises(
        FileError, match=r'flight.csv: the file does not exist. Did you mean "flights.csv"'
    ):
        read_table("flight.csv")
    with pytest.raises(
        FileError, match=r"zzz: the file does not exist, nor any file with a similar name"
    ):
        read_table("zzz")
    with pytest.raises(FileError, match=r"nowhere/flights.csv: .* nor does the folder nowhere"):
        next(stream_tables("nowhere/flights.csv"))
    for address in ("https://example.org/flights.csv", "s3://bucket/flights.csv"):
        with pytest.raises(FileError, match=r"found an address\. Download it"):
            read_table(address)
    with pytest.raises(FileError, match="nor does the folder C:"):
        read_table("C:/nowhere/flights.csv")


@pytest.mark.parametrize("given", ["data", "data/*/*.csv"])
def test_folders_that_are_named_by_a_column_are_reported(given: str) -> None:
    """As Hive and Spark write them: the column was lost without a word."""
    for town in ("Oslo", "Lyon"):
        Path(f"data/town={town}").mkdir(parents=True)
        Path(f"data/town={town}/part.csv").write_text("a\n1\n")
    with pytest.warns(
        ShoalWarning, match=r'by values of "town", such as town=(Oslo|Lyon): .* not read'
    ) as told:
        assert read_table(given).num_rows == 2
    assert len(told) == 1


def test_a_folder_and_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data").mkdir()
    with pytest.raises(FileError, match=r"data: the folder holds no file. Expected tables"):
        read_table("data")
    with (
        pytest.raises(FileError, match=r"data: expected a file, found a folder"),
        opening.opened("data"),
    ):
        pass

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # root may read everything, so pretend

    monkeypatch.setattr(opening, "open", refuse, raising=False)
    with pytest.raises(FileError, match=r"flights.csv: permission denied. Allow reading"):
        read_table("flights.csv")


# What is said of columns ------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["words", "numbers", "drop"])
def test_a_column_that_is_not_there(option: str) -> None:
    Path("flights.csv").write_text("late,month\n1,2\n")
    with pytest.raises(SettingError) as error:
        read_table("flights.csv", **{option: ["lat"]})
    want = 'flights.csv: there is no column "lat". Did you mean "late"? Columns: late, month.'
    assert str(error.value) == want


def test_unknown_columns_among_many_and_with_no_likeness() -> None:
    many = unknown_column("zzz", [f"c{i}" for i in range(1000)])
    assert many.startswith('there is no column "zzz". Columns: c0, c1, ')
    assert many.endswith("c19 and 980 more.")
    assert 'Did you mean "Late"?' in unknown_column("LATE", ["Late"])


def test_wishes_that_contradict_each_other() -> None:
    with pytest.raises(SettingError, match=r'column "a": expected one of words=.* and numbers='):
        table_of("a,b\n1,2\n", words=["a"], numbers=["a"])
    with pytest.raises(SettingError, match=r"flights.csv: drop leaves no column"):
        table_of("a,b\n1,2\n", drop=["a", "b"])


# Parts and pipes --------------------------------------------------------------------------------


def test_a_long_file_comes_in_parts_and_in_bounded_memory() -> None:
    line = "12345,some words,2.5,2013-01-01\n"
    Path("long.csv").write_text("a,b,c,d\n" + line * 300_000)
    before, most, n = pa.total_allocated_bytes(), 0, 0
    for part in stream_tables("long.csv", rows=10_000):
        assert 0 < part.num_rows <= 10_000
        most = max(most, pa.total_allocated_bytes() - before)
        n += part.num_rows
    assert n == 300_000
    assert most < 10 * csv_files.BLOCK  # the file has 9.6 MB, and its table about as many again


def test_a_parquet_file_of_one_row_group_comes_in_bounded_memory() -> None:
    numbers = np.random.default_rng(0).normal(size=1_000_000)
    pq.write_table(pa.table(dict.fromkeys("ab", numbers)), "t.parquet", row_group_size=1_000_000)
    del numbers
    before, most, n = pa.total_allocated_bytes(), 0, 0
    for part in stream_tables("t.parquet", rows=10_000):
        most = max(most, pa.total_allocated_bytes() - before)
        n += part.num_rows
    assert n == 1_000_000
    assert most < 9 * csv_files.BLOCK  # the file has 16 MB, and its table as many again


def run(program: str, **options: Any) -> subprocess.Popen[bytes]:
    header = "import sys\nfrom shoal.data.read.files import read_table, stream_tables\n"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", header + textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def packed(table: pa.Table, packing: str) -> bytes:
    sink = io.BytesIO()
    if packing == "parquet":
        pq.write_table(table, sink)
    else:
        pyarrow.csv.write_csv(table, sink)
    return gzip.compress(sink.getvalue(), 1) if packing == "gzip" else sink.getvalue()


@pytest.mark.parametrize("packing", ["csv", "gzip", "parquet"])
def test_standard_input_is_read_whole_and_in_parts(
    packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"a": [float(i) + 0.5 for i in range(9_000)], "b": ["x", "y", "z"] * 3_000})
    content = packed(table, packing)
    # A test of the command line puts such a plain buffer there.
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_table("-").equals(table)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    parts = list(stream_tables("-", rows=1_000))
    assert max(len(part) for part in parts) == 1_000
    assert pa.concat_tables(parts).equals(table)


@pytest.mark.parametrize("packing", ["csv", "parquet"])
def test_a_pipe_is_read_to_its_end(packing: str) -> None:
    content = packed(pa.table({"a": range(50_000), "b": ["x", "y"] * 25_000}), packing)
    with run('print([len(table) for table in stream_tables("-")])') as process:
        out, err = process.communicate(content)
    assert (sum(ast.literal_eval(out.decode())), err) == (50_000, b"")


def test_an_endless_pipe_gives_its_first_rows_early_and_can_be_left() -> None:
    program = """
        import pyarrow as pa
        parts = stream_tables("-", types={"a": pa.float64()})
        for _ in range(2):
            print(next(parts).to_pydict(), flush=True)
    """
    with run(program) as process:
        watchdog = threading.Timer(20, process.kill)  # rather fail than wait for ever
        watchdog.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"a,b\n1,x\n2")
        process.stdin.flush()
        assert process.stdout.readline() == b"{'a': [1.0], 'b': ['x']}\n"
        process.stdin.write(b"5,y\n3,")
        process.stdin.flush()
        assert process.stdout.readline() == b"{'a': [25.0], 'b': ['y']}\n"
        # The pipe is still open, and the program must end all the same.
        assert process.wait(timeout=10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        watchdog.cancel()


def test_errors_in_a_pipe_name_it_and_the_line() -> None:
    program = """
        try:
            list(stream_tables("-"))
        except ValueError as error:
            print(error)
    """
    with run(program) as process:
        out, _ = process.communicate(b"a,b\n" + b"1,2\n" * 300_000 + b"1,inf\n")
    says(out.decode(), 'standard input, row 300,001 (line 300,002), column "b"', '"inf"')


@pytest.mark.parametrize("packing", ["csv", "parquet"])
def test_a_named_pipe_is_read_once(packing: str) -> None:
    with run('print(read_table("/dev/fd/0").to_pydict())') as process:
        out, err = process.communicate(packed(pa.table({"a": [1], "b": ["x"]}), packing))
    assert (out, err) == (b"{'a': [1], 'b': ['x']}\n", b"")
