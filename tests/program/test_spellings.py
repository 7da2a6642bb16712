"""One table as people's programs write it: each spelling is read as the clean one is."""

import datetime
import random
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.base import clone

import shoal
from shoal import ShoalClassifier
from shoal.cli.main import main
from shoal.data.read import numerals
from shoal.data.read.column_types import Wanted
from shoal.data.read.files import held, read_table, source_of
from shoal.errors import DataError, SettingError, ShoalWarning

M = 120
DRAW = random.Random(5)
NUMBERS = [round(DRAW.uniform(1000, 9_000_000), 2) for _ in range(M)]
WHOLE = [DRAW.randint(-40_000, 4_000_000) for _ in range(M)]
DAYS = [datetime.date(2011, 1, 1) + datetime.timedelta(days=DRAW.randint(0, 900)) for _ in range(M)]
TIMES = [datetime.datetime.combine(day, datetime.time(i % 24, 7, 30)) for i, day in enumerate(DAYS)]
CLOCKS = [time.time() for time in TIMES]
SPANS = [datetime.timedelta(seconds=DRAW.randint(0, 900_000)) for _ in range(M)]


def european(value: float, group: str) -> str:
    return f"{value:,}".replace(",", "\0").replace(".", ",").replace("\0", group)


def negative(value: int, form: str) -> str:
    return form.format(f"{-value:,}") if value < 0 else f"{value:,}"


def wide(text: str) -> str:
    return "".join(chr(ord(c) - ord("!") + ord("！")) if "!" <= c <= "~" else c for c in text)


def arabic(text: str) -> str:
    digits = {ord("0") + digit: ord("٠") + digit for digit in range(10)}
    return text.translate({**digits, ord("."): "٫", ord(","): "٬"})


def in_words(span: datetime.timedelta) -> str:
    hours, seconds = divmod(span.seconds, 3600)
    return f"{span.days} days {hours:02}:{seconds // 60:02}:{seconds % 60:02}"


