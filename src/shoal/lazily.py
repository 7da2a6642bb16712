"""Libraries that are costly to import, each imported when one of its names is first used.

A model that is loaded by `shoal.load_fitted` predicts plain rows with NumPy alone: what stands on
its way (see `estimators/fitted.py`) imports Arrow, SciPy and scikit-learn from here, and uses them
inside functions only.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["linalg", "pa", "pc", "sparse", "special"]

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    from scipy import linalg, sparse, special
else:

    class _Lazy(ModuleType):
        """A module that is imported by the first look at one of its names."""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):  # what inspect and pickle look for
                raise AttributeError(name)
            value = getattr(importlib.import_module(self.__name__), name)
            setattr(self, name, value)
            return value

    pa, pc = _Lazy("pyarrow"), _Lazy("pyarrow.compute")
    linalg, sparse, special = map(_Lazy, ("scipy.linalg", "scipy.sparse", "scipy.special"))
