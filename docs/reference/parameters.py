"""Write docs/reference/parameters.md, the table of all parameters, from `shoal.settings.FIELDS`.

.venv/bin/python docs/reference/parameters.py > docs/reference/parameters.md
"""

from shoal.settings import FIELDS
from shoal.wording import shown

HEAD = """# The parameters of the estimators

Written by `docs/reference/parameters.py` from `FIELDS` in `src/shoal/settings.py`; the docstrings of `ShoalClassifier` and
`ShoalRegressor` say more about each. Results do not depend on the parameters in the last column's "no".

| parameter | values | default | meaning | option of `shoal train` | result depends on it |
|---|---|---|---|---|---|"""


def table() -> str:
    """The page."""
    rows = [
        f"| `{f.name}` | {f.kind.words} | `{shown(f.default)}` | {f.help} | "
        f"{f'`{f.option}`' if f.option else ''} | {'yes' if f.result else 'no'} |"
        for f in FIELDS.values()
    ]
    return "\n".join([HEAD, *rows]) + "\n"


if __name__ == "__main__":
    print(table(), end="")
