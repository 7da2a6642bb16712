"""How much memory there is, so that what cannot fit is refused before it is asked for."""

import os

from shoal.errors import MemoryRefused, wording

ALWAYS_THERE = 1 << 20  # bytes; to ask takes longer than to encode a small table


def available() -> int:
    """Bytes that are available, or a very large number where that is not known."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def refuse_if_too_large(n_bytes: int, what: str, cure: str) -> None:
    """Raise MemoryRefused when fewer bytes are available."""
    there = available() if n_bytes > ALWAYS_THERE else n_bytes
    if n_bytes > there:
        needed = f" would need {in_words(n_bytes)} of memory, and {in_words(there)} are available. "
        raise MemoryRefused(wording(what, needed, cure))


def in_words(n_bytes: int) -> str:
    """5368709120 as "5.4 GB"."""
    size, units = float(min(n_bytes, 10**300)), ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    if size >= 1e6:
        return f"{size:.1e} {units[0]}"
    return f"{size:.0f} {units[0]}" if units[0] in ("bytes", "kB") else f"{size:.1f} {units[0]}"
