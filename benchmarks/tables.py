"""What was measured, as text for people and as values for programs."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.cases import PRODUCTS, Case
from benchmarks.workers import Measured

PACKAGES = ("shoal", "numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib")
MORE_THAN_A_CALL = 100_000  # operations of products that take longer than NumPy's calls of them
SAME_LOSS = 0.05  # losses of equal work differ by less: the orders of the rows are not the same


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width: the first to the left, the others to the right."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    lines = []
    for row in cells:
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Seconds with a fitting unit, three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def tick(reached: bool) -> str:
    """How a wish is marked."""
    return "✓" if reached else "✗"


# --- a case --------------------------------------------------------------------------


def ratio(first: Measured, other: Measured) -> float:
    """How many times longer the other takes for the whole work."""
    return other.seconds / first.seconds


def case_table(case: Case, measured: Sequence[Measured]) -> str:
    """A case as people read it."""
    first = measured[0]
    if not first.runs:
        return f"{title(case)}\n  {first.contender.label} failed: {first.failure}"
    rows = [_row(first, m) for m in measured if m.runs and m.contender.label != PRODUCTS.label]
    head = (
        "",
        "seconds",
        f"a {_unit(case)}",
        "ratio",
        "wanted",
        "",
        "by CPU",
        "loss",
        "cores",
        "spread",
    )
    lines = [title(case), table(head, rows)]
    for m in measured:
        if m.failure:
            lines.append(f"{m.contender.label}: left out, {m.failure}")
        elif m.note:
            lines.append(f"{m.contender.label}: {m.note}")
        if m.runs and abs(m.loss - first.loss) > SAME_LOSS * abs(first.loss):
            lines.append(f"{m.contender.label}: not the same work? Its loss is {m.loss:.5f}.")
    efficiency = efficiency_of(case, measured)
    if efficiency:
        lines.append(efficiency_text(case, efficiency))
        lines += out_of_reach(case, measured, efficiency)
    return "\n".join(lines)


def title(case: Case) -> str:
    """The case on one line."""
    threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
    precision = "" if case.dtype == "float32" else f", {case.dtype}"
    return f"{case.letter}. {case.title} · {threads}{precision} · {case.epochs:,} {_often(case)}"


def _unit(case: Case) -> str:
    return case.unit


def _often(case: Case) -> str:
    if case.unit == "step":
        return "epochs" if case.batch else "iterations"
    return f"{case.unit}s"


def _row(first: Measured, m: Measured) -> tuple[str, ...]:
    wanted = m.contender.wanted
    times = ratio(first, m)
    return (
        m.contender.label,
        f"{m.seconds:.4f}",
        duration(m.unit_seconds),
        "" if m is first else f"{times:.2f} ×",
        "" if wanted is None else f"{wanted:g} ×",
        "" if wanted is None else tick(times >= wanted),
        "" if m is first else f"{m.cpu_seconds / first.cpu_seconds:.2f} ×",
        f"{m.loss:.5f}",
        f"{m.processors:.2f}",
        f"{m.spread:.2f}",
    )


# --- how close to the limit ----------------------------------------------------------


def efficiency_of(case: Case, measured: Sequence[Measured]) -> dict[str, float] | None:
    """A step of shoal beside its bare matrix products, if both were measured.

    The operations that are counted are those of the two products, for both.
    """
    bare = next((m for m in measured if m.contender.label == PRODUCTS.label and m.runs), None)
    if bare is None or not measured[0].runs:
        return None
    peak, bandwidth = bare.facts["peak"], bare.facts["bandwidth"]
    # By the rows that there are: the last batch of an epoch may be a smaller one.
    done = floor.bare_operations(case) / floor.rows(case) * case.m * case.epochs
    speeds = {
        "step_gflops": done / measured[0].seconds / 1e9,
        "bare_gflops": done / bare.seconds / 1e9,
    }
    return {
        "step_seconds": measured[0].unit_seconds,
        "bare_seconds": bare.unit_seconds,
        "times_bare": measured[0].seconds / bare.seconds,
        "times_bare_by_cpu": measured[0].cpu_seconds / bare.cpu_seconds,
        **speeds,
        "peak_gflops": peak,
        "step_of_peak": speeds["step_gflops"] / peak,
        "bare_of_peak": speeds["bare_gflops"] / peak,
        "floor_operations": floor.operations(case),
        "floor_bytes": floor.bytes_read(case),
        "bandwidth_gigabytes": bandwidth,
        "floor_seconds": floor.seconds(case, peak * 1e9, bandwidth * 1e9),
    }


def efficiency_text(case: Case, e: dict[str, float]) -> str:
    """The same for people."""
    rows = [
        (
            name,
            duration(e[f"{key}_seconds"]),
            f"{e[f'{key}_gflops']:.1f}",
            f"{e[f'{key}_of_peak']:.0%}",
        )
        for name, key in ((f"shoal, all of a {case.unit}", "step"), ("its bare products", "bare"))
    ]
    rows.append(("a large square product", "", f"{e['peak_gflops']:.1f}", "100%"))
    least = e["floor_seconds"]
    text = (
        table(("limit", f"a {case.unit}", "GFLOP/s", "of peak"), rows)
        + f"\nfloor: {e['floor_operations'] / 1e6:.3g} million operations and "
        f"{e['floor_bytes'] / 1e3:,.0f} kB of rows at {e['peak_gflops']:.0f} GFLOP/s and "
        f"{e['bandwidth_gigabytes']:.1f} GB/s: {duration(least)}. Reached: "
        f"{duration(e['step_seconds'])}, {e['step_seconds'] / least:.2f} × the floor"
        f"\na {case.unit} takes {e['times_bare']:.2f} × its bare products"
    )
    if case.limit is not None:
        text += f" (at most {case.limit:g} ×) {tick(e['times_bare'] <= case.limit)}"
    return f"{text}, by CPU {e['times_bare_by_cpu']:.2f} ×"


def out_of_reach(case: Case, measured: Sequence[Measured], e: dict[str, float]) -> list[str]:
    """Which wanted ratios lie below the time of the bare products, or below the floor."""
    lines = []
    for m in measured:
        if not m.runs or m.contender.wanted is None:
            continue
        needed = m.unit_seconds / m.contender.wanted
        bounds = [("the floor is", "floor")]
        if floor.bare_operations(case) > MORE_THAN_A_CALL:
            bounds.insert(0, ("the bare products alone take", "bare"))
        for name, key in bounds:
            if needed < e[f"{key}_seconds"]:
                lines.append(
                    f"{m.contender.label}: {m.contender.wanted:g} × would be {duration(needed)} "
                    f"a {case.unit}; {name} {duration(e[f'{key}_seconds'])}"
                )
                break
    return lines


# --- for programs --------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Processor, system and versions: what a figure depends on."""
    from shoal.compute.engine import BUILD

    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "kernel": BUILD,
        "versions": {name: _version(name) for name in PACKAGES},
    }


