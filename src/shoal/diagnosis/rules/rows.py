"""Rows that mislead a training: repeated, contradicting, far out, or of rare classes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data.encode.coded import Coded
from shoal.data.rows.examples import Examples, rows_of
from shoal.data.rows.seen import hashes_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.case import CARRIED, HASHED, Seen, outermost_of, sample_of
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.suspect import use
from shoal.wording import wording

REPEATED = 0.15  # of the rows held out, which are trained on as well
CONTRADICTED = 0.03  # of the rows cannot be answered rightly
FEWEST = 50  # rows, of which a share is worth telling
FAR_OUT = 60.0  # times the deviation that the middle half of a column has
FEW_FAR_OUT = 0.1  # of the rows
# Of some dozens of rows two are a larger share, and carry half of the variance of many a healthy target.
FEW_OUTERMOST, NEARLY_CARRIED = 0.02, 0.8
# Of a class: the share of the rows up to which it is rare, so many examples, and its right answers.
RARE, FEW_OF_A_CLASS, FOUND = 0.15, 5, 0.25
NEARLY_ALL = 0.98  # of the answers
FEW_ROWS = 2  # of a class, which the network does not answer rightly though it was trained on them
# Of the weight: a class that has so little, and a tenth of its share of the rows, counts for nothing
# where fewer than half of its examples are answered rightly.
UNEQUAL, STARVED, MISSED = "unequal-weights", 0.05, 0.5
FEW_HEAVY = 4  # rows, which are few however many there are
MANY, LEARNT = 20, 0.5  # classes, and the share of the variance of a network that has learnt them


def repeated_rows(seen: Seen) -> Iterator[Finding]:
    """Rows held out that are trained on as well, more than chance repeats."""
    case = seen.case
    if case.new or not seen.held_out or seen.judged.m < FEWEST // 2:
        return
    if isinstance(case.examples.X, Sparse):
        return
    if seen.judged.X is seen.every.X and seen.distinct == len(seen.every.X):
        return  # all rows are known, and differ
    part = sample_of(case.examples, HASHED)
    trained = np.sort(_hashes(part))
    share = min(_share_among(_hashes(seen.judged), trained) * case.examples.m / part.m, 1.0)
    if share < REPEATED or _by_chance(seen, trained) > share / 4:
        return
    yield Finding(
        "duplicates-across-split",
        "warning",
        f"{share:.0%} of the rows that are held out to stop by are also trained on, value by value: "
        "the validation loss is too good, and training stops too late.",
        "Remove the duplicates, or give fit the groups of the rows (groups=), so that all copies are "
        "on one side.",
        {},
        {"share": share, "held_out": case.held or seen.judged.m},
    )


def _hashes(examples: Examples) -> NDArray[np.uint64]:
    return hashes_of(rows_of(examples.X, examples.rows))


def _by_chance(seen: Seen, trained: NDArray[np.uint64]) -> float:
    """The share of rows, composed at random of the columns' values, that repeat a trained one."""
    X: Any = rows_of(seen.judged.X, seen.judged.rows)
    if isinstance(X, Coded):
        if not X.numbers.shape[1]:
            return 1.0  # rows of categories repeat each other
        X = X.numbers
        some: Any = rows_of(seen.learnt.X, seen.learnt.rows)
        trained = np.sort(hashes_of(np.ascontiguousarray(some.numbers)))
    rng = np.random.default_rng(0)
    mixed = np.ascontiguousarray(np.stack([rng.permutation(column) for column in X.T], axis=1))
    return _share_among(hashes_of(mixed), trained)


