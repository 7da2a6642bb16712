"""What values a parameter may have: of each kind the check, and what a text on the command line means."""

import os
import re
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from shoal.checks import check_choice, check_number, check_whole, is_number, meant_by
from shoal.errors import SettingError
from shoal.network.initialisers import SCHEMES
from shoal.wording import Setting, wording

EVIDENCE = "evidence"  # the penalty that the data choose
SCHEDULES = ("plateau", "constant", "cosine")
DTYPES = ("float32", "float64")
# Beyond this a draw is of no use, and its products overflow in float32.
LARGEST_DEVIATION = 1e6
MOST_COLUMNS = 1_000_000  # that can be named
WHOLE_32 = (1 << 32) - 1
INNER = (0.0, 1.0)  # ends that are no values
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


def _is_text(value: Any, text: str) -> bool:
    return isinstance(value, str) and value == text


class Kind(Protocol):
    """What values a parameter takes."""

    @property
    def words(self) -> str:
        """The same for the documentation."""
        ...

    def check(self, name: str, value: Any) -> Any:
        """The value as the code below the estimators wants it; SettingError if it is none."""
        ...

    def parse(self, text: str) -> Any:
        """The value that a text on the command line means; ValueError if it means none."""
        ...


class Whole(NamedTuple):
    """A whole number; also "auto", or None, where these are allowed."""

    least: int
    most: int | None = None
    auto: bool = False
    none: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        return f"int from {self.least}" + ' or "auto"' * self.auto + " or None" * self.none

    def check(self, name: str, value: Any) -> Any:
        """The value as int, "auto" or None."""
        if (self.auto and _is_text(value, "auto")) or (self.none and value is None):
            return value
        return check_whole(name, value, least=self.least, most=self.most)

    def parse(self, text: str) -> Any:
        """The number, or auto."""
        if self.auto and text == "auto":
            return text
        try:
            return int(text)
        except ValueError:
            auto = " or auto" if self.auto else ""
            raise ValueError(f'expected a whole number{auto}, found "{text}"') from None


class Number(NamedTuple):
    """A finite number from `least` to `most`, without the ends that are `open`; also "auto", or None."""

    least: float = 0.0
    most: float = float("inf")
    open_at: tuple[float, ...] = ()
    auto: bool = False
    none: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        low = "above" if self.least in self.open_at else "from"
        more = ' or "auto"' * self.auto + " or None" * self.none
        return f"float {low} {self.least:g}{more}"

    def check(self, name: str, value: Any) -> Any:
        """The value as float, "auto" or None."""
        if (self.auto and _is_text(value, "auto")) or (self.none and value is None):
            return value
        return check_number(name, value, least=self.least, most=self.most, open_at=self.open_at)

    def parse(self, text: str) -> Any:
        """The number, or auto."""
        if self.auto and text == "auto":
            return text
        try:
            return float(text)
        except ValueError:
            auto = " or auto" if self.auto else ""
            raise ValueError(f'expected a number{auto}, found "{text}"') from None


class Units(Whole):
    """A number of hidden units."""

    def check(self, name: str, value: Any) -> Any:
        """The value; of scikit-learn's tuple of sizes the error names ours."""
        if isinstance(value, list | tuple) and len(value) == 1 and is_number(value[0]):
            use = Setting(name, value[0])
            raise SettingError.of(
                name, value, "expected a whole number, as there is one layer. Use ", use, "."
            )
        return super().check(name, value)


class Rate(Number):
    """A learning rate."""

    def check(self, name: str, value: Any) -> Any:
        """The value; of scikit-learn's schedules the error names ours."""
        if isinstance(value, str) and (meant := meant_by(value, SCHEDULES)):
            use = Setting("schedule", meant)
            raise SettingError.of(name, value, "expected a number above 0. Use ", use, ".")
        return super().check(name, value)


class Penalty(Number):
    """A penalty, or "evidence"."""

    @property
    def words(self) -> str:
        """The kind in words."""
        return f'{super().words} or "{EVIDENCE}"'

    def check(self, name: str, value: Any) -> Any:
        """The value as float, or "evidence"."""
        return value if _is_text(value, EVIDENCE) else super().check(name, value)

    def parse(self, text: str) -> Any:
        """The number, or evidence."""
        return text if text == EVIDENCE else super().parse(text)


