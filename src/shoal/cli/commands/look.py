"""`shoal look`: a table before anything is trained."""

from typing import Any

from rich.cells import cell_len

from shoal.cli.columns import placed
from shoal.cli.options import Look
from shoal.cli.overview import (
    ColumnSeen,
    Looked,
    columns_seen,
    suspects,
    suspects_without_target,
)
from shoal.cli.refuse import refuse_name_of_page, refuse_output
from shoal.cli.screen.lines import count, percent, short, target_line
from shoal.cli.screen.printing import note, print_json
from shoal.cli.screen.progress import waiting
from shoal.cli.screen.screen import Screen
from shoal.cli.signals import undisturbed
from shoal.cli.split import question_for, source_for
from shoal.data.read.messages import shown
from shoal.data.rows.question import held
from shoal.data.rows.selection import Rows
from shoal.errors import DataError

WIDEST = 32  # cells of a name or of what a column is taken for; longer ones push the rest aside


def look(asked: Look) -> None:
    """Read a table, and show what training would make of it."""
    refuse_output(asked.report, asked.tables, "--report")
    refuse_name_of_page(asked.report)
    screen = Screen.of(asked.as_json)
    found = _looked(asked)
    _show(found, asked, screen)
    for line in found.suspects:
        note(line)
    if asked.report:
        from shoal.cli.report.table import write_page

        with undisturbed():
            write_page(asked.report, found, asked.target)
        screen.line("report", asked.report)
    if asked.as_json:
        print_json(_document(found, asked.target))
    screen.done()


def _looked(asked: Look) -> Looked:
    order = asked.order
    with waiting(f"reading {shown(order.table)}"):
        source = source_for(order, None, in_memory=True)
        problem = None
        if asked.target:
            question = question_for(order, source)
            problem = held(question, question.rows)
        table = problem.X if problem else Rows(source).table()
    wanted = [
        [name for name in names if name != asked.target] for names in (asked.words, asked.numbers)
    ]
    try:
        columns = columns_seen(table, *wanted)
    except DataError as error:
        raise placed(error, order.table) from None
    told = suspects(problem) if problem else suspects_without_target(table)
    return Looked(source.name, source.m, columns, problem, told)


def _show(found: Looked, asked: Look, screen: Screen) -> None:
    others = count(len(found.columns), "column")
    screen.line(
        "table",
        f"{found.file}: {count(found.rows, 'row')}, {others}"
        + (" and the target" if found.problem else ""),
    )
    if found.problem:
        p = found.problem
        screen.line("target", target_line(p.y, p.task, p.left_out, asked.target))
        screen.line("task", f"{p.task}, as {p.reason}")
    else:
        screen.line("target", "not given: --target COLUMN shows more")
    screen.block(["", *_listing(found.columns, _rows(found))])


def _rows(found: Looked) -> int:
    return len(found.problem.y) if found.problem else found.rows


def _listing(columns: list[ColumnSeen], rows: int) -> list[str]:
    heading = ("column", "taken for", "missing", "values")
    cells = [
        heading,
        *((short(c.name), c.taken, _share(c.missing, rows), c.values) for c in columns),
    ]
    widths = [min(WIDEST, max(cell_len(row[i]) for row in cells)) for i in range(3)]
    return ["  ".join([*map(_padded, row[:3], widths), row[3]]).rstrip() for row in cells]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _share(missing: int, rows: int) -> str:
    return percent(missing / rows) if missing else "–"


def _document(found: Looked, target: str) -> dict[str, Any]:
    """What --json says."""
    p = found.problem
    told = target_line(p.y, p.task, p.left_out, target) if p else None
    return {
        "table": found.file,
        "rows": found.rows,
        "target": target or None,
        "task": p and p.task,
        "distribution": told,
        "rows_without_target": p.left_out if p else 0,
        "columns": [
            {"column": c.name, "kind": c.kind, "encoding": c.encoding, "missing": c.missing,
             "values": c.values}
            for c in found.columns
        ],
        "suspects": found.suspects,
    }  # fmt: skip
