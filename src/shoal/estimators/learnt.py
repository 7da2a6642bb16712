"""What a fit has learnt, as a value: settings, inputs, targets, networks, and what these compute.

Nothing here can be changed, and nothing depends on what is set on an estimator later. `fitted.py` adds the
answers that users ask for.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from shoal.compute.engine import engine
from shoal.compute.engine import threads as threads_of
from shoal.compute.steps import State
from shoal.data.rows.examples import Matrix, Numbers, dense
from shoal.data.rows.seen import Hashes, Seen, hashes_of
from shoal.data.rows.sparse import Sparse
from shoal.diagnosis.findings import Diagnosis
from shoal.estimators.calibration import Calibration
from shoal.estimators.columns import EncodedRows, Inputs
from shoal.estimators.ready import Ready
from shoal.estimators.search import Search
from shoal.estimators.targets import Targets, finite
from shoal.estimators.worth import Importance
from shoal.kinds import EVIDENCE
from shoal.network.architecture import Architecture
from shoal.settings import Settings
from shoal.training.evidence import UNKNOWN, Evidence
from shoal.training.network import Network

if TYPE_CHECKING:
    from shoal.training.loop import Trained

Curves = tuple[tuple[float, ...], ...]  # of each member, one number an epoch


class History(NamedTuple):
    """How the training of the members went; curves and endings are one for each of them."""

    seeds: tuple[int, ...] = ()
    losses: Curves = ()
    validation_losses: Curves = ()
    validation_scores: Curves = ()
    endings: tuple[str, ...] = ()
    best_epoch: int = 0  # of the first member
    epochs: int = 0
    seconds: float = 0.0
    evidence: tuple[Evidence, ...] = ()  # of each member; none without alpha="evidence"
    states: tuple[State, ...] = ()  # of the optimisers; not kept in files
    interruption: BaseException | None = None
    scratch: tuple[str, int] | None = None  # the folder and bytes of a streamed fit

    @classmethod
    def of(cls, trained: "Sequence[Trained]", seeds: Sequence[int]) -> Self:
        """Of members that have just been trained."""
        return cls(
            seeds=tuple(seeds[: len(trained)]),
            losses=tuple(tuple(t.losses) for t in trained),
            validation_losses=tuple(tuple(t.validation_losses) for t in trained),
            validation_scores=tuple(tuple(t.validation_scores) for t in trained),
            endings=tuple(t.ending for t in trained),
            best_epoch=trained[0].best_epoch,
            epochs=max(t.epochs for t in trained),
            seconds=max(t.seconds for t in trained),
            evidence=tuple(t.evidence or UNKNOWN for t in trained)
            if any(t.evidence for t in trained)
            else (),
            states=tuple(t.state for t in trained),
            interruption=next((t.interruption for t in trained if t.interruption), None),
        )

    @property
    def loss(self) -> float:
        """The training loss of the epoch that was kept, of the first member.

        Where no epoch was better than the start (0), that of the first epoch, the nearest to it.
        """
        losses = self.losses[0] if self.losses else ()
        kept = max(self.best_epoch, 1)
        return losses[kept - 1] if kept <= len(losses) else np.nan


@dataclass(frozen=True, eq=False)
class Learnt:
    """All that a fit has learnt, and what its networks compute."""

    settings: Settings  # of the fit
    inputs: Inputs
    targets: Targets
    networks: tuple[Network, ...]
    history: History = field(default_factory=History)
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(()))
    record: Mapping[str, Any] = field(default_factory=dict)  # what a program adds for its own use
    seen: Seen | None = None  # hashes of some rows of the training
    importance: tuple[Importance, ...] = ()  # of each column, on rows held out, if it was measured
    calibration: Calibration | None = None  # what rows that were not seen say of predictions
    search: Search | None = None  # what a search has tried

    @property
    def architecture(self) -> Architecture:
        """Of every member."""
        return self.networks[0].architecture

    @property
    def is_constant(self) -> bool:
        """Whether every row gets the same answer, as what was learnt seemed to be noise: see `noise.py`."""
        return not any(network.parameters.W2.any() for network in self.networks)

    @property
    def mixes_linear(self) -> bool:
        """Whether some members are linear models as units that bend nothing: see `lifting.py`."""
        tried = self.search.tried if self.search and self.architecture.n_h else ()
        return any(one.weight and one.settings.get("hidden") == 0 for one in tried)

    @property
    def trained(self) -> Settings:
        """The settings of the training, with what "auto" has become of the solver."""
        s = self.settings.resolved()
        if s.effort > 1:
            s = s.replaced(**{"effort": 1, **(self.search.first.settings if self.search else {})})
        if self.history.evidence and s.alpha != EVIDENCE:
            return s.replaced(solver="lm", alpha=EVIDENCE)
        return s

    @property
    def fingerprint(self) -> str:
        """A short hash of the learnt parameters."""
        return fingerprint(self.networks)

    def replaced(self, **values: Any) -> Self:
        """The same with other values."""
        return replace(self, **values)

    def matrix(self, X: Any) -> Matrix:
        """The rows as the networks see them; what is new in them is told."""
        if isinstance(X, EncodedRows):
            return X.matrix
        if self.inputs.is_ready(X):
            return X
        self.inputs.check_order(X)
        plain = self.inputs.plain_matrix(X)
        if plain is not None:
            return plain
        return self.inputs.matrix(self.inputs.read(X), watched=True)

    def hashes(self, matrix: Matrix) -> Hashes:
        """Of each row what `seen_share` takes."""
        if self.seen is None or isinstance(matrix, Sparse):
            return np.zeros(len(matrix), np.uint64)
        return hashes_of(matrix)

    def seen_share(self, hashes: Hashes) -> float | None:
        """What share of the rows was trained on, as far as it is known."""
        return None if self.seen is None else self.seen.share(hashes)

    def outputs(self, X: Any, n_jobs: int | None) -> Iterator[Numbers]:
        """Each member's A2, of shape (n_outputs, rows)."""
        matrix, threads = self.matrix(X), threads_of(n_jobs)
        for network in self.networks:
            A2 = engine.predict(network.architecture, network.vector, matrix, threads)
            yield finite(A2)

    def average(self, X: Any, n_jobs: int | None) -> Numbers:
        """The members' mean of A2, of shape (n_outputs, rows)."""
        threads, ready = threads_of(n_jobs), self._ready
        if ready is not None:
            self.inputs.check_order(X)
            found = ready.average(self.inputs, X, threads)
            if found is not None:
                return found
        matrix = self.matrix(X)
        if ready is not None and not isinstance(matrix, Sparse):
            found = ready.ensemble.mean(matrix, threads)
            if found is not None:
                return found
        members = self.outputs(EncodedRows(matrix), n_jobs)
        total, n = next(members), len(self.networks)
        if n == 1:
            return total
        with np.errstate(over="ignore"):  # what overflows is infinite, and named by `finite`
            for A2 in members:
                total = total + A2
        return finite(total / total.dtype.type(n))

    @cached_property
    def _ready(self) -> Ready | None:
        """The same for the kernel, made when it is first needed; no part of the value."""
        return Ready.of(self.inputs, self.networks)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_ready"}

    def activations(self, X: Any, n_jobs: int | None) -> Numbers:
        """The members' A1 side by side, (rows, members × n_h); with no hidden layer the matrix itself."""
        matrix, threads = self.matrix(X), threads_of(n_jobs)
        if not self.architecture.n_h:
            return dense(matrix).copy()
        parts = [
            finite(engine.forward(network.architecture, network.vector, matrix, threads)[1]).T
            for network in self.networks
        ]
        return np.concatenate(parts, axis=1)

    def activation_names(self) -> list[str]:
        """The names of what `activations` returns; none where the inputs have none."""
        if not self.architecture.n_h:
            return self.inputs.features
        return [
            f"member{i}_unit{k}"
            for i in range(len(self.networks))
            for k in range(self.architecture.n_h)
        ]


def fingerprint(networks: Sequence[Network]) -> str:
    """A short hash of the parameters: the same bits, the same text."""
    digest = hashlib.sha256()
    for network in networks:
        vector = network.vector
        digest.update(f"{tuple(network.architecture)} {vector.dtype.name};".encode())
        digest.update(vector.astype(vector.dtype.newbyteorder("<")).tobytes())
    word = digest.hexdigest()
    return f"{word[:4]}-{word[4:8]}"
