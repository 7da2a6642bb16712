#!/bin/sh
# Builds the source distribution, and from it, without network, the wheel; auditwheel finds its tag.
set -eu
BIN=$1
rm -rf build/dist dist
mkdir -p build/dist dist
"$BIN/python" -m build --sdist --no-isolation --outdir dist .
# What the sdist lacks must not come from elsewhere: unpacked apart, no isolation, no index.
sdist=$(ls "$PWD"/dist/shoal-*.tar.gz)
PATH="$(cd "$BIN" && pwd):$PATH" PIP_NO_INDEX=1 "$BIN/python" -m pip wheel -q --no-deps --no-build-isolation --wheel-dir build/dist "$sdist"
case $(uname -s) in
    Linux) PATH="$(cd "$BIN" && pwd):$PATH" "$BIN/auditwheel" repair --strip --wheel-dir dist build/dist/shoal-*.whl ;;
    *) cp build/dist/shoal-*.whl dist ;;
esac
ls -l dist
