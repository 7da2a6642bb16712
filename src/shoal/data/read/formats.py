"""Which format a file has, by its first bytes; what is not read says what it looks like.

Everything that is no other format is CSV, or text that looks like CSV.
"""

import io
import re
import zipfile
from typing import NamedTuple

from shoal.data.read.packing import Archive, member
from shoal.errors import DataError

CSV, JSON, EXCEL = "CSV", "JSON", "a spreadsheet"
SQLITE, DUCKDB = "SQLite", "DuckDB"
PARQUET, ARROW, STREAM, ORC = "Parquet", "Arrow", "an Arrow stream", "ORC"
READ = "CSV, JSON, Parquet, Arrow (Feather), ORC, a spreadsheet (.xlsx, .ods), SQLite or DuckDB"
TEXTS = (CSV, JSON)  # that have an encoding, and are read as a pipe brings them

# Which options of FileOptions say something of a format.
OPTIONS = {
    CSV: ("separator", "encoding"),
    JSON: ("encoding",),
    EXCEL: ("sheet",),
    SQLITE: ("table_name", "query"),
    DUCKDB: ("table_name", "query"),
}

HEAD = 512  # bytes that are looked at
# No text file has these in its header, and hardly any other file has none of them.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class Mark(NamedTuple):
    """Bytes that a format has at a fixed place."""

    at: int
    text: bytes
    name: str


