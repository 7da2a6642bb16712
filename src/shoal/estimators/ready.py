"""A fitted model, ready to predict rows of numbers by one call of the kernel."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from shoal.compute.engine import engine
from shoal.compute.kernel import Ensemble, number_columns
from shoal.data.encode.novelty import is_collecting
from shoal.data.encode.plain_rows import numbers_of
from shoal.data.rows.examples import Numbers
from shoal.estimators.columns import Inputs
from shoal.training.network import Network


class Ready(NamedTuple):
    """The members and their columns as the kernel keeps them."""

    ensemble: Ensemble
    columns: Any  # None unless all of them are numbers, and none is a duration, or true or false

    @classmethod
    def of(cls, inputs: Inputs, networks: Sequence[Network]) -> Self | None:
        """The same of a model; None without the kernel."""
        encoding = inputs.encoding
        groups = encoding.all_groups if encoding else ()
        vectors = [network.vector for network in networks]
        ensemble = engine.ready(networks[0].architecture, vectors, groups)
        if ensemble is None:
            return None
        low, high = inputs.bounds
        return cls(
            ensemble,
            number_columns(encoding, np.asarray(low, np.float64), np.asarray(high, np.float64))
            if encoding and not inputs.refuses_numbers
            else None,
        )

    def average(self, inputs: Inputs, X: Any, threads: int) -> Numbers | None:
        """The members' mean of A2 of rows of numbers; None where they need another way.

        That is another type of table, an error, and rows of which something new is to be told.
        """
        if self.columns is None or is_collecting():
            return None
        found = numbers_of(X)
        if found is None:
            return None
        numbers, names = found
        if not inputs.fits(numbers.shape[1], names):
            return None
        answer = self.ensemble.mean_of_numbers(self.columns, numbers, threads)
        if answer is None or not inputs.are_usual(answer[1], len(numbers)):
            return None
        inputs.check_columns(numbers.shape[1], names)
        return answer[0]
