"""scikit-learn's callbacks, from its version 1.9 on: each epoch of the first member is a task.

`model.set_callbacks(ProgressBar())` tells of every epoch; a callback that answers True at the end
of one stops the training there, of the other members after as many epochs. What a callback is
given as `fitted_estimator` has the first member alone, as it stands.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shoal.network.architecture import Architecture
from shoal.training.loop import Standing
from shoal.training.network import Network

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase

    class CallbackSupportMixin:
        """scikit-learn's."""

    def with_callbacks(method: F) -> F:
        """scikit-learn's, which leaves a method's signature as it is."""
        return method

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # scikit-learn before 1.9 has none

        class CallbackSupportMixin:
            """Nothing is called back."""

        def with_callbacks(method):
            """The method as it is."""
            return method


class Tasks:
    """The epochs of the first member, told to the callbacks of a fit."""

    def __init__(
        self, model: "ShoalBase", architecture: Architecture, first: Standing, given: dict[str, Any]
    ) -> None:
        self._model, self._architecture, self._given = model, architecture, given
        self._fit = model._init_callback_context(max_subtasks=model.max_iter)
        self._fit.call_on_fit_task_begin(estimator=model, **given)
        self._epoch: Any = None
        self._begin(first)

    def __call__(self, standing: Standing) -> bool:
        """One epoch is done; answers whether a callback wants to stop."""
        wanted: bool = self._epoch.call_on_fit_task_end(**self._told(standing))
        if not wanted and not standing.ending:
            self._begin(standing)
        return wanted

    def end(self) -> None:
        """All members are trained, and in the estimator."""
        self._fit.call_on_fit_task_end(
            estimator=self._model, **self._given, reconstruction_attributes={}
        )

    def _begin(self, standing: Standing) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._told(standing))

    def _told(self, standing: Standing) -> dict[str, Any]:
        def attributes() -> dict[str, Any]:
            parameters = standing.state.parameters.copy()
            return {"networks_": [Network._of(self._architecture, parameters)]}

        return {
            "estimator": self._model,
            **self._given,
            "reconstruction_attributes": attributes,
        }


def has_callbacks(model: "ShoalBase") -> bool:
    """Whether somebody wants to be called back."""
    return bool(getattr(model, "_skl_callbacks", ()))
