"""Inputs that differ in size, where they are taken as they are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.case import Seen
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.suspect import Suspect, times, use
from shoal.wording import wording

# Standard deviations, or means in standard deviations: worth a try, and far.
UNEQUAL, FAR_UNEQUAL = 5.0, 30.0
AWAY, FAR_AWAY = 3.0, 10.0


def unscaled_inputs(seen: Seen) -> Iterator[Suspect]:
    """Columns whose standard deviations or means are far from those of the others, or from 1."""
    if isinstance(seen.case.examples.X, Sparse):  # sizes there are counts of something rare
        return
    if seen.case.settings.get("encode", "auto") is not None and seen.case.settings:
        return
    mean, deviation = np.abs(seen.mean), seen.deviation
    varying = deviation > 1e-12 * np.maximum(mean, 1e-300)
    if not varying.any():
        return
    deviation, mean = deviation[varying], mean[varying]
    high, low = float(deviation.max()), float(deviation.min())
    away = float((mean / deviation).max())

    def beyond(unequal: float, far: float) -> bool:
        apart = high >= unequal or low <= 1 / unequal or high / low >= unequal * unequal
        return apart or (away >= far and float(mean.max()) >= far)

    if not beyond(UNEQUAL, AWAY):
        return
    ratio = (
        f"the largest is {times(high / low)} the smallest"
        if high / low > 1.5 else f"the means are up to {times(away)} the standard deviation"
    )  # fmt: skip
    yield Suspect(
        "unscaled-inputs",
        f"the inputs are not standardised: standard deviations from {low:.3g} to {high:.3g}, means "
        f"up to {float(mean.max()):.3g}; {ratio}. A step that suits one column is too long or too "
        "short for another.",
        {"encode": "auto"},
        {"smallest": low, "largest": high, "largest_mean": float(mean.max())},
        sure=high >= FAR_UNEQUAL or (away >= FAR_AWAY and float(mean.max()) >= FAR_AWAY),
        harmless=True,
    )


def large_constants(seen: Seen) -> Iterator[Suspect]:
    """Columns that never vary and are not 0: together they are one more bias, with far longer steps."""
    constant = _constant(seen)
    if not len(constant):
        return
    squares = float((seen.X[constant, 0].astype(np.float64) ** 2).sum())
    if squares < AWAY**2:
        return
    yield Suspect(
        "useless-columns",
        f"{_never_vary(seen, constant)} Together they act as a bias whose steps are {times(squares)} as long as "
        "those of the others.",
        {"encode": "auto"},
        {"columns": _names(seen, constant), "times_as_long": squares},
        sure=squares >= FAR_AWAY**2,
        harmless=True,
    )


def _constant(seen: Seen) -> NDArray[np.int64]:
    """Which inputs never vary, where they are taken as they are."""
    if isinstance(seen.case.examples.X, Sparse) or seen.case.settings.get("encode"):
        return np.zeros(0, np.int64)
    return np.flatnonzero(seen.deviation <= 1e-6 * np.abs(seen.X).max(axis=1))


def _names(seen: Seen, columns: NDArray[np.int64]) -> list[str]:
    names = seen.case.columns
    return [names[j] if j < len(names) else f"x{j}" for j in columns.tolist()]


def _never_vary(seen: Seen, constant: NDArray[np.int64]) -> str:
    names = _names(seen, constant)
    shown = f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
    return f"{len(names)} of {len(seen.X)} inputs never vary on the rows looked at: {shown}."


def useless_columns(seen: Seen) -> Iterator[Finding]:
    """Columns that never vary; the encoding sets them aside, and says so."""
    constant = _constant(seen)
    if not len(constant):
        return
    yield Finding(
        "useless-columns",
        "remark",
        _never_vary(seen, constant),
        wording(*use({"encode": "auto"}), " leaves constant columns out, and scales the others."),
        {},  # they do no harm, and another scale may
        {"columns": _names(seen, constant)},
    )
