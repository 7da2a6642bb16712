"""What a fit leaves behind: attributes, warnings, the diagnosis, answers to new rows."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.data.examples import Examples, Matrix, Numbers, dense
from shoal.diagnosis.case import Case
from shoal.errors import ShoalWarning
from shoal.estimators.reading import Ready, matrix_of, read
from shoal.estimators.settings import rate_of, usual_rate_of
from shoal.network.architecture import Architecture
from shoal.training.loop import Report, Trained
from shoal.training.network import Network

if TYPE_CHECKING:
    from shoal.estimators.base import ShoalBase


def keep(model: "ShoalBase", architecture: Architecture, trained: Sequence[Trained]) -> None:
    """Leave what was learnt in the estimator."""
    model.networks_ = [Network._of(architecture, t.parameters.copy()) for t in trained]
    model._states = [t.state for t in trained]
    first = trained[0]
    model.n_iter_ = max(t.epochs for t in trained)
    model.n_layers_ = 3 if architecture.n_h else 2
    model.loss_curve_ = list(first.losses)
    model.validation_loss_curve_ = list(first.validation_losses) or None
    model.loss_curves_ = [list(t.losses) for t in trained]
    model.validation_loss_curves_ = [list(t.validation_losses) for t in trained]
    model.loss_ = (
        first.losses[first.best_epoch - 1] if first.losses and first.best_epoch else np.nan
    )
    model.validation_score_curve_ = list(first.validation_scores) or None
    model.validation_score_curves_ = [list(t.validation_scores) for t in trained]
    model.best_epoch_ = first.best_epoch
    model.endings_ = [t.ending for t in trained]
    model.training_seconds_ = max(t.seconds for t in trained)
    model.interruption_ = next((t.interruption for t in trained if t.interruption), None)
    model.record_ = {}


def warn(model: "ShoalBase", trained: Sequence[Trained]) -> None:
    """Tell of an interruption, or of the gravest finding."""
    if any(t.ending == "interrupted" for t in trained):
        message = (
            f"training was interrupted after {trained[0].epochs} epochs: the best network so "
            f"far (epoch {trained[0].best_epoch}) is kept."
        )
    else:
        grave = [f for f in model.diagnosis_.findings if f.severity == "error"]
        if not grave:
            return
        message = str(grave[0])
    warnings.warn(message, ShoalWarning, stacklevel=4)


def case_of(model: "ShoalBase", examples: Examples) -> Case:
    """What a diagnosis may look at, with these examples."""
    # As get_params, which takes as long as the rest of the diagnosis.
    settings = {k: v for k, v in vars(model).items() if k[0] != "_" and k[-1] != "_"}
    names = model.encoding_.features if model.encoding_ else getattr(model, "feature_names_in_", ())
    return Case(
        tuple(model.networks_), examples, settings,
        rate=rate_of(model), usual_rate=usual_rate_of(model),
        losses=tuple(model.loss_curve_),
        validation_losses=tuple(model.validation_loss_curve_ or ()),
        ending=model.endings_[0], best_epoch=model.best_epoch_,
        columns=tuple(str(name) for name in names),
    )  # fmt: skip


def answers(model: "ShoalBase", X: Any) -> Iterator[Numbers]:
    """Each member's A2, of shape (n_outputs, rows)."""
    matrix = seen_by(model, X)
    threads = threads_of(model.n_jobs)
    for network in model.networks_:
        yield engine.predict(network.architecture, network.vector, matrix, threads)


def activations(model: "ShoalBase", X: Any) -> Numbers:
    """The members' A1 side by side, (rows, members × n_h); with no hidden layer X itself."""
    matrix = seen_by(model, X)
    if not model.networks_[0].architecture.n_h:
        return dense(matrix).copy()
    threads = threads_of(model.n_jobs)
    parts = [
        engine.forward(network.architecture, network.vector, matrix, threads)[1].T
        for network in model.networks_
    ]
    return np.concatenate(parts, axis=1)


def seen_by(model: "ShoalBase", X: Any) -> Matrix:
    """The rows as the networks see them."""
    if not hasattr(model, "networks_"):
        check_is_fitted(model)
    plain = (
        model.encoding_ is None
        and type(X) is np.ndarray
        and X.dtype == model.dtype
        and X.ndim == 2
        and X.shape[1] == model.n_features_in_
        and len(X) > 0
        and X.flags.c_contiguous
        and not hasattr(model, "feature_names_in_")
    )
    if isinstance(X, Ready):
        return X.matrix
    return X if plain else matrix_of(model, read(model, X, reset=False))


def fingerprint(networks: Sequence[Network]) -> str:
    """A short hash of the parameters: the same bits, the same word."""
    digest = hashlib.sha256()
    for network in networks:
        vector = network.vector
        digest.update(f"{tuple(network.architecture)} {vector.dtype.name};".encode())
        digest.update(vector.astype(vector.dtype.newbyteorder("<")).tobytes())
    word = digest.hexdigest()
    return f"{word[:4]}-{word[4:8]}"


def progress_of(verbose: Any, max_iter: int) -> Callable[[Report], None] | None:
    """What `verbose` asks for: nothing, lines on standard output, or a function to call."""
    if callable(verbose):
        return verbose
    if not verbose:
        return None

    def tell(report: Report) -> None:
        validation = (
            "" if report.validation_loss is None else f", validation {report.validation_loss:.6f}"
        )
        print(f"epoch {report.epoch} of {max_iter}: loss {report.loss:.6f}{validation}")

    return tell