class Choice(NamedTuple):
    """One of some words; also None where that is allowed."""

    choices: tuple[str, ...]
    none: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        quoted = ", ".join(f'"{choice}"' for choice in self.choices)
        return f"{{{quoted}{', None' * self.none}}}"

    def check(self, name: str, value: Any) -> str | None:
        """The value, if it is one of them."""
        if self.none and value is None:
            return None
        if self.none and not (isinstance(value, str) and value in self.choices):
            quoted = ", ".join(f'"{choice}"' for choice in self.choices)
            raise SettingError.of(name, value, f"expected {quoted} or None.")
        return check_choice(name, value, self.choices)

    def parse(self, text: str) -> str:
        """The word; `check` says whether it is one of them."""
        return text


class Flag(NamedTuple):
    """True or False; also "auto" where that is allowed."""

    auto: bool = False

    @property
    def words(self) -> str:
        """The kind in words."""
        return "bool" + ' or "auto"' * self.auto

    def check(self, name: str, value: Any) -> Any:
        """The value as bool, or "auto"."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if self.auto and _is_text(value, "auto"):
            return value
        raise SettingError.of(
            name,
            value,
            'expected True, False or "auto".' if self.auto else "expected True or False.",
        )

    def parse(self, text: str) -> Any:
        """A flag is an option without a value."""
        return text


class Columns(NamedTuple):
    """Names of columns of the table, or None."""

    words: str = "list of str or None"

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """The names as a tuple of texts, as tables have them; none for None."""
        if value is None:
            return ()
        names = value.tolist() if hasattr(type(value), "tolist") else value
        if (
            not isinstance(names, list | tuple | set | frozenset)
            or len(names) > MOST_COLUMNS
            or not all(isinstance(each, Hashable) for each in names)
        ):
            example = wording("such as ", Setting(name, ["city"]))
            raise SettingError.of(
                name, value, "expected a list of names of columns, ", example, "."
            )
        return tuple(map(str, names))

    def parse(self, text: str) -> str:
        """One name: the option is repeated for more."""
        return text


class Spellings(NamedTuple):
    """Texts, or None."""

    words: str = "list of str or None"

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """The texts as a tuple; none for None."""
        if value is None:
            return ()
        texts = value if isinstance(value, list | tuple | set | frozenset) else [None]
        if len(texts) > MOST_COLUMNS or not all(isinstance(each, str) for each in texts):
            example = wording("such as ", Setting(name, ["unknown"]))
            raise SettingError.of(name, value, "expected a list of texts, ", example, ".")
        return tuple(texts)

    def parse(self, text: str) -> str:
        """One text: the option is repeated for more."""
        return text


class Other(NamedTuple):
    """What is checked where it is used, as only that place knows what it may be."""

    words: str

    def check(self, name: str, value: Any) -> Any:
        """The value as it is."""
        return value

    def parse(self, text: str) -> Any:
        """The text as it is."""
        return text


class Folder(NamedTuple):
    """A folder, or None."""

    words: str = "folder or None"

    def check(self, name: str, value: Any) -> Any:
        """The value as it is; whether there is such a folder is seen where it is used."""
        if value is None or isinstance(value, str | os.PathLike):
            return value
        raise SettingError.of(name, value, "expected a folder, as text or as a path, or None.")

    def parse(self, text: str) -> str:
        """The text."""
        return text


class Draw(NamedTuple):
    """A scheme of drawing weights, a standard deviation, or what `starts.py` knows."""

    words: str = "str, float, Network, Parameters or a list of these"

    def check(self, name: str, value: Any) -> Any:
        """A scheme or a number is checked here."""
        if isinstance(value, str):
            return check_choice(name, value, SCHEMES)
        if value is None or isinstance(value, bool) or is_number(value):
            return check_init(name, value)
        return value

    def parse(self, text: str) -> Any:
        """A number, or a scheme."""
        try:
            return float(text)
        except ValueError:
            return text


class Dtype(NamedTuple):
    """A precision, by name or as NumPy's dtype."""

    words: str = '{"float32", "float64"}'

    def check(self, name: str, value: Any) -> str:
        """Its name."""
        try:
            found = np.dtype(value).name if value is not None else ""
        except Exception:  # NumPy raises whatever an odd object makes it raise
            found = ""
        if found not in DTYPES:
            raise SettingError.of(name, value, 'expected "float32" or "float64".')
        return found

    def parse(self, text: str) -> str:
        """The name."""
        return text


