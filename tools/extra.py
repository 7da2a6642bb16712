"""Print the packages of an extra, one a line, so that pip can install them without a new build."""

import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["project"]["optional-dependencies"][sys.argv[1]], sep="\n")
