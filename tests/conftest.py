"""The same ground for all tests, however they are started."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# No timing decides a test: a busy machine takes as long as it takes.
settings.register_profile("shoal", deadline=None)
settings.load_profile("shoal")

# A shell lets what it runs in the background ignore Ctrl-C, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
# What a whole folder or file needs. `slow` stands at the tests themselves, but for files of which
# the tests together take long.
NEEDS = {
    "exports/test_databases.py": "slow",
    "exports/test_javascript.py": "slow",
    "exports/test_onnx.py": "slow",
    "exports/test_sql.py": "slow",
    "program/test_formats.py": "slow",
    "program/test_table_files.py": "slow",
    "conformance/test_saving.py": "slow",
    "conformance/test_tools.py": "slow",
    "conformance/test_meta_estimators.py": "slow",
    "program/test_intervals.py": "slow",
    "program/test_report.py": "slow",
    "program/test_streaming.py": "slow",
    "program/test_questions.py": "slow",
    "conformance/test_streamed.py": "slow",
    "conformance/test_small.py": "slow",
    "conformance/test_threshold.py": "slow",
    "conformance/test_effort.py": "slow",
    "conformance/test_scoring.py": "slow",
    "lab/test_guard.py": "slow",
    "lab/test_process.py": "slow",
    "laws/test_bits.py": "slow",
    "laws/test_explanations.py": "slow",
    "laws/test_resume.py": "slow",
    "oracles/test_autodiff.py": "slow",
    "kernel": "compiler",
    "exports/test_c.py": "compiler",
    "exports/test_processors.py": "compiler",
    "exports/test_program.py": "compiler",
    "exports/test_round_trips.py": "compiler",
    "exports/test_integers.py": "compiler",
    "exports/test_thresholds.py": "compiler",
    "exports/test_browser.py": "browser",
    "cluster": "cluster",
    "lab/test_page.py": "browser",
}
COMPILING_SECONDS = 1200  # with sanitizers, on a machine that has other work


def pytest_collection_modifyitems(items):
    """Mark tests by where they are."""
    for item in items:
        path = item.path.relative_to(HERE)
        for place, need in NEEDS.items():
            if path.is_relative_to(place):
                item.add_marker(getattr(pytest.mark, need))
        if item.get_closest_marker("compiler"):
            item.add_marker(pytest.mark.timeout(COMPILING_SECONDS))
