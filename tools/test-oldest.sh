#!/bin/sh
# Runs the tests on the lowest supported version of every dependency. TESTS=… chooses some of them.
set -eu
PYTHON=$1; BIN=$2
venv=build/oldest
[ -d $venv ] || "$PYTHON" -m venv $venv
"$BIN/python" tools/oldest.py > build/oldest.txt
"$BIN/python" tools/extra.py test > build/newest.txt
$venv/bin/python -m pip install -q . -r build/newest.txt -c build/oldest.txt
$venv/bin/python -m pip check
# Old versions use what newer ones of pytest and Python have deprecated, which is no fault of shoal's.
$venv/bin/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile -W ignore::DeprecationWarning -W ignore::pytest.PytestRemovedIn10Warning ${TESTS:-}
