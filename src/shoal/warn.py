"""Warnings that point at the caller's line, however deep in shoal they are raised."""

import os
import sys
import warnings

from shoal.errors import ShoalWarning

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# scikit-learn's decorators stand between a user's call and ours.
_BETWEEN = (
    _HERE,
    f"{os.sep}sklearn{os.sep}utils{os.sep}",
    f"{os.sep}sklearn{os.sep}callback{os.sep}",
)


def warn(message: str, category: type[Warning] = ShoalWarning) -> None:
    """Warn at the first line outside shoal that led here."""
    frame, level = sys._getframe(1), 2
    while frame is not None and any(part in frame.f_code.co_filename for part in _BETWEEN):
        outer = frame.f_back
        if outer is None:
            break
        frame, level = outer, level + 1
    given = category(message) if category is ShoalWarning else message
    warnings.warn(given, category, stacklevel=level)
