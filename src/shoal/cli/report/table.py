"""The page of `shoal look`: a table's columns, each with a small picture."""

from typing import Any

import numpy as np

from shoal.cli.overview import ColumnSeen, Looked
from shoal.cli.report.charts import figure
from shoal.cli.report.page import Html, page, paragraph, table, tag
from shoal.cli.screen.lines import count, target_line
from shoal.files.atomic import atomic_write
from shoal.pictures import canvas

MOST_PICTURES = 60


def write_page(file: str, found: Looked, target: str) -> None:
    """Write the page. Raises FileError, and SettingError without matplotlib."""
    columns = found.columns
    sections = [
        ("target", "Target", _target(found, target)),
        ("suspects", "To look at", _suspects(found.suspects)),
        ("columns", "Columns", _listing(columns)),
        ("values", "Values", _pictures(columns)),
    ]
    told = f"{count(found.rows, 'row')}, {count(len(columns), 'column')}"
    title = f"The table {found.file}"
    with atomic_write(file) as out:
        out.write(page(title, paragraph(told, class_="lead"), sections).encode())


def _suspects(lines: list[str]) -> Html:
    return tag("ul", *(tag("li", line) for line in lines)) if lines else Html("")


def _target(found: Looked, target: str) -> Html:
    p = found.problem
    if p is None:
        return Html("")
    told = target_line(p.y, p.task, p.left_out, target)
    return Html(paragraph(told) + paragraph(f"{p.task}, as {p.reason}", class_="quiet"))


def _listing(columns: list[ColumnSeen]) -> Html:
    rows = [(c.name, c.encoding, f"{c.missing:,}", c.values) for c in columns]
    return table(
        "As a training would take them", ("column", "taken for", "missing", "values"), rows
    )


def _pictures(columns: list[ColumnSeen]) -> Html:
    drawn = [c for c in columns if c.parts is not None][:MOST_PICTURES]
    figures = [_picture(f"column-{i}", column) for i, column in enumerate(drawn)]
    return tag("div", *figures, class_="figures") if figures else Html("")


def _picture(name: str, column: ColumnSeen) -> Html:
    assert column.parts is not None
    places, counts = column.parts
    ordered = places.dtype.kind in "fM"  # numbers and times

    def draw(ax: Any) -> None:
        if ordered:
            width = np.diff(places).min() if len(places) > 1 else None
            ax.bar(places, counts, color=canvas.BLUE, **({} if width is None else {"width": width}))
            ax.set_ylabel("rows")
        else:
            labels = [canvas.plain(str(place)) for place in places[::-1]]
            ax.barh(np.arange(len(labels)), counts[::-1], color=canvas.BLUE)
            ax.set_yticks(np.arange(len(labels)), labels)
            ax.set_xlabel("rows")
        canvas.calm(ax, grid="y" if ordered else "x")

    return figure(name, column.name, f"{column.name}: {column.values}", draw, height=1.8)
