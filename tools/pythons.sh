#!/bin/sh
# Prints the interpreters found here, one a line: for each version that shoal supports one, in the PATH or of pyenv.
for version in 3.11 3.12 3.13 3.14; do
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if "$python" -c 'import sys, venv; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' $version 2>/dev/null; then
            "$python" -c 'import sys; print(sys.executable)'
            break
        fi
    done
done