class Verbose(NamedTuple):
    """True, False, a level as other estimators have it, or a function."""

    words: str = "bool or callable"

    def check(self, name: str, value: Any) -> Any:
        """The value, a level as True or False."""
        if callable(value):
            return value
        if isinstance(value, bool | np.bool_ | int | np.integer):
            return bool(value)
        raise SettingError.of(name, value, "expected True, False, or a function of a Report.")

    def parse(self, text: str) -> Any:
        """Not an option."""
        return text


class Threads(NamedTuple):
    """A number of threads, or -1 for all and -2 for all but one, as in joblib."""

    words: str = "int or None"

    def check(self, name: str, value: Any) -> int | None:
        """The value; 0 is none."""
        if value is None:
            return None
        threads = check_whole(name, value, least=-WHOLE_32, most=WHOLE_32)
        if threads == 0:
            raise SettingError.of(
                name, value, "expected a number of threads from 1 on, or -1 for all."
            )
        return threads

    def parse(self, text: str) -> int:
        """The number."""
        return int(Whole(0).parse(text))


class Size(NamedTuple):
    """An amount of memory."""

    words: str = '"2GiB", a number of bytes, or None'

    def check(self, name: str, value: Any) -> int | None:
        """The bytes."""
        if value is None:
            return None
        found = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]{0,3})\s*", str(value))
        size = float(found[1]) * UNITS.get(found[2].lower(), 0) if found else 0
        if isinstance(value, bool) or size < 1:
            raise SettingError.of(
                name, value, 'expected a size such as "2GiB" or "500MB", or a number of bytes.'
            )
        return int(size)

    def parse(self, text: str) -> str:
        """The text."""
        return text


class Seed(NamedTuple):
    """A seed, or a source of one."""

    words: str = "int, RandomState or None"

    def check(self, name: str, value: Any) -> Any:
        """The value; a whole number from 0 on."""
        if isinstance(value, int | np.integer):  # (a look at np.random would import it)
            return check_whole(name, value, least=0)
        if value is None or value is np.random or isinstance(value, np.random.RandomState):
            return value
        return check_whole(name, value, least=0)

    def parse(self, text: str) -> int:
        """The number."""
        return int(Whole(0).parse(text))


HEAVIEST = 1e30  # of a class: only ratios matter, and sums of weights must be finite


class ClassWeight(NamedTuple):
    """A weight for each class."""

    words: str = 'dict, "balanced" or None'

    def check(self, name: str, value: Any) -> Any:
        """The value; each weight is a number from 0 to `HEAVIEST`."""
        if value is None or _is_text(value, "balanced"):
            return value
        if not isinstance(value, Mapping) or not value:
            raise SettingError.of(
                name, value, 'expected "balanced", None, or a dict of class: weight.'
            )
        return {
            key: check_number(f"{name}[{key!r}]", weight, most=HEAVIEST)
            for key, weight in value.items()
        }

    def parse(self, text: str) -> Any:
        """The word."""
        return text


class Threshold(NamedTuple):
    """A probability, the name of a score, or the cost of each class."""

    words: str = "float between 0 and 1, str, dict or None"

    def check(self, name: str, value: Any) -> Any:
        """The value; a score is looked up where scikit-learn is known."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, Mapping) and value:
            return {key: check_number(f"{name}[{key!r}]", cost) for key, cost in value.items()}
        if not is_number(value):
            raise SettingError.of(
                name, value, "expected a number between 0 and 1, the name of a score such as "
                '"f1", a dict of class: cost, or None.',
            )  # fmt: skip
        return check_number(name, value, most=1.0, open_at=INNER)

    def parse(self, text: str) -> Any:
        """The text; what it means depends on the classes."""
        return text


def check_init(name: str, init: Any) -> str | float:
    """A scheme, or a standard deviation from 0 on."""
    if isinstance(init, str):
        return check_choice(name, init, SCHEMES)
    if is_number(init):
        try:
            if 0 <= float(init) <= LARGEST_DEVIATION:
                return float(init)
        except OverflowError:
            pass
    raise SettingError.of(
        name, init,
        f"expected one of {', '.join(SCHEMES)}, or a number from 0 to {LARGEST_DEVIATION:g}.",
    )  # fmt: skip


REPEATED = (Columns, Spellings, ClassWeight, Threshold)  # whose option can be given several times
