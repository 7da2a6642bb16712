"""What a search has tried: a few lines, and the same as plain data."""

from typing import Any

from shoal.cli.screen.lines import count, percent
from shoal.estimators.search import Search, Tried

MOST = 10  # candidates that are shown


def search_of(model: Any) -> Search | None:
    """The search of a fitted model; None without one."""
    found: Search | None = model.fitted_.search
    return found


def search_lines(search: Search) -> list[str]:
    """A summary, and a table of the candidates: those in the result first, then by their losses."""
    others = sorted(search.tried[1:], key=lambda one: (-one.weight, one.difference))
    shown = [search.tried[0], *others][:MOST]
    left = len(search.tried) - len(shown)
    return [
        f"{count(len(search.tried), 'candidate')}, {search.work / search.usual_work:.1f} × the work of a "
        f"fit without; a prediction takes {search.predict_cost:.2g} × the work",
        _outcome(search),
        f"{'loss added':>12}{'±':>10}{'rows':>8}{'networks':>10}{'weight':>9}  candidate",
        *map(_row, shown),
        *([f"and {left:,} more: --json has all"] if left > 0 else []),
    ]


def _outcome(search: Search) -> str:
    """What rows that were left out of the choice say of it."""
    by = f"{abs(search.usual_loss - search.loss):.4g} (standard error {search.error:.2g})"
    if search.loss < search.usual_loss:
        return (
            f"on rows left out of the choice the loss is {search.loss:.4g}, {by} lower than without"
        )
    return f"nothing was better on rows left out of the choice: the default is kept, loss {search.usual_loss:.4g}"


def _row(one: Tried) -> str:
    added = f"{one.difference:+.4g}" if one.settings or one.difference else "0"
    weight = percent(one.weight) if one.weight else "–"
    return f"{added:>12}{one.error:>10.2g}{one.judged:>8,}{one.members:>10}{weight:>9}  {one.name}"


def search_report(model: Any) -> dict[str, Any] | None:
    """The same for --json."""
    search = search_of(model)
    if search is None:
        return None
    return {
        "candidates": model.search_results_,
        "loss": search.loss,
        "usual_loss": search.usual_loss,
        "standard_error": search.error,
        "work": search.work,
        "usual_work": search.usual_work,
        "predict_cost": search.predict_cost,
    }
