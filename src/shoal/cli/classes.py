"""Options about classes: their names become the classes of the target when these are known."""

from collections.abc import Sequence
from typing import Any

from shoal.cli.options import Order
from shoal.cli.screen.lines import listed, short
from shoal.data.rows.question import Question
from shoal.errors import SettingError
from shoal.kinds import HEAVIEST
from shoal.settings import FIELDS

SHOWN = 10  # classes that a message lists


def class_settings(order: Order, found: Question) -> dict[str, Any]:
    """class_weight and threshold for the estimator; nothing for a number to predict."""
    given = {"--class-weight": order.class_weight, "--threshold": order.threshold}
    if found.classes is None:
        for option, texts in given.items():
            if texts:
                raise SettingError(f"{option}: the target is a number, and has no classes.")
        return {}
    weight, threshold = (_meant(option, texts, found) for option, texts in given.items())
    if isinstance(weight, str) and weight != "balanced":
        raise SettingError(f"--class-weight {weight}: expected balanced, or CLASS=WEIGHT.")
    if isinstance(threshold, str) and _is_number(threshold):
        threshold = float(threshold)
    FIELDS["class_weight"].kind.check("class_weight", weight)
    FIELDS["threshold"].kind.check("threshold", threshold)
    return {"class_weight": weight, "threshold": threshold}


def _meant(option: str, texts: Sequence[str], found: Question) -> Any:
    """One word, or CLASS=NUMBER of several classes as a dict."""
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    pairs = [_pair(option, text, found) for text in texts]
    named = [one for one, _ in pairs]
    for i, (one, _) in enumerate(pairs):
        if one in named[:i]:
            raise SettingError(f'{option} {texts[i]}: the class "{short(one)}" was given before.')
    return dict(pairs)


def _pair(option: str, text: str, found: Question) -> tuple[Any, float]:
    name, equals, number = text.rpartition("=")
    if not equals or not _is_number(number):
        raise SettingError(f"{option} {text}: expected CLASS=NUMBER, such as yes=5.")
    if not 0 <= float(number) <= HEAVIEST:
        raise SettingError(f"{option} {text}: expected a number from 0 to {HEAVIEST:g}.")
    assert found.classes is not None
    for one in found.classes.tolist():
        if _is_called(one, name):
            return one, float(number)
    classes = listed([short(one) for one in found.classes[:SHOWN]], len(found.classes))
    again = " Repeat the option for each class." if "," in name else ""
    raise SettingError(f'{option} {text}: there is no class "{name}". Classes: {classes}.{again}')


def _is_called(value: Any, name: str) -> bool:
    """Whether a class is meant: true and True are the same, and so are 1 and 1.0."""
    if isinstance(value, bool):
        return str(value).lower() == name.lower()
    if isinstance(value, int | float):
        return _is_number(name) and float(name) == value
    return str(value) == name


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