def in_hours(span: datetime.timedelta) -> str:
    hours, seconds = divmod(int(span.total_seconds()), 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"


# A spelling: the values, and each of them as it is written.
SPELLINGS: dict[str, tuple[list[Any], Any]] = {
    "thousands with commas": (NUMBERS, lambda v: f"{v:,.2f}"),
    "decimal comma": (NUMBERS, lambda v: str(v).replace(".", ",")),
    "points between thousands": (NUMBERS, lambda v: european(v, ".")),
    "spaces between thousands": (NUMBERS, lambda v: european(v, " ")),
    "spaces that do not break": (NUMBERS, lambda v: european(v, "\xa0")),
    "narrow spaces": (NUMBERS, lambda v: european(v, "\u202f")),
    "apostrophes": (NUMBERS, lambda v: f"{v:,}".replace(",", "'")),
    "typographic apostrophes": (NUMBERS, lambda v: f"{v:,}".replace(",", "’")),
    "dollars": (NUMBERS, lambda v: f"${v:,.2f}"),
    "euros behind": (NUMBERS, lambda v: f"{european(v, '.')} €"),
    "pounds": (NUMBERS, lambda v: f"£ {v}"),
    "a code of a currency": (NUMBERS, lambda v: f"CHF {v:,}".replace(",", "'")),
    "a code behind": (NUMBERS, lambda v: f"{v:,.2f} USD"),
    "a unit": (NUMBERS, lambda v: f"{v} kg"),
    "a unit of two words": (NUMBERS, lambda v: f"{v:,} sq ft"),
    "per cent": (NUMBERS, lambda v: f"{v}%"),
    "per cent apart": (NUMBERS, lambda v: f"{v} %"),
    "exponents": (NUMBERS, lambda v: f"{v:.12e}"),
    "a plus": (NUMBERS, lambda v: f"+{v}"),
    "blanks around": (NUMBERS, lambda v: f"  {v}\t"),
    "thousands of whole numbers": (WHOLE, lambda v: f"{v:,}"),
    "points of whole numbers": (WHOLE, lambda v: f"{v:,}".replace(",", ".")),
    "brackets of accountants": (WHOLE, lambda v: negative(v, "({})")),
    "a minus behind": (WHOLE, lambda v: negative(v, "{}-")),
    "a typographic minus": (WHOLE, lambda v: negative(v, "−{}")),
    "a hyphen that does not break": (WHOLE, lambda v: negative(v, "\u2011{}")),
    "a soft hyphen for a minus": (WHOLE, lambda v: negative(v, "\xad{}")),
    "digits and marks of full width": (NUMBERS, lambda v: wide(f"{v:,}")),
    "a minus of full width": (WHOLE, lambda v: negative(v, "－{}")),
    "digits and marks of Arabic": (NUMBERS, lambda v: arabic(f"{v:,}")),
    "days in Arabic digits": (DAYS, lambda v: arabic(v.strftime("%d/%m/%Y"))),
    "days of full width": (DAYS, lambda v: wide(v.strftime("%Y/%m/%d"))),
    "a minus before the dollar": (WHOLE, lambda v: negative(v, "-${}")),
    "a minus behind the dollar": (WHOLE, lambda v: negative(v, "$-{}")),
    "a dash in place of cents": (WHOLE, lambda v: f"{v}.-"),
    "a dash in place of cents, and a currency": (WHOLE, lambda v: f"CHF {v:,}.–".replace(",", "'")),
    "two dashes in place of cents": (WHOLE, lambda v: f"{v},-- €"),
    "formulas of spreadsheets": (NUMBERS, lambda v: f'="{v}"'),
    "the apostrophe of spreadsheets": (WHOLE, lambda v: f"'{v}"),
    "American days": (DAYS, lambda v: v.strftime("%m/%d/%Y")),
    "American days without zeros": (DAYS, lambda v: f"{v.month}/{v.day}/{v.year}"),
    "short years": (DAYS, lambda v: v.strftime("%d/%m/%y")),
    "European days": (DAYS, lambda v: v.strftime("%d.%m.%Y")),
    "short years behind points": (DAYS, lambda v: v.strftime("%d.%m.%y")),
    "short years without zeros": (DAYS, lambda v: f"{v.day}.{v.month}.{v:%y}"),
    "short years, points and times": (TIMES, lambda v: v.strftime("%d.%m.%y %H:%M:%S")),
    "blanks behind points": (DAYS, lambda v: f"{v.day}. {v.month}. {v.year}"),
    "formulas of spreadsheets for days": (DAYS, lambda v: f'="{v}"'),
    "times of SAS": (TIMES, lambda v: v.strftime("%d%b%Y:%H:%M:%S").upper()),
    "days with hyphens": (DAYS, lambda v: v.strftime("%d-%m-%Y")),
    "slashes, year first": (DAYS, lambda v: v.strftime("%Y/%m/%d")),
    "points, year first": (DAYS, lambda v: v.strftime("%Y.%m.%d")),
    "short months": (DAYS, lambda v: v.strftime("%d-%b-%Y")),
    "short months and years": (DAYS, lambda v: v.strftime("%d-%b-%y")),
    "months in capitals": (DAYS, lambda v: v.strftime("%d%b%Y").upper()),
    "months first": (DAYS, lambda v: v.strftime("%b %d %Y")),
    "months in full": (DAYS, lambda v: v.strftime("%B %d, %Y")),
    "months behind the day": (DAYS, lambda v: v.strftime("%d %B %Y")),
    "weekdays": (DAYS, lambda v: v.strftime("%a, %d %b %Y")),
    "times behind American days": (TIMES, lambda v: v.strftime("%m/%d/%Y %H:%M:%S")),
    "halves of the day": (TIMES, lambda v: v.strftime("%m/%d/%Y %I:%M:%S %p")),
    "times behind European days": (TIMES, lambda v: v.strftime("%d.%m.%Y, %H:%M:%S")),
    "nanoseconds": (TIMES, lambda v: f"{v}.000000999"),
    "seven digits behind seconds": (TIMES, lambda v: f"{v.isoformat()}.0000009"),
    "a narrow blank before PM": (TIMES, lambda v: v.strftime("%m/%d/%Y, %I:%M:%S\u202f%p")),
    "points in times": (TIMES, lambda v: v.strftime("%d.%m.%Y %H.%M.%S")),
    "times of Oracle": (TIMES, lambda v: v.strftime("%d-%b-%y %I.%M.%S.000000 %p").upper()),
    "times of C": (TIMES, lambda v: v.ctime()),
    "basic forms": (TIMES, lambda v: v.strftime("%Y%m%dT%H%M%S")),
    "days behind marks of direction": (DAYS, lambda v: v.strftime("\u200e%m/\u200e%d/\u200e%Y")),
    "numbers behind blanks of no width": (NUMBERS, lambda v: f"\u200b{v:,}"),
    "numbers between marks of direction": (WHOLE, lambda v: f"\u200e{v:,}\u200f"),
    "clock times with a narrow blank": (CLOCKS, lambda v: v.strftime("%I:%M:%S\u202f%p")),
    "times with a T": (TIMES, lambda v: v.isoformat()),
    "clock times": (CLOCKS, lambda v: v.strftime("%H:%M:%S")),
    "clock times in halves": (CLOCKS, lambda v: v.strftime("%I:%M:%S %p")),
    "durations in days": (SPANS, in_words),
    "durations in hours": (SPANS, in_hours),
    "durations of Python": (SPANS, str),
}


def file_of(values: list[str], name: str = "t.csv", separator: str = ";") -> str:
    lines = [f"a{separator}b", *(f"{value}{separator}x" for value in values)]
    Path(name).write_text("\n".join(lines) + "\n")
    return name


def column_of(file: str, **wanted: Any) -> list[Any]:
    return read_table(file, **wanted)["a"].to_pylist()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_read_as_its_values(name: str) -> None:
    """Held in memory, in parts, and in a frame; and nothing needs to be said of it."""
    values, spell = SPELLINGS[name]
    file = file_of([spell(value) for value in values])
    assert column_of(file) == (pytest.approx(values) if values is NUMBERS else values)
    assert source_of(file).table()["a"].to_pylist() == column_of(file)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_model_reads_a_spelling_and_the_clean_values_alike(name: str) -> None:
    values, spell = SPELLINGS[name]
    y = [i % 2 for i in range(M)]
    clean = pd.DataFrame({"a": pd.Series(values), "z": range(M)})
    spelt = clean.assign(a=[spell(value) for value in values])
    wanted = ShoalClassifier(hidden=2, members=1, max_iter=2, random_state=0).fit(clean, y)
    with pytest.warns(ShoalWarning, match="text that is read as numbers or dates: a"):
        model = clone(wanted).fit(spelt, y)
    assert model.fingerprint_ == wanted.fingerprint_
    model.save("m.shoal")
    again = shoal.load("m.shoal")
    for rows in (clean, spelt, spelt[:1]):
        assert (again.predict_proba(rows) == wanted.predict_proba(rows.assign(a=clean["a"]))).all()


ABSENT = [
    "n/a", "na", "#N/A", "-", ".", "?", "NULL", "None", "nan", "N.A.", "--", " ", "#DIV/0!", "NaT", r"\N", "(null)",
    "[NULL]", "#NV", "#WERT!", "#VALEUR!", "#N/D", "#¡REF!",
    "0000-00-00", "0000-00-00 00:00:00",
]  # fmt: skip


@pytest.mark.parametrize("word", ABSENT)
@pytest.mark.parametrize("kind", ["1.5", "7", "2011-01-31", "31.01.2011", "1.234,5", "$7"])
def test_a_spelling_of_missing_is_missing_among_numbers_and_dates(word: str, kind: str) -> None:
    cells = [kind] * 5 + [word] + [kind] * 5
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        table = read_table(file_of(cells))
    assert table["a"].null_count == 1
    assert not pa.types.is_string(table["a"].type)
    said = [str(one.message) for one in seen]
    assert said == (
        [f'read as missing besides blank cells: 1 × "{word}" in a.'] if word.strip() else []
    )


def test_other_spellings_of_missing_are_words_among_words() -> None:
    with pytest.warns(ShoalWarning, match='cells: 1 × "NA" in a'):
        found = column_of(file_of(["x", "n/a", "-", ".", "NA", "", "y"]))
    assert found == ["x", "n/a", "-", ".", None, None, "y"]


def test_the_null_of_database_exports_is_missing_among_words() -> None:
    with pytest.warns(ShoalWarning, match=r'1 × "\\N" in a'):
        assert column_of(file_of(["x", r"\N", "y"])) == ["x", None, "y"]


def test_a_word_that_is_named_is_missing() -> None:
    file = file_of(["1", "-999", "gone", "2"] * 9)
    wanted = Wanted(missing=("-999", "gone"))
    with pytest.warns(ShoalWarning, match='9 × "-999" in a; 9 × "gone" in a'):
        assert held(file, wanted).table()["a"].to_pylist() == [1, None, None, 2] * 9


def test_words_are_named_on_the_command_line_and_kept(capfd: pytest.CaptureFixture[str]) -> None:
    lines = [f"{['1', '-999', 'gone', '9'][i % 4]},{'ab'[i % 3 > 0]}" for i in range(80)]
    Path("t.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    told = "train t.csv --target y --hidden 2 --members 1 --max-iter 2 -o m.shoal"
    assert main([*told.split(), "--missing", "-999", "--missing", "gone"]) == 0
    assert '20 × "-999" in x; 20 × "gone" in x' in capfd.readouterr().err
    model = shoal.load("m.shoal")
    assert list(model.missing) == ["-999", "gone"]
    for rows in (pd.DataFrame({"x": ["-999", "gone"]}), pd.DataFrame({"x": [None, None]})):
        rows.to_csv("new.csv", index_label="row")
        assert main(["predict", "m.shoal", "new.csv", "-o", "out.csv"]) == 0
        found = Path("out.csv").read_text()
        assert len(set(found.splitlines()[1:])) == 1
        assert (model.predict_proba(rows)[0] == model.predict_proba(rows)[1]).all()


def test_one_line_tells_of_all_columns_what_is_missing() -> None:
    Path("t.csv").write_text("a,b,c\n1,x,2\nn/a,NA,-\n3,y,-\n")
    with pytest.warns(ShoalWarning) as seen:
        read_table("t.csv")
    (said,) = (str(one.message) for one in seen)
    assert (
        said == 'read as missing besides blank cells: 2 × "-" in c; 1 × "NA" in b; 1 × "n/a" in a.'
    )


ASKED = {
    "a comma for either": (["1,234", "7"], "1,234", {"decimal": "."}, [1234, 7]),
    "a comma for decimals": (["1,234", "7"], "1,234", {"decimal": ","}, [1.234, 7]),
    "days or months": (["12/11/2011", "01/02/2011"], "12/11/2011", {"date_order": "dmy"},
                       [datetime.date(2011, 11, 12), datetime.date(2011, 2, 1)]),
    "months or days": (["12/11/2011", "01/02/2011"], "12/11/2011", {"date_order": "mdy"},
                       [datetime.date(2011, 12, 11), datetime.date(2011, 1, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_where_two_readings_fit_all_values_the_caller_is_asked(name: str) -> None:
    cells, first, setting, values = ASKED[name]
    file = file_of(cells)
    for read in (held, source_of):
        with pytest.raises(DataError, match=rf'row 1 \(line 2\), column "a": .*"{first}"') as error:
            read(file)
        assert next(iter(setting)) in str(error.value)
        assert read(file, Wanted(**setting)).table()["a"].to_pylist() == values


def test_a_column_may_tell_the_decimal_mark_of_another() -> None:
    Path("t.csv").write_text("a;b;c\n1,234;0,5;987\n5,678;1,5;1.234\n")
    with pytest.warns(ShoalWarning, match='"c": the points are read as marks of thousands'):
        found = read_table("t.csv").to_pydict()
    assert found == {"a": [1.234, 5.678], "b": [0.5, 1.5], "c": [987, 1234]}
    Path("t.csv").write_text("a;b\n1,234;0.5\n5,678;1.5\n")
    assert read_table("t.csv").to_pydict() == {"a": [1234, 5678], "b": [0.5, 1.5]}


NOTHING_OF_THE_KIND = {
    "codes": [f"A{i:02}" for i in range(40)],
    "versions": [f"3.{i}.1" for i in range(40)],
    "short versions": [f"10.12.{i:02}" for i in range(40)],
    "versions above 12": [f"3.{i}.10" for i in range(5, 40)],
    "telephones": [f"030 123 {i:03}" for i in range(40)],
    "addresses": [f"10.0.0.{i}" for i in range(40)],
    "two signs": [f"-{i}-" for i in range(40)],
    "ranges": [f"{i}-{i + 9}" for i in range(40)],
    "several units": [f"{i} {unit}" for i, unit in enumerate(["kg", "m", "s", "A"] * 10)],
    "no dates": [f"{i}/13/2011" for i in range(20, 60)],
    "months alone": ["Jan", "Feb", "May"] * 9,
    "zip codes": [f"0{i}001" for i in range(10, 40)],
    "yes and no": ["Y", "N"] * 9,
}


@pytest.mark.parametrize("name", NOTHING_OF_THE_KIND)
def test_what_is_no_number_and_no_date_stays_text(name: str) -> None:
    values = NOTHING_OF_THE_KIND[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert column_of(file_of(values, separator="|")) == values


TOLD_OF_TEXT = {
    "dates or versions": ([f"10.12.{i:02}" for i in range(40)], 'dates or versions. date_order="dmy"'),
    "months": ([f"{d:%Y-%m}" for d in DAYS], 'may be dates, months or weeks, such as "2011-01"'),
    "named months": ([f"{d:%b %Y}" for d in DAYS], "may be dates, months or weeks"),
    "weeks": ([f"{d:%G-W%V-%u}" for d in DAYS], "may be dates, months or weeks"),
    "months in German": ([f"{d.day}. {['Mai', 'März'][d.month % 2]} {d.year}" for d in DAYS],
                         "may be dates, months or weeks"),
    "times with names of zones": ([f"{t} CEST" for t in TIMES], "may be dates, months or weeks"),
    "times in French": ([f"{t:%d/%m/%Y} à {t:%Hh%M}" for t in TIMES], "may be dates, months or weeks"),
    "two currencies": ([f"{'$€'[i % 2]}{i}" for i in range(99)], r'several units, "\$" \(50\), "€" \(49\)'),
    "weights": ([f"{i} {'lb' if i % 4 else 'kg'}" for i in range(99)], r'several units, "lb" \(74\)'),
    "too few dates": ([f"{d:%d/%m/%Y}" for d in DAYS[:80]] + ["x"] * 20,
                      "only 80 of its 100 values can be read as a date"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD_OF_TEXT)
def test_it_is_told_why_a_column_that_seems_to_be_more_stays_text(name: str) -> None:
    values, why = TOLD_OF_TEXT[name]
    with pytest.warns(ShoalWarning, match=f'"a" is treated as categorical: .*{why}'):
        assert column_of(file_of(values, separator="|")) == values


ZONED = {
    "Unix": "%a %b %d %H:%M:%S UTC %Y",
    "Twitter": "%a %b %d %H:%M:%S +0000 %Y",
    "JavaScript": "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
    "Java": "%Y-%m-%dT%H:%M:%S+00:00[Europe/London]",
    "basic": "%Y%m%dT%H%M%SZ",
}


@pytest.mark.parametrize("name", ZONED)
def test_times_with_a_zone_are_read_as_those_of_iso(name: str) -> None:
    wanted = [time.replace(tzinfo=datetime.UTC) for time in TIMES]
    assert column_of(file_of([time.strftime(ZONED[name]) for time in wanted])) == wanted


def test_a_byte_order_mark_of_a_second_file_is_none_of_its_first_value() -> None:
    """As `cat a.csv b.csv` leaves it."""
    Path("t.csv").write_bytes("\ufeffa,b\n1,x\n\ufeff2,y\n".encode())
    assert read_table("t.csv").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("row", [5, 10_431])
def test_a_spelling_is_read_wherever_it_stands(row: int) -> None:
    cells = ["12.5"] * 10_440
    cells[row - 1] = "1,234.5"
    file = file_of(cells)
    for table in (read_table(file), source_of(file).table()):
        assert table["a"][row - 1].as_py() == 1234.5
        assert table["a"].null_count == 0


def test_numbers_with_and_without_a_unit_are_reported() -> None:
    with pytest.warns(
        ShoalWarning, match='2 of 22 values are written without the unit "%".*"7" in row 21'
    ):
        assert column_of(file_of(["5 %"] * 20 + ["7"] * 2)) == [5] * 20 + [7] * 2
    with pytest.warns(ShoalWarning, match='1 of 21 values is not a number .* "5 kg" in row 21'):
        assert column_of(file_of(["5"] * 20 + ["5 kg"])) == [5] * 20 + [None]


def test_whole_numbers_that_may_be_dates_are_told_and_stay_numbers() -> None:
    cells = [day.strftime("%Y%m%d") for day in DAYS]
    with pytest.warns(ShoalWarning, match='"a": all numbers may be dates, such as 20110131'):
        assert column_of(file_of(cells)) == [int(cell) for cell in cells]
    assert column_of(file_of([*cells, "20111331"]))[-1] == 20111331


def test_names_and_cells_without_quotes_are_trimmed() -> None:
    Path("t.csv").write_text(' a ,"b",c\n x ,  7 ," y "\n"z", 8\t,"u"\n')
    assert read_table("t.csv").to_pydict() == {"a": ["x", "z"], "b": [7, 8], "c": [" y ", "u"]}


def test_categories_that_differ_in_capitals_and_blanks_are_told_and_folded(
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["yes", "YES", "no", "No", "yes ", "no"] * 20
    lines = [
        f"{word},{i % 7},{'ab'[word.strip().lower() == 'yes']}" for i, word in enumerate(words)
    ]
    Path("t.csv").write_text("member,z,y\n" + "\n".join(lines) + "\n")
    Path("clean.csv").write_text("member,z,y\n" + "\n".join(map(str.lower, lines)) + "\n")
    told = [
        *[
            "train",
            "t.csv",
            "--target",
            "y",
            "--hidden",
            "2",
            "--members",
            "1",
            "--max-iter",
            "2",
            "-o",
            "m.shoal",
        ]
    ]
    assert main(told) == 0
    assert 'member ("NO"' not in (said := capfd.readouterr().err)
    assert "differ in capitals or blanks only" in said
    assert 'member ("No", "no")' in said
    assert "--fold member" in said
    assert main([*told, "--fold", "member"]) == 0
    assert "differ in capitals" not in capfd.readouterr().err
    model = shoal.load("m.shoal")
    assert set(model.encoding_.columns[0].words) == {"yes", "no"}
    assert main(["train", "clean.csv", *told[2:-1], "clean.shoal"]) == 0
    assert model.fingerprint_ == shoal.load("clean.shoal").fingerprint_
    for file in ("t.csv", "clean.csv"):
        assert main(["predict", "m.shoal", file, "-o", f"{file}.out"]) == 0
    assert Path("t.csv.out").read_text() == Path("clean.csv.out").read_text()
    X = pd.DataFrame({"member": ["YES", " no"], "z": [1, 2]})
    assert (model.predict_proba(X) == model.predict_proba(X.assign(member=["yes", "no"]))).all()


def test_a_model_reads_a_file_as_its_training_was_read() -> None:
    """Whatever the new file alone would suggest."""
    rows = [(f"{i},5", f"{1 + i % 12:02}/{13 + i % 9}/2011", "ab"[i % 2]) for i in range(80)]
    Path("t.csv").write_text("x;day;y\n" + "\n".join(map(";".join, rows)) + "\n")
    told = "train t.csv --target y --hidden 2 --members 1 --max-iter 2 -o m.shoal --json"
    assert main(told.split()) == 0
    model = shoal.load("m.shoal")
    assert model.fitted_.inputs.written["x"].decimal == ","
    assert model.fitted_.inputs.written["day"].order == "mdy"
    Path("new.csv").write_text("x;day\n1,234;01/02/2011\n")
    assert main(["predict", "m.shoal", "new.csv", "-o", "out.csv"]) == 0
    known = pd.DataFrame({"x": [1.234], "day": [datetime.date(2011, 1, 2)]})
    found = pd.read_csv("out.csv").iloc[0, 1:].to_numpy(float)
    assert found == pytest.approx(model.predict_proba(known)[0])
    assert (model.predict_proba(pd.read_csv("new.csv", sep=";", dtype=str))
            == model.predict_proba(known)).all()  # fmt: skip


def test_a_target_of_amounts_is_a_number_at_evaluate(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [(str(i % 9), f"${1000 + 37 * i:,}.50") for i in range(90)]
    Path("t.csv").write_text("x;y\n" + "\n".join(map(";".join, rows)) + "\n")
    told = "train t.csv --target y --hidden 2 --members 1 --max-iter 2 -o m.shoal --json"
    assert main(told.split()) == 0
    assert '"task": "regression"' in capfd.readouterr().out
    assert main(["evaluate", "m.shoal", "t.csv", "--json"]) == 0


def test_plain_numbers_and_dates_are_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would cost many times what Arrow's own parser takes."""
    pd.DataFrame({"a": NUMBERS, "b": WHOLE, "day": DAYS}).to_csv("t.csv", index=False)
    monkeypatch.setattr(numerals, "taken_apart", lambda column: pytest.fail("taken apart"))
    assert read_table("t.csv")["day"].to_pylist() == DAYS


def test_text_of_a_typed_file_is_read_alike_in_memory_and_streamed() -> None:
    y = [i % 2 for i in range(M)]
    values = {"a": [f"${v:,.2f}" for v in NUMBERS], "day": [v.strftime("%m/%d/%Y") for v in DAYS]}
    word = pa.array(["1", "2"] * (M // 2)).dictionary_encode()  # a category, as its writer says
    table = pa.table({**values, "word": word, "y": y})
    pq.write_table(table, "t.parquet")
    model = ShoalClassifier(hidden=2, members=1, max_iter=2, random_state=0)
    with pytest.warns(ShoalWarning, match="text that is read as numbers or dates: a, day"):
        streamed = clone(model).fit("t.parquet", "y")
    with pytest.warns(ShoalWarning, match="text that is read as numbers or dates: a, day"):
        held = clone(model).fit(table.drop_columns("y"), y)
    assert streamed.fingerprint_ == held.fingerprint_
    assert [plan.kind for plan in held.encoding_.columns] == ["number", "time", "words"]
    assert streamed.fitted_.inputs.written == held.fitted_.inputs.written


def test_categories_of_a_type_of_their_own_are_folded_too() -> None:
    y = [i % 2 for i in range(60)]
    words = pd.DataFrame({"a": pd.Categorical(["x", "X ", "1"] * 20), "z": range(60)})
    model = ShoalClassifier(hidden=2, members=1, max_iter=2, random_state=0, fold=["a"])
    assert model.fit(words, y).encoding_.columns[0].words == ("x", "1")
    small = words.assign(a=["x", "x", "1"] * 20)
    assert (model.predict_proba(words) == model.predict_proba(small)).all()
    with pytest.raises(SettingError, match='no column "b"'):
        model.set_params(fold=["b"]).fit(words, y)


def test_at_predict_one_value_in_twenty_may_be_spoilt_and_more_are_refused() -> None:
    y = [i % 2 for i in range(60)]
    with pytest.warns(ShoalWarning, match="text that is read as numbers or dates"):
        model = ShoalClassifier(hidden=2, members=1, max_iter=2, random_state=0).fit(
            pd.DataFrame({"a": [f"{i}%" for i in range(60)], "z": range(60)}), y
        )
    rows = pd.DataFrame({"a": ["5 %", "7"] * 20, "z": 1})
    rows.loc[0, "a"] = "€ 3"
    with pytest.warns(ShoalWarning, match='"a": 1 of 40 values is not a number.*"€ 3" in row 1'):
        model.predict(rows)
    with pytest.raises(DataError, match='row 3, column "a": expected a number, found "€ 3"'):
        model.predict(pd.DataFrame({"a": ["5 %", "7", "€ 3"], "z": 1}))


PLAIN = "a,b,c\n1,7.5,x\n2,8.5,y\n"


@pytest.mark.parametrize(
    ("what", "text"),
    {
        "blanks before quotes": '"a", "b", "c"\n"1", "7.5", "x"\n"2",\t"8.5", "y" \n',
        "marks that are not seen at names": "\ufeff\ufeffa,\u200bb,c\xa0\n1,7.5,x\n2,8.5,y\n",
        "dashes below the names": "a,b,c\n-,---,-\n1,7.5,x\n2,8.5,y\n",
    }.items(),
)
def test_a_table_is_read_as_the_plain_one(what: str, text: str) -> None:
    Path("plain.csv").write_text(PLAIN)
    Path("t.csv").write_text(text, encoding="utf-8")
    for read in (read_table, lambda file: source_of(file).table()):
        assert read("t.csv").to_pydict() == read("plain.csv").to_pydict(), what


def test_quotes_behind_blanks_keep_what_they_hold() -> None:
    Path("t.csv").write_text('a,b\nx, "  say ""hi"" "\ny, ""\nz,\t"w"\n')
    assert column_of("t.csv") == ["x", "y", "z"]
    assert read_table("t.csv")["b"].to_pylist() == ['  say "hi" ', None, "w"]
    Path("t.csv").write_text('a,b\nx, "1,5"\n')
    with pytest.raises(DataError, match=r"line 2: .* Remove the blanks before quotes"):
        read_table("t.csv")


def test_a_row_of_dashes_is_a_row_where_they_may_be_missing_values() -> None:
    Path("t.csv").write_text("a,b\n--,--\n1,2\n")
    with pytest.warns(ShoalWarning, match="read as missing"):
        assert column_of("t.csv") == [None, 1]


def test_names_that_stand_in_a_row_again_are_refused() -> None:
    """Files that were joined: the names would be values of every column of text."""
    Path("t.csv").write_text('a,b\n"x\nz",y\n\na,b\nx,y\n')
    with pytest.raises(DataError, match=r"line 5: .* names of the columns again"):
        read_table("t.csv")
    with pytest.raises(DataError, match=r"line 5: .* names of the columns again"):
        source_of("t.csv").table()
    Path("t.csv").write_text("a,b\na,y\nx,b\n")  # one of the names is a value
    assert column_of("t.csv") == ["a", "x"]


@pytest.mark.parametrize(
    ("rows", "cure"),
    [
        ("1,2,\n3,4,\n", 'Where each row ends in ",", the names must end in it, too'),
        ("r1,1,2\nr2,3,4\n", "as R writes it, give that column a name"),
        ("1,2,3,4\n", 'contains "," in double quotes.$'),
    ],
)
def test_rows_with_more_values_than_names_are_told_apart(rows: str, cure: str) -> None:
    Path("t.csv").write_text("a,b\n" + rows)
    with pytest.raises(DataError, match=cure):
        read_table("t.csv")


@pytest.mark.parametrize("spell", [str, str.upper, lambda word: "1.0" if word == "true" else "0.0"])
def test_a_column_of_truth_values_is_read_in_other_spellings(spell: Any) -> None:
    """As pandas writes a column that has holes among its ones and zeros."""
    words = ["true" if i % 3 else "false" for i in range(M)]
    file = file_of([*map(spell, words[:-1]), ""])
    known = read_table(file_of(words, "clean.csv")).schema
    found = held(file, Wanted(types={"a": known.field("a").type})).table()["a"].to_pylist()
    assert found == [word == "true" for word in words[:-1]] + [None]
