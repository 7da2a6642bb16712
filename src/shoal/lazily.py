"""Libraries that are costly to import, each imported when one of its names is first used.

A model that is loaded by `shoal.load_fitted` predicts plain rows with NumPy alone: what stands on
its way (see `estimators/fitted.py`) imports Arrow, SciPy and scikit-learn from here, and uses them
inside functions only.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["WithoutPandas", "linalg", "pa", "pc", "sparse", "special"]

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


class WithoutPandas:
    """A finder of modules by which there is no pandas: `sys.meta_path.insert(0, WithoutPandas)`.

    pyarrow and scikit-learn import pandas where it is installed, which costs half a second and
    40 MB. A program that is given files does without it, as where it is not installed.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """No answer, so that the next finder is asked, but for pandas."""
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
