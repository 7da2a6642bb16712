"""Warnings that point at the caller's line, however deep in shoal they are raised."""

import os
import sys
import warnings

from shoal.errors import ShoalWarning

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# Between a user's call and ours may stand decorators, pipelines and searches of these packages.
_BETWEEN = ("sklearn", "joblib")


def warn(message: str, category: type[Warning] = ShoalWarning) -> None:
    """Warn at the first line outside shoal and scikit-learn that led here."""
    between = (_HERE, *filter(None, map(_folder, _BETWEEN)))
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(between):
        outer = frame.f_back
        if outer is None:
            break
        frame, level = outer, level + 1
    given = category(message) if category is ShoalWarning else message
    warnings.warn(given, category, stacklevel=level)


def _folder(package: str) -> str | None:
    """Where a package lies, if it was imported."""
    file = getattr(sys.modules.get(package), "__file__", None)
    return file and os.path.dirname(file) + os.sep