READABLE = (
    Mark(0, b"PAR1", PARQUET),
    Mark(0, b"ARROW1", ARROW),
    Mark(0, b"\xff\xff\xff\xff", STREAM),
    Mark(0, b"SQLite format 3\0", SQLITE),
    Mark(8, b"DUCK", DUCKDB),
    Mark(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", EXCEL),  # .xls, and old documents of all kinds
)

EXPORT = "Export it as CSV or Parquet"
IN_PANDAS = "Read it with pandas ({}), and write it as Parquet"
# What is not read: its name, and what to do.
OTHERS = {
    "Feather version 1": ("Write the file again as version 2", ((0, b"FEA1"),)),
    "a PDF document": ("Export the table from the program that made the document", ((0, b"%PDF-"),)),
    "an SPSS file (.sav)": (IN_PANDAS.format("read_spss"), ((0, b"$FL2@(#)"), (0, b"$FL3@(#)"))),
    "a SAS file": (
        IN_PANDAS.format("read_sas"),
        ((12, b"\xc2\xea\x81\x60\xb3\x14\x11\xcf"), (0, b"HEADER RECORD*******")),
    ),
    "a Stata file (.dta)": (IN_PANDAS.format("read_stata"), ((0, b"<stata_dta>"),)),
    "a file of R": (
        "In R: arrow::write_parquet(table, 'table.parquet'), or write.csv",
        ((0, b"RDX2\nX\n\0"), (0, b"RDX3\nX\n\0"), (0, b"X\n\0\0\0")),
    ),
    "an HDF5 file": (IN_PANDAS.format("read_hdf"), ((0, b"\x89HDF\r\n\x1a\n"),)),
    "an Avro file": (EXPORT, ((0, b"Obj\x01"),)),
    "an array of NumPy": ("Load it with numpy.load, and give it to fit", ((0, b"\x93NUMPY"),)),
    "a MATLAB file": ("Load it with scipy.io.loadmat, and give it to fit", ((0, b"MATLAB 5.0"),)),
    "a Microsoft Access database": (EXPORT, ((4, b"Standard Jet DB"), (4, b"Standard ACE DB"))),
    "a tar archive": ("Unpack it, and name the files in it", ((257, b"ustar"),)),
    "a 7z archive": ("Unpack it, and name the files in it", ((0, b"7z\xbc\xaf\x27\x1c"),)),
    "a rar archive": ("Unpack it, and name the files in it", ((0, b"Rar!\x1a\x07"),)),
    "an empty zip archive": ("Put a table in it", ((0, b"PK\x05\x06"),)),
    "an image": (
        "A table is needed, with one row an example",
        ((0, b"\x89PNG"), (0, b"\xff\xd8\xff"), (0, b"GIF87a"), (0, b"GIF89a"), (0, b"II*\0"), (0, b"MM\0*")),
    ),
    "an RTF document": (EXPORT, ((0, b"{\\rtf"),)),
}  # fmt: skip
STATA = re.compile(rb"[\x69\x6c\x6e\x6f\x71-\x73][\x01\x02]\x01\0")  # of versions before 13
PICKLE = re.compile(rb"\x80[\x02-\x05][\x00-\xff]")
# Text that is no table: its name, and what to do.
WRITTEN = (
    ("a page of HTML", "A program that offers .xls may write such a page: open it in a spreadsheet, "
     "and save it as .xlsx or CSV", re.compile(rb"(?i)<(!doctype html|html|head|table|div|meta)\b")),
    ("an XML spreadsheet of 2003", "Open it in a spreadsheet, and save it as .xlsx or CSV",
     re.compile(rb"(?s)<\?xml.*urn:schemas-microsoft-com:office:spreadsheet")),
    ("a pointer of Git LFS", "Fetch the file itself with git lfs pull",
     re.compile(rb"version https://git-lfs")),
    ("XML", EXPORT, re.compile(rb"<\?xml")),
    ("an ARFF file", "Read it with scipy.io.arff, or export it as CSV",
     re.compile(rb"(?i)(%[^\n]*\n|\s)*+@relation\s")),
)  # fmt: skip
# A record, or an array of whatever it is of: JSON says there what it expected.
RECORDS = re.compile(rb'\{\s*("|\}|$)|\[\s*([\[{\]"\d]|$)')
NO_RECORDS = re.compile(r"(?i)\.(json|jsonl|ndjson)(\.\w+)?$")  # of an empty file the name counts
CSV_OF_BRACKETS = re.compile(rb"\[[^\[\]\r\n]*\]\s*[,;\t|]")  # a column that is called [a]


def kind_of(head: bytes, file: str) -> str:
    """The format of a file with these first bytes. Raises DataError for what is not read."""
    found = next((m.name for m in READABLE if head[m.at :].startswith(m.text)), None)
    if found:
        return found
    if head.startswith(b"ORC") and CONTROL.search(head):  # a column, too, may be called ORC
        return ORC
    _refuse_others(head, file)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text and NO_RECORDS.search(file):
        return JSON
    if RECORDS.match(text) and not CSV_OF_BRACKETS.match(text):
        return JSON
    for name, cure, pattern in WRITTEN:
        if pattern.match(text):
            raise not_read(name, cure, file)
    return CSV


def kind_of_zip(stream: io.BufferedReader, file: str) -> str | None:
    """The format of a file that is a zip archive; None if the archive is only a packing."""
    with zipfile.ZipFile(stream) as archive:
        names = Archive.of(archive).names
        kind = member(archive, "mimetype").read(HEAD) if "mimetype" in names else b""
    if any(name.startswith("xl/") for name in names) or kind.endswith(b"opendocument.spreadsheet"):
        return EXCEL
    if any(name.startswith(("word/", "ppt/")) for name in names) or b"opendocument" in kind:
        raise not_read("a document, not a spreadsheet", EXPORT, file)
    if any(name.startswith("Index/") for name in names) or "index.apxl" in names:
        raise not_read("a Numbers spreadsheet", "In Numbers: export it as CSV or Excel", file)
    return None


def not_read(name: str, cure: str, file: str) -> DataError:
    """The error for a file of a format that is known, and not read."""
    return DataError(f"the file looks like {name}: expected {READ}. {cure}.", file=file)


def _refuse_others(head: bytes, file: str) -> None:
    for name, (cure, marks) in OTHERS.items():
        if any(head[at:].startswith(text) for at, text in marks):
            raise not_read(name, cure, file)
    if STATA.match(head):
        raise not_read("a Stata file (.dta)", IN_PANDAS.format("read_stata"), file)
    if PICKLE.match(head):
        raise not_read("a pickle of Python", "Load it in Python, and give it to fit", file)
    if head[8:].startswith(b'{"') and head[6:8] == b"\0\0":
        raise not_read("a model file (.shoal)", "Name a table, after the model", file)
