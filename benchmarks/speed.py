"""shoal against its peers: training time of whole cases, in turns, on one machine.

Examples:
  python benchmarks/speed.py                          all cases, five runs each
  python benchmarks/speed.py --case A D --runs 7      two of them, more runs
  python benchmarks/speed.py --quick --runs 1         a first look
  python benchmarks/speed.py --growth --widths        how time grows with rows and widths
  python benchmarks/speed.py --json figures.json      the figures for a program
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import growth, widths
from benchmarks.cases import CASES, in_both_precisions
from benchmarks.tables import case_table, case_values, duration, machine, machine_text, tick
from benchmarks.workers import measure

LETTERS = sorted({case.letter for case in CASES})
FLOAT64_WANTED = 0.45  # of the float32 speed


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    summary, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--case", nargs="+", choices=LETTERS, metavar="LETTER", help="only these: A … I")
    add("--runs", type=int, default=5, help="runs of each contender (5); medians are shown")
    add("--quick", action="store_true", help="a tenth of the epochs, thinner grids")
    add("--against", nargs="+", metavar="NAME", help="only these peers: PyTorch, JAX, NumPy …")
    add("--json", type=Path, metavar="FILE", help="write all figures to this file as well")
    add("--growth", action="store_true", help="time a row and memory, 10,000 to 10,000,000 rows")
    add("--widths", action="store_true", help="time of a multiply-add over a grid of shapes")
    add("--plot", type=Path, metavar="PNG", help="with --widths: draw it (needs matplotlib)")
    add("--float64", action="store_true", help="the speed of float64 beside float32, A to C")
    add("--all", action="store_true", help="all cases, --growth, --widths and --float64")
    asked = parser.parse_args(words)
    if asked.runs < 1:
        parser.error("--runs: expected a whole number from 1 on")
    return asked


def tell(text: str) -> None:
    """Say on standard error what goes on, on one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Print a result."""
    tell("")
    print(text, end="\n\n", flush=True)


def run_cases(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure and show the cases that were asked for."""
    values = []
    for case in CASES:
        if asked.case and case.letter not in asked.case:
            continue
        case = case.against(asked.against) if asked.against else case
        case = case.quick() if asked.quick else case
        measured = measure(case, asked.runs, tell)
        show(case_table(case, measured))
        values.append(case_values(case, measured))
    return values


def run_float64(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure and show shoal in both precisions."""
    values = []
    for case in CASES:
        if case.letter not in "ABC":
            continue
        case = in_both_precisions(case.quick() if asked.quick else case)
        measured = measure(case, asked.runs, tell)
        single, double = (m.seconds for m in measured)
        speed = single / double
        by_cpu = measured[0].cpu_seconds / measured[1].cpu_seconds
        show(
            f"{case.letter}. {case.title}\nfloat32 {duration(single)}, float64 {duration(double)}: "
            f"{speed:.0%} of the speed (at least {FLOAT64_WANTED:.0%}) "
            f"{tick(speed >= FLOAT64_WANTED)}, by CPU {by_cpu:.0%}"
        )
        values.append(case_values(case, measured) | {"float64_speed": speed})
    return values


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; returns the exit code."""
    asked = arguments(words)
    parts = {name: getattr(asked, name) or asked.all for name in ("growth", "widths", "float64")}
    figures: dict[str, Any] = {"machine": machine(), "runs": asked.runs, "quick": asked.quick}
    show(machine_text(figures["machine"]))
    if asked.case or asked.all or not any(parts.values()):
        figures["cases"] = run_cases(asked)
    if parts["float64"]:
        figures["float64"] = run_float64(asked)
    if parts["growth"]:
        figures["growth"] = growth.run(quick=asked.quick, show=show, tell=tell)
    if parts["widths"]:
        figures["widths"] = widths.run(quick=asked.quick, plot=asked.plot, show=show, tell=tell)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
