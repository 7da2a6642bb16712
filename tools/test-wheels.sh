#!/bin/sh
# Installs the wheel of `make wheels` for every Python found, in an empty environment without a compiler and with today's
# pip, and runs the golden tests on it: the pins of fits, predictions and files.
set -eu
wheel=$(ls dist/shoal-*.whl)
pythons=$(sh tools/pythons.sh)
[ -n "$pythons" ] || { echo "test-wheels: no Python from 3.11 to 3.14 found" >&2; exit 1; }
for python in $pythons; do
    version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    folder=build/test-wheels/$version
    rm -rf "$folder"
    "$python" -m venv "$folder"
    bin=$PWD/$folder/bin
    "$bin/python" -m pip install -q --upgrade pip
    pip=$("$bin/python" -m pip --version | cut -d' ' -f2)
    seconds() { date +%s; }
    began=$(seconds)
    # No compiler is in this PATH, and pip takes nothing that would need one.
    env PATH="$bin" CC=/nonexistent CXX=/nonexistent "$bin/python" -m pip install -q --only-binary :all: "$wheel"
    first=$(env PATH="$bin" "$bin/python" tools/first_result.py)
    echo "Python $version, pip $pip: from an empty environment to the first result in $(($(seconds) - began)) s: $first"
    env PATH="$bin" "$bin/python" -m pip install -q --only-binary :all: pytest pytest-timeout hypothesis
    env PATH="$bin" "$bin/python" -m pytest -q -p no:cacheprovider tests/pins/test_pins.py tests/pins/test_files.py
    env PATH="$bin" "$bin/shoal" check > /dev/null
    echo "Python $version: shoal check passed"
done
