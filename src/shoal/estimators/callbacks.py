"""scikit-learn's callbacks, from its version 1.9 on: each epoch of the first member is a task.

`model.set_callbacks(ProgressBar())` tells of every epoch; a callback that answers True at the end
of one stops the training there, of the other members after as many epochs. What a callback is
given as `fitted_estimator` has the first member alone, as it stands.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from shoal.compute.steps import State
from shoal.estimators.host import Host
from shoal.estimators.prepare import Prepared
from shoal.training.loop import TrainingState
from shoal.training.network import Network

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:

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


class EpochTasks:
    """The epochs of the first member, told to the callbacks of a fit."""

    def __init__(self, host: Host, prepared: Prepared, first: TrainingState) -> None:
        self._host, self._prepared = host, prepared
        model = host.estimator
        self._fit = model._init_callback_context(max_subtasks=prepared.settings.max_iter)
        self._fit.call_on_fit_task_begin(estimator=model, **host.data)
        self._epoch: Any = None
        self._begin(first)

    @classmethod
    def of(cls, host: Host, prepared: Prepared, first: State) -> Self | None:
        """Those of a fit; None when no callback is set."""
        if not getattr(host.estimator, "_skl_callbacks", ()):
            return None
        return cls(host, prepared, TrainingState(first, first.parameters))

    def __call__(self, training: TrainingState) -> bool:
        """One epoch is done; whether a callback asks to stop."""
        wanted: bool = self._epoch.call_on_fit_task_end(**self._told(training))
        if not wanted and not training.ending:
            self._begin(training)
        return wanted

    def _begin(self, training: TrainingState) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._told(training))

    def _told(self, training: TrainingState) -> dict[str, Any]:
        def attributes() -> dict[str, Any]:
            parameters = training.state.parameters.copy()
            network = Network._of(self._prepared.architecture, parameters)
            return self._host.with_networks(self._prepared, [network])

        return {
            "estimator": self._host.estimator,
            **self._host.data,
            "reconstruction_attributes": attributes,
        }


def end_of_fit(estimator: Any, data: dict[str, Any]) -> None:
    """Tell the callbacks that all members are trained, and in the estimator."""
    context = getattr(estimator, "_callback_fit_ctx", None)
    if context is not None:
        context.call_on_fit_task_end(estimator=estimator, **data, reconstruction_attributes={})