def _share_among(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> float:
    """The share of the hashes that are among the known ones, which are sorted; a third of the time of isin."""
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return float((known[places] == hashes).mean())


def contradicting_labels(seen: Seen) -> Iterator[Finding]:
    """Equal rows with different targets, and the lowest error that they allow."""
    every = seen.every
    if isinstance(every.X, Sparse) or every.m < FEWEST:
        return
    if seen.distinct > (1 - CONTRADICTED) * every.m:
        return
    _, places = np.unique(seen.hashes, return_inverse=True)
    chosen = slice(None) if every.rows is None else every.rows
    if every.labels is not None:
        lowest, what = _lowest_error(places, _labels_of(every)), "answers are wrong"
        error = 1 - _right(seen)
    elif every.Y is not None and every.Y.shape[1] == 1:
        lowest, what = _lowest_variance(places, every.Y[chosen, 0]), "variance stays unexplained"
        error = 1 - seen.explained
    else:
        return
    if lowest < CONTRADICTED:
        return
    reached = error < 1.5 * lowest
    yield Finding(
        "contradicting-labels",
        "warning",
        f"{every.m - seen.distinct:,} of {every.m:,} rows repeat another, and their targets differ: "
        f"whatever is learnt, at least {lowest:.1%} of the {what} (this network: {error:.1%}).",
        wording(
            "Look at the rows with equal columns: wrong labels, or a column that is missing. "
            + ("The network is near the lowest error." if reached else "")
        ),
        {},
        {"lowest_error": lowest, "error": error, "repeated": every.m - seen.distinct},
    )


def _labels_of(examples: Examples) -> NDArray[Any]:
    assert examples.labels is not None
    return examples.labels if examples.rows is None else examples.labels[examples.rows]


def _lowest_error(places: NDArray[np.int64], labels: NDArray[Any]) -> float:
    k = int(labels.max()) + 1
    pairs, counts = np.unique(places * k + labels, return_counts=True)
    most = np.zeros(int(places.max()) + 1, np.int64)
    np.maximum.at(most, pairs // k, counts)
    return 1 - float(most.sum()) / len(labels)


def _lowest_variance(places: NDArray[np.int64], y: NDArray[Any]) -> float:
    counts = np.bincount(places)
    means = np.bincount(places, y) / counts
    return float(((y - means[places]) ** 2).mean() / max(float(np.var(y)), 1e-300))


def _right(seen: Seen) -> float:
    said, true = _answers(seen)
    return float((said == true).mean())


def _answers(seen: Seen) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of a single target: the classes that are predicted, and the true ones."""
    return _classes(seen.A2), _classes(seen.Y)


def _answers_to_judged(seen: Seen) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same of the examples that are judged, by the first member."""
    return _classes(seen.answers), _classes(seen.judged.truth(seen.shape.n_y)[0])


def _classes(Y: NDArray[Any]) -> NDArray[Any]:
    return (Y[0] > 0.5).astype(int) if len(Y) == 1 else Y.argmax(axis=0)


def outliers(seen: Seen) -> Iterator[Finding]:
    """A few rows whose target, or whose inputs, lie so far out that they carry the loss."""
    if seen.learnt.m < FEWEST:
        return
    if seen.shape.output == "identity":
        yield from _in_target(seen)
    X = seen.learnt.X
    if isinstance(X, Sparse):
        return
    numbers: Any = X.numbers if isinstance(X, Coded) else X
    V = numbers if seen.learnt.rows is None else numbers[seen.learnt.rows]
    if not V.shape[1]:
        return
    columns = np.ascontiguousarray(V.T)
    quarters = [(len(V) - 1) * quarter // 4 for quarter in range(5)]
    lowest, low, middle, high, highest = np.partition(columns, quarters, axis=1)[:, quarters].T
    usual = (high - low) / 1.35  # of a normal distribution the deviation
    # No deviation is more than half the range (Popoviciu 1935).
    if not ((usual > 0) & (highest - lowest > 2 * FAR_OUT * usual)).any():
        return
    ratio = columns.std(axis=1) / np.where(usual > 0, usual, np.inf)
    far = [
        j for j in np.flatnonzero(ratio > FAR_OUT).tolist()
        if _few_or_one_value(V[np.abs(V[:, j] - middle[j]) > FAR_OUT / 2 * usual[j], j], len(V))
    ]  # fmt: skip
    if not far:
        return
    names = [seen.case.columns[j] if j < len(seen.case.columns) else f"x{j}" for j in far]
    j = far[0]
    worst = int(np.abs(V[:, j] - middle[j]).argmax())
    yield Finding(
        "outliers",
        "warning",
        f"{', '.join(names[:3])}: single values lie {ratio[j]:,.0f} deviations of the middle half of "
        "the column, or more, from all others, so that what differs between the others is next to nothing after "
        "scaling.",
        "Look at these values: codes of missing values such as 999999, wrong units, or a column that "
        "needs its logarithm.",
        {},
        {"columns": names, "deviation_over_usual": float(ratio[j]), "value": float(V[worst, j])},
    )


def _few_or_one_value(values: NDArray[Any], m: int) -> bool:
    """Whether they are few of m, or a code: not the bright pixels of images that are mostly dark."""
    return len(values) <= FEW_FAR_OUT * m or bool((values == values[0]).all())


def _in_target(seen: Seen) -> Iterator[Finding]:
    n = outermost_of(seen.learnt.m)
    for k, carried in enumerate(seen.carried.tolist()):
        if carried < (CARRIED if n <= FEW_OUTERMOST * seen.learnt.m else NEARLY_CARRIED):
            continue
        target = "the target" if len(seen.carried) == 1 else f"target {k}"
        yield Finding(
            "outliers",
            "warning",
            f"{n} of {seen.learnt.m:,} rows carry {carried:.0%} of the variance of {target}: the loss is about "
            "them, and the others count next to nothing.",
            "Look at these rows. If they are true, predict the logarithm of the target; if not, "
            "remove them.",
            {},
            {"rows": n, "share_of_variance": carried},
        )
        return


def unequal_weights(seen: Seen) -> Iterator[Finding]:
    """Weights of which a few rows have most, or a class next to none, so that the others count for nothing."""
    every = seen.case.given.examples if seen.case.given else seen.case.examples
    if every.weights is None or every.m < FEWEST:
        return
    w = np.asarray(every.weights if every.rows is None else every.weights[every.rows], np.float64)
    if seen.case.settings.get("class_weight") is None:
        yield from _few_rows_count(w)
    elif every.labels is not None:
        yield from _a_class_counts_for_nothing(seen, w, _labels_of(every))


def _few_rows_count(w: NDArray[np.float64]) -> Iterator[Finding]:
    most = max(outermost_of(len(w)), FEW_HEAVY)
    heaviest = np.sort(np.partition(w, -most)[-most:])[::-1].cumsum() / w.sum()
    n = int(np.searchsorted(heaviest, CARRIED)) + 1
    if n > most:
        return
    carried = float(heaviest[n - 1])
    yield Finding(
        UNEQUAL,
        "warning",
        f"{n} of {len(w):,} rows carry {carried:.0%} of the weight: the others count for little.",
        "Look at sample_weight: an upper limit, or its square root, lets all rows count. Weights of 1 are "
        "as good as none.",
        {},
        {"rows": n, "share_of_weight": carried},
    )


def _a_class_counts_for_nothing(
    seen: Seen, w: NDArray[np.float64], labels: NDArray[Any]
) -> Iterator[Finding]:
    rows, weight = np.bincount(labels) / len(w), np.bincount(labels, w) / w.sum()
    worst = int((weight / np.maximum(rows, 1e-300)).argmin())
    if weight[worst] > STARVED * min(1.0, 10 * rows[worst]):
        return
    said, true = _answers(seen)
    found = float((said == true)[true == worst].mean()) if (true == worst).any() else 1.0
    yield Finding(
        UNEQUAL,
        "warning" if found < MISSED else "remark",
        f"with class_weight one class has {weight[worst]:.1%} of the weight, and {rows[worst]:.0%} of the "
        f"rows: {found:.0%} of its examples are answered rightly.",
        wording(
            "Use ", *use({"class_weight": "balanced"}), ", which gives every class the same weight."
        ),
        {"class_weight": "balanced"},
        {"share_of_weight": float(weight[worst]), "share_of_rows": float(rows[worst]), "recall": found},
    )  # fmt: skip


def many_classes(seen: Seen) -> Iterator[Finding]:
    """Classes of so few rows each that the target is likely to be a number, or a name."""
    rows, k = seen.case.m + seen.case.held, seen.shape.n_y
    if seen.shape.output != "softmax" or k < MANY or rows <= 0 or seen.explained > LEARNT:
        return
    if rows < FEW_OF_A_CLASS * k:
        what = f"{rows / k:.1f} rows each: too few to learn a class from."
    elif _is_a_number(seen):
        what = (
            f"of which {max(seen.explained, 0):.0%} of the variance is learnt, and in whose order there is more: "
            f"neighbouring rows or random features explain {seen.order.known:.0%} of the variance of the number of "
            "the class."
        )
    else:
        return
    yield Finding(
        "many-classes",
        "warning",
        f"{rows:,} rows have {k:,} classes, {what}",
        "If the target is a number, use ShoalRegressor (--task regression). If it is a name, merge rare ones.",
        {},
        {"classes": k, "rows": rows},
    )


def _is_a_number(seen: Seen) -> bool:
    """Whether the order of the classes is known far better than the classes are."""
    if not seen.looked_at or not seen.comparable or not seen.order.reaches(LEARNT):
        return False
    return not seen.reference.reaches(LEARNT / 2)


def rare_classes(seen: Seen) -> Iterator[Finding]:
    """Classes that are hardly ever predicted, though there are examples of them."""
    shape = seen.shape
    if shape.output in ("identity", "poisson") or (shape.n_y > 1 and shape.output == "sigmoid"):
        return
    if seen.some.m < FEWEST or seen.case.settings.get("class_weight") is not None:
        return
    if next(many_classes(seen), None):  # to weigh them does not help
        return
    k = max(shape.n_y, 2)
    limit, few = min(RARE, 0.6 / k), FEW_OF_A_CLASS if seen.case.new else FEW_ROWS
    said, true = _answers(seen)
    if seen.held_out:  # rows that it was not trained on, too
        held = _answers_to_judged(seen)
        said, true = np.r_[said, held[0]], np.r_[true, held[1]]
    there, right = _counts(said, true, k)
    is_rare = (there >= few) & (there <= limit * len(true))
    rare = is_rare & (right <= FOUND * there)
    if seen.held_out and not rare.any() and is_rare.any():
        # Of its own rows a network finds more: where that is not even half, those held out say how many.
        missed = is_rare & (right <= MISSED * there)
        said, true = held
        there, right = _counts(said, true, k)
        rare = missed & (there >= FEW_OF_A_CLASS) & (right <= FOUND * there)
    if not rare.any():
        return
    given = np.bincount(said, minlength=k)
    single = given.max() >= NEARLY_ALL * len(said)
    share = float(there[rare].sum() / len(true))
    found = float(right[rare].sum() / there[rare].sum())
    many = int(rare.sum()) > 1
    names = f"{rare.sum()} of {k} classes {'are' if many else 'is'}" if k > 2 else "one class is"
    others = "other classes" if single else "them" if many else "it"
    yield Finding(
        "one-class-predicted" if single else "rare-classes",
        "warning",
        (f"{given.max() / len(said):.1%} of {len(said):,} examples get the same answer, though "
         if single else f"{names} hardly ever predicted, though ")
        + f"{share:.1%} of the examples belong to {others}: "
        f"{found:.0%} of those are answered rightly. The accuracy hides it.",
        wording(
            "Give the rare classes more weight: ", *use({"class_weight": "balanced"}),
            ", at the price of more wrong answers for the others.",
        ),
        {"class_weight": "balanced"},
        {"share_of_others": share, "recall": found, "largest_share": float(given.max() / len(said))},
    )  # fmt: skip


def _counts(
    said: NDArray[Any], true: NDArray[Any], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each of k classes the examples, and those that are answered rightly."""
    there = np.bincount(true, minlength=k)
    return there, np.bincount(true[said == true], minlength=k)


def few_rows_of_a_class(seen: Seen) -> Iterator[Finding]:
    """Classes that have a few rows, as is worth knowing however they are answered."""
    case = seen.case
    if case.given is None or case.given.examples.labels is None or seen.shape.n_y >= MANY:
        return
    if case.given.examples.m < max(FEWEST, case.m):  # a part of the rows
        return
    rows = np.bincount(_labels_of(case.given.examples), minlength=max(seen.shape.n_y, 2))
    few = rows[(rows > 0) & (rows < FEW_OF_A_CLASS)]
    if not len(few):
        return
    have = f"have {few.max()} or fewer" if len(few) > 1 else f"has {few.max()}"
    yield Finding(
        "rare-classes",
        "remark",
        f"{len(few)} of {len(rows)} classes {have} of {rows.sum():,} rows: too few to learn a class from, or to see "
        "how well it is predicted.",
        "Look for more rows of these, or join them with a class that is like them.",
        {},
        {"rows": few.tolist()},
    )


def new_rows(seen: Seen) -> Iterator[Finding]:
    """Rows not trained on whose loss is far above what the fit had expected."""
    case = seen.case
    if not (case.new and seen.curve) or case.ending == "diverged" or seen.some.m < FEWEST // 2:
        return
    if case.earlier and "duplicates-across-split" in case.earlier.names:
        return  # what the fit expected was too good
    stopped = bool(case.validation_losses)
    expected = (
        float(np.nanmin(case.validation_losses)) if stopped
        else min(seen.curve.last, seen.curve.first) * seen.baseline
    )  # fmt: skip
    gap = (seen.new_loss - expected) / seen.baseline
    moved = _moved(seen)
    # Of all training rows it is small; and of rows that are seen to be others it says nothing.
    unsure = _expected_error(seen) if stopped and not moved else 0.0
    chance = 3 * (seen.new_error**2 + unsure**2) ** 0.5 / seen.baseline
    if gap < max(GAP, chance):
        return
    if stopped or moved:
        yield _shift(seen, expected, gap, moved)
    else:
        yield _overfitting(seen, expected, gap)


def _expected_error(seen: Seen) -> float:
    """The standard error of the validation loss, as if its rows were like these."""
    rows = seen.case.m or seen.some.m
    held = float(seen.case.settings.get("validation_fraction", 0.15)) * rows
    return float(seen.new_error * (seen.some.m / max(held, 1)) ** 0.5)


GAP = 0.2  # of the baseline
MOVED, SURELY = 0.5, 6.0  # standard deviations by which a mean has moved, and standard errors


def _moved(seen: Seen) -> list[tuple[str, float]]:
    """Standardised columns whose mean is not 0 on these rows, with it; the farthest first."""
    X = seen.some.X
    if seen.case.settings.get("encode") is None or isinstance(X, Sparse):
        return []
    numbers: Any = X.numbers if isinstance(X, Coded) else X
    V = numbers if seen.some.rows is None else numbers[seen.some.rows]
    if not V.shape[1]:
        return []
    mean = V.mean(axis=0, dtype=np.float64)
    error = np.maximum(V.std(axis=0, dtype=np.float64), 0.1) / len(V) ** 0.5
    far = np.flatnonzero((np.abs(mean) > MOVED) & (np.abs(mean) > SURELY * error))
    order = far[np.argsort(-np.abs(mean[far]))]
    names = seen.case.columns
    return [(names[j] if j < len(names) else f"x{j}", float(mean[j])) for j in order]


def _shift(seen: Seen, expected: float, gap: float, moved: list[tuple[str, float]]) -> Finding:
    again = seen.trials.losses({})
    found: dict[str, Any] = {"expected": expected, "loss": seen.new_loss, "gap": gap}
    told = ""
    if again is not None and float(again.mean()) < 0.9 * seen.loss:
        found["loss_of_these_rows"] = float(again.mean())
        told = f" A short training on half of these rows reaches {again.mean():.3g} on the others."
    if moved:
        found["moved"] = [name for name, _ in moved]
        told += f" {moved[0][0]} has moved by {abs(moved[0][1]):.1f} standard deviations."
    return Finding(
        "shift",
        "warning",
        f"the loss on these rows is {seen.new_loss:.3g}, and on rows held out of the training it was "
        f"{expected:.3g}: these rows are of another kind.{told}",
        "Train on rows of this kind too. If time or groups divide them, hold out by these "
        "(times=, groups=), so that the validation loss is honest.",
        {},
        found,
    )


def _overfitting(seen: Seen, expected: float, gap: float) -> Finding:
    alpha = max(10 * seen.case.alpha, 0.01)
    cures: list[dict[str, Any]] = [
        {"early_stopping": True, "alpha": alpha}, {"early_stopping": True},
        {"early_stopping": True, "alpha": 100 * alpha},
    ]  # fmt: skip
    tried = [(cure, seen.tried(cure)) for cure in cures]
    helped = next((cure for cure, found in tried if found and found.helped), cures[0])
    return Finding(
        "overfitting",
        "warning",
        f"the loss on these rows is {seen.new_loss / seen.baseline:.0%} of a constant answer's, on the "
        f"training rows {expected / seen.baseline:.0%}: the network overfits.",
        wording("Stop by validation, with a penalty: ", *use(helped), "."),
        helped,
        {"gap": gap},
    )
