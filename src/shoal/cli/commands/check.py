"""`shoal check`: verify gradients and reproducibility on this machine."""

import sys
import time
from typing import Any

from shoal.cli.endings import fail
from shoal.cli.screen.lines import listed
from shoal.cli.screen.printing import print_json
from shoal.cli.screen.progress import waiting
from shoal.cli.screen.screen import Screen
from shoal.compute._processor import builds
from shoal.compute.builds import BUILD
from shoal.diagnosis.gradients import EQUATIONS, TOLERANCES
from shoal.diagnosis.self_check import (
    DTYPES,
    SOLVERS,
    THREADS,
    fingerprints_of,
    gradient_checks,
    speeds,
    worst_lines,
)


def check(*, as_json: bool) -> None:
    """Compare equations with the cost, results across threads and builds; time a step."""
    began = time.perf_counter()
    screen = Screen.of(as_json)
    found: dict[str, Any] = {"build": BUILD}
    good = _equations(screen, found)
    good = _bits(screen, found) and good
    with waiting("timing steps"):
        measured = speeds()
    for i, speed in enumerate(measured):
        screen.line(
            "" if i else "speed",
            f"{speed.microseconds:6.1f} µs a step of {speed.what}, one thread: "
            f"{speed.gflops:.0f} GFLOP/s",
        )
    found["speed"] = [speed._asdict() for speed in measured]
    found["passed"], found["seconds"] = good, round(time.perf_counter() - began, 3)
    if as_json:
        print_json(found)
    if not good:
        sys.stdout.flush()
        fail("this build fails the check: see above. Please report it.")
    screen.line("verdict", f"passed ({found['seconds']:.1f} s)")
    screen.done()


def _equations(screen: Screen, found: dict[str, Any]) -> bool:
    checks, faults = [], []
    with waiting("checking each equation against the cost"):
        for activation, output, one in gradient_checks():
            checks.append(one)
            if one.first_faulty:
                faults.append(f"{one.first_faulty} ({activation}, {output})")
    worst = worst_lines(checks)
    screen.line(
        "equations", f"the worst of {len(checks)} networks: every activation with every output"
    )
    screen.line("", f"{'':31}" + "".join(f"{dtype:>14}" for dtype in DTYPES))
    for name, (mark, formula) in EQUATIONS.items():
        cells = "".join(
            f"{worst[name, dtype]:>12.1e} {'✓' if worst[name, dtype] <= TOLERANCES[dtype] else '✗'}"
            for dtype in DTYPES
        )
        screen.line("", f"{mark:>4} {formula:<26}{cells}")
    for fault in faults:
        screen.line("", f"faulty: {fault}")
    found["equations"] = {
        name: {dtype: worst[name, dtype] for dtype in DTYPES} for name in EQUATIONS
    }
    found["faults"] = faults
    return not faults


def _bits(screen: Screen, found: dict[str, Any]) -> bool:
    # The plain equations are reproducible only by themselves.
    others = [build for build in builds() if build != BUILD] if BUILD != "plain" else []
    here = [BUILD, *others]
    threads = listed([str(n) for n in THREADS], len(THREADS))
    with waiting("training on every build with several threads"):
        words = {build: fingerprints_of(build) for build in here}
    differing = [
        f"{solver} {dtype}"
        for solver in SOLVERS
        for dtype in DTYPES
        if len({words[build][f"{solver} {dtype} {n}"] for build in here for n in THREADS}) > 1
    ]
    what = f"{threads} threads, builds {listed(here, len(here))}, {len(SOLVERS) * len(DTYPES)} trainings each"
    screen.line("bits", f"{'differ' if differing else 'the same'} over {what}")
    for name in differing:
        screen.line("", f"differ: {name}")
    found["bits"] = {"same": not differing, "builds": here, "fingerprints": words}
    return not differing
