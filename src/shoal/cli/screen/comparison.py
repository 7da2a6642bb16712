"""The scores of a model compared with those of simpler ones: a table, and what it means."""

from rich.cells import cell_len

from shoal.cli.record import Compared
from shoal.cli.scores import Scores
from shoal.cli.screen.lines import count, short

TITLES = {"log_loss": "log-loss", "auc": "AUC", "accuracy": "accuracy", "rmse": "RMSE", "r2": "R²"}


def verdict(scores: Compared, rows: int) -> str:
    """What the comparison means."""
    (_, ours), *linear, (constant, trivial) = scores
    loss = next(iter(ours))
    here = f"on {'these' if rows > 1 else 'this'} {count(rows, 'row')}"
    if not _below(ours, trivial, loss):
        return f"no better than {constant} {here}"
    if linear and not _below(ours, linear[0][1], loss):
        return f"the linear model is as good {here}, and simpler: --hidden 0"
    other, found = ("the linear model", linear[0][1]) if linear else (constant, trivial)
    less = score((found[loss] or 0.0) - (ours[loss] or 0.0))
    return f"better than {other}: {TITLES[loss]} {less} lower"


def score_lines(scores: Compared) -> list[str]:
    """A heading, then the scores of each."""
    names = [name for name in TITLES if name in scores[0][1]]
    width = max(cell_len(short(who)) for who, _ in scores) + 2
    lines = [" " * width + "".join(f"{TITLES[name]:>11}" for name in names)]
    for who, found in scores:
        cells = "".join(f"{score(found.get(name)):>11}" for name in names)
        lines.append(f"  {short(who)}{' ' * (width - 2 - cell_len(short(who)))}{cells}")
    return lines


def _below(ours: Scores, others: Scores, name: str) -> bool:
    one, other = ours.get(name), others.get(name)
    return one is not None and other is not None and one < other


def score(value: float | None) -> str:
    """0.4747; – for none."""
    if value is None:
        return "–"
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{round(value, 4) + 0.0:.4f}"  # + 0.0: there is no -0.0000
