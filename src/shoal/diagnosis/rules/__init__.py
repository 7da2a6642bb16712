"""The rules of the diagnosis: each is a function from what was seen to suspects or findings.

CAUSES of a training that is worse than it need be come in the order of causes, and are suspects:
a short training says which of them is the cause (`suspect.py`). FACTS are findings on the data and on
new rows, each by itself. REMARKS are worth knowing. Thresholds were chosen on one half of the cases
of `benchmarks/diagnosis.py` and are measured on the other (docs/reference/diagnosis.md).

    scaling.py     inputs that are not standardised
    shrinking.py   penalty, decay, dropout
    drawing.py     how the weights were drawn: equal, too large, too small, dead
    stepping.py    learning rate, momentum, batch
    ending.py      when the training ended, and by which rows
    capacity.py    what the network can say
    rows.py        repeated, contradicting, far out, rare and new rows
    table.py       columns that leak, are noise, or codes
"""

from collections.abc import Callable, Iterator

from shoal.diagnosis.case import Seen
from shoal.diagnosis.findings import Finding
from shoal.diagnosis.rules import (
    capacity,
    drawing,
    ending,
    rows,
    scaling,
    shrinking,
    stepping,
    table,
)
from shoal.diagnosis.suspect import Suspect

CAUSES: tuple[Callable[[Seen], Iterator[Suspect]], ...] = (
    scaling.unscaled_inputs,
    scaling.large_constants,
    shrinking.strong_penalty,
    shrinking.fast_decay,
    shrinking.much_dropout,
    drawing.large_draw,
    drawing.dead_units,
    drawing.symmetric_units,
    stepping.diverged,
    stepping.high_momentum,
    stepping.rate_too_high,
    stepping.rate_too_low,
    stepping.odd_batch,
    drawing.small_draw,
    capacity.linear_activation,
    capacity.too_narrow,
    ending.validation_part,
    ending.no_early_stopping,
    ending.stopped_too_early,
    ending.not_converged,
)
# Where no cause was found: what is true and has no setting.
LAST: tuple[Callable[[Seen], Iterator[Finding]], ...] = (capacity.underfitting,)
FACTS: tuple[Callable[[Seen], Iterator[Finding]], ...] = (
    table.leak,
    rows.unequal_weights,
    rows.many_classes,
    rows.new_rows,
    rows.contradicting_labels,
    rows.repeated_rows,
    rows.outliers,
    table.codes_and_ids,
    table.noise_columns,
)
RARE: tuple[Callable[[Seen], Iterator[Finding]], ...] = (rows.rare_classes,)
REMARKS: tuple[Callable[[Seen], Iterator[Finding]], ...] = (
    scaling.useless_columns,
    drawing.some_dead_units,
    drawing.some_twins,
    capacity.all_straight,
    rows.few_rows_of_a_class,
)
# The same of a healthy network alone.
HINTS: tuple[Callable[[Seen], Iterator[Finding]], ...] = (
    capacity.constant_answer,
    capacity.nothing_to_learn,
    capacity.too_wide,
    capacity.linear_is_enough,
)
