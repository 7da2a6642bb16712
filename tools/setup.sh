#!/bin/sh
# Makes a virtual environment with shoal in it, and says clearly what is missing if it cannot.
set -eu
fail() { echo "setup: $1" >&2; exit 1; }

command -v "$PYTHON" >/dev/null 2>&1 || fail "no $PYTHON found. Install Python 3.11 or later, or name one: make … PYTHON=python3.12"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$PYTHON is $("$PYTHON" -V 2>&1), but shoal needs Python 3.11 or later. Name one: make … PYTHON=python3.12"

compiler=${CXX:-}
for candidate in c++ g++ clang++; do
    [ -n "$compiler" ] || ! command -v "$candidate" >/dev/null 2>&1 || compiler=$candidate
done
[ -n "$compiler" ] || fail "no C++ compiler found. Install gcc 12 or clang 15, or later (Debian and Ubuntu: apt install g++)"
echo 'template <class T> concept C = true; int main() { return [](C auto x) { return x; }(0); }' |
    "$compiler" -std=gnu++20 -x c++ -fsyntax-only - 2>/dev/null ||
    fail "$compiler does not compile C++20. Install gcc 12 or clang 15, or later, and name it: CXX=g++-12 make …"

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV" ||
    fail "no virtual environment could be made (Debian and Ubuntu: apt install python3-venv)"
"$VENV/bin/python" -m pip --version >/dev/null 2>&1 ||
    fail "the virtual environment $VENV has no pip (Debian and Ubuntu: apt install python3-venv). Remove $VENV and try again"

echo "setup: building shoal with $compiler; this takes about a minute"
CXX="$compiler" "$VENV/bin/python" -m pip install -q --disable-pip-version-check -e . ||
    fail "the build failed: the lines above say why. A package registry must be in reach"
