"""The estimator that is being fitted, for scorers and callbacks: nothing else looks at it."""

from typing import Any, NamedTuple

from shoal.estimators.fitted import Fitted
from shoal.estimators.prepare import Prepared
from shoal.training.network import Network


class Host(NamedTuple):
    """An estimator, and what callbacks are told of the data."""

    estimator: Any
    data: dict[str, Any]

    def with_networks(self, prepared: Prepared, networks: list[Network]) -> dict[str, Any]:
        """The attributes that make a copy of the estimator answer with these networks."""
        s, inputs, targets = prepared.settings, prepared.inputs, prepared.targets
        return {"_fitted": Fitted(s, inputs, targets, tuple(networks))}
