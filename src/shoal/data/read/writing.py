"""How the values of a column are written as text."""

from typing import NamedTuple


class Written(NamedTuple):
    """How the values of a column are written as text."""

    decimal: str = "."  # or a comma: it decides where a number can be read with both
    unit: str = ""  # that numbers have, or leave out
    order: str = "ymd"  # of the day, the month and the year
    fold: bool = False  # text that differs in capitals and blanks is the same
    kind: str = ""  # "clock" or "span", which are numbers to a model