def machine_text(found: dict[str, Any]) -> str:
    """The same on two lines."""
    versions = ", ".join(f"{name} {v}" for name, v in found["versions"].items() if v)
    return (
        f"{found['processor']}, {found['processors']} processors, {found['system']}, "
        f"kernel {found['kernel']}\nPython {found['python']}, {versions}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def case_values(case: Case, measured: Sequence[Measured]) -> dict[str, Any]:
    """A case as a program reads it."""
    first = measured[0]
    values = []
    for m in measured:
        value: dict[str, Any] = {"label": m.contender.label, "dtype": m.contender.dtype}
        if m.runs:
            value |= {
                "seconds": m.seconds,
                "runs": [run.seconds for run in m.runs],
                "cpu_seconds": m.cpu_seconds,
                "unit_seconds": m.unit_seconds,
                "loss": m.loss,
                "processors_busy": m.processors,
                "note": m.note,
            }
            if m is not first and first.runs and m.contender.label != PRODUCTS.label:
                value["ratio"] = ratio(first, m)
                value["wanted"] = m.contender.wanted
        else:
            value["failure"] = m.failure
        values.append(value)
    return {
        "case": case.letter,
        "title": case.title,
        "threads": case.threads,
        "epochs": case.epochs,
        "unit": case.unit,
        "contenders": values,
        "efficiency": efficiency_of(case, measured),
    }
