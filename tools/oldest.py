"""Print the lowest supported version of each dependency and optional dependency, one a line, for pip.

Tools of the tests alone (pytest and the like) are those of today; pandas and polars, whose frames are
read, are among the oldest.
"""

import re
import tomllib
from itertools import chain

EXTRAS = ("cluster", "duckdb", "excel", "lab", "onnx", "plot")
READ = ("openpyxl", "pandas", "polars")  # in the extra `test`, as shoal only takes what they made

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
optional = project["optional-dependencies"]
named = [one for one in optional["test"] if re.split("[^a-z-]", one)[0] in READ]
wanted = chain(project["dependencies"], *(optional[extra] for extra in EXTRAS), named)
print(*sorted({one.replace(">=", "==") for one in wanted}), sep="\n")
