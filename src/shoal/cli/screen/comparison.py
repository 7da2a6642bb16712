"""The scores of a model compared with those of simpler ones: a table, and what it means."""

from collections.abc import Sequence
from itertools import repeat

from rich.cells import cell_len

from shoal.cli.paired import BETTER, NONE, WORSE, Comparison
from shoal.cli.record import Compared
from shoal.cli.scores import Scores
from shoal.cli.screen.lines import count, short

TITLES = {
    "log_loss": "log-loss",
    "auc": "AUC",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "deviance": "deviance",
    "rmse": "RMSE",
    "r2": "R²",
}


def verdict(comparisons: Sequence[Comparison], scores: Compared) -> str:
    """What the comparison with the constant, and then with the linear model, shows."""
    constant = comparisons[-1]
    if constant.outcome != BETTER:
        return _shown(constant, scores[-1][0])
    one = comparisons[0]
    if one is constant:
        return _shown(one, scores[-1][0])
    simpler = {
        BETTER: "",
        WORSE: "; use it: --hidden 0",
        NONE: "; the linear model is simpler: --hidden 0",
    }
    return _shown(one, "the linear model") + simpler[one.outcome]


def _shown(one: Comparison, other: str) -> str:
    """Better than the linear model on 120 rows: log-loss 0.0100 lower (standard error 0.0021)."""
    here = f"on {count(one.rows, 'row')}"
    side = "lower" if one.difference < 0 else "higher"
    margin = f"{TITLES[one.loss]} {score(abs(one.difference))} {side}"
    error = "" if one.standard_error is None else f" (standard error {one.standard_error:.2g})"
    if one.outcome == NONE:
        return f"no difference can be shown {here}: {margin} than {other}{error}"
    return f"{one.outcome} than {other} {here}: {margin}{error}"


def score_lines(scores: Compared, errors: Sequence[tuple[str, Scores]] = ()) -> list[str]:
    """A heading, then the scores of each, with their standard errors if there are any."""
    names = [name for name in TITLES if name in scores[0][1]]
    width = max(cell_len(short(who)) for who, _ in scores) + 2
    cell = 18 if errors else 11
    lines = [" " * width + "".join(f"{TITLES[name]:>{cell}}" for name in names)]
    for (who, found), spread in zip(scores, [e for _, e in errors] or repeat({}), strict=False):
        cells = "".join(f"{with_error(found, spread, name):>{cell}}" for name in names)
        lines.append(f"  {short(who)}{' ' * (width - 2 - cell_len(short(who)))}{cells}")
    return lines


def with_error(scores: Scores, errors: Scores, name: str) -> str:
    """0.4747 ± 0.0012."""
    error = errors.get(name)
    return score(scores.get(name)) + ("" if error is None else f" ± {score(error)}")


def score(value: float | None) -> str:
    """0.4747; – for none."""
    if value is None:
        return "–"
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{round(value, 4) + 0.0:.4f}"  # + 0.0: there is no -0.0000
