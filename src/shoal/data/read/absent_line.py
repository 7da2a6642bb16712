"""The line that says what was read as missing besides blank cells, for the whole table."""

from collections import Counter
from collections.abc import Mapping

from shoal.data.read.spoilt import listed
from shoal.warn import warn


def report(absent: Mapping[str, Mapping[str, int]]) -> None:
    """Warn once of the texts that were read as missing: how often each, and in which columns."""
    spelt: dict[str, Counter[str]] = {}
    for column, counts in absent.items():
        for word, count in counts.items():
            spelt.setdefault(word, Counter())[column] += count
    if not spelt:
        return
    ordered = sorted(spelt.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    parts = [f'{n.total():,} × "{word}" in {listed(list(n))}' for word, n in ordered]
    warn(f"read as missing besides blank cells: {listed(parts, '; ')}.")
