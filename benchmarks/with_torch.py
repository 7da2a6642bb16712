"""PyTorch on the CPU, eager and compiled, without a DataLoader.

The data are one tensor; a batch is an `index_select` by a slice of `randperm`. Which variant
of the optimiser (fused, foreach or a plain loop) is the fastest depends on the size, so all
are tried before the clock starts.
"""

import logging
from collections.abc import Callable, Iterator
from copy import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.cases import SEED, Case, Data, Start, cost
from benchmarks.jobs import Job, quickest

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
VARIANTS = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}
TRIAL_ROWS = 30_000  # of a trial of one variant, in steps of the case's batch


class Training:
    """A network with its data and its optimiser; `run` trains it from the start."""

    def __init__(self, case: Case, data: Data, variant: str) -> None:
        self.case = case
        self.data = data
        self.X = torch.from_numpy(data.X)
        y = torch.from_numpy(data.y)
        self.Y = y[:, None].to(self.X.dtype) if case.n_y == 1 else y
        self.net = nn.Sequential(
            nn.Linear(case.n_x, case.n_h, dtype=self.X.dtype),
            ACTIVATIONS[case.activation](),
            nn.Linear(case.n_h, case.n_y, dtype=self.X.dtype),
        )
        self.optimiser = optimiser(case, list(self.net.parameters()), variant)
        self.update: Callable[[], object] = self.optimiser.step
        self.loss_of: Callable[[Tensor, Tensor], Tensor] = self._loss_of

    def _loss_of(self, X: Tensor, Y: Tensor) -> Tensor:
        if self.case.n_y == 1:
            return functional.binary_cross_entropy_with_logits(self.net(X), Y)
        return functional.cross_entropy(self.net(X), Y)

    def other(self, variant: str) -> "Training":
        """The same network and the same loss, perhaps compiled, with another optimiser."""
        twin = copy(self)
        twin.optimiser = optimiser(self.case, list(self.net.parameters()), variant)
        twin.update = twin.optimiser.step
        return twin

    def reset(self) -> None:
        """Go back to the first parameters, and to an optimiser that has seen nothing."""
        with torch.no_grad():
            for V, first in zip(self.net.parameters(), self.data.start, strict=True):
                V.copy_(torch.from_numpy(first).reshape(V.shape))
            for state in self.optimiser.state.values():
                for value in state.values():
                    if isinstance(value, Tensor):
                        value.zero_()

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch."""
        if not self.case.batch:
            yield self.X, self.Y
            return
        for rows in torch.randperm(self.case.m).split(self.case.batch):
            yield self.X.index_select(0, rows), self.Y.index_select(0, rows)

    def steps(self, most: int) -> None:
        """Train for so many steps, and not beyond the epochs of the case."""
        done = 0
        for _ in range(self.case.epochs):
            for X, Y in self.batches():
                loss = self.loss_of(X, Y)
                self.optimiser.zero_grad(set_to_none=True)
                loss.backward()
                self.update()
                done += 1
                if done == most:
                    return

    def trial(self) -> None:
        """Some steps, to compare variants by."""
        self.steps(max(1, TRIAL_ROWS // (self.case.batch or self.case.m)))

    def run(self) -> list[Tensor]:
        """The whole training of the case."""
        torch.manual_seed(SEED)
        self.reset()
        self.steps(self.case.units)
        return [V.detach() for V in self.net.parameters()]

    def loss(self, parameters: list[Tensor]) -> float:
        """What was reached."""
        W1, b1, W2, b2 = (V.numpy() for V in parameters)
        return cost(self.case, self.data, Start(W1, b1[:, None], W2, b2[:, None]))


def optimiser(case: Case, parameters: list[nn.Parameter], variant: str) -> torch.optim.Optimizer:
    """Adam, or descent with momentum, in one of PyTorch's implementations."""
    if case.solver == "adam":
        return torch.optim.Adam(parameters, lr=case.learning_rate, **VARIANTS[variant])
    return torch.optim.SGD(
        parameters, lr=case.learning_rate, momentum=case.momentum, **VARIANTS[variant]
    )


def best_of(case: Case, trainings: dict[str, Training]) -> Job:
    """The fastest of some trainings, after it has been run once from end to end."""
    chosen = quickest({name: training.trial for name, training in trainings.items()})
    training = trainings[chosen]
    training.steps(case.batches)  # a whole epoch: a smaller last batch may need compiling
    return Job(training.run, training.loss, note=f"optimiser: {chosen}")


def prepare(case: Case) -> None:
    """Set the number of threads."""
    torch.set_num_threads(case.threads)
    torch.set_num_interop_threads(1)


def eager(case: Case, data: Data) -> Job:
    """PyTorch as it is mostly used."""
    prepare(case)
    return best_of(case, {name: Training(case, data, name) for name in VARIANTS})


def compiled(case: Case, data: Data) -> Job:
    """`torch.compile` of the loss, with the update eager or compiled, whichever is faster."""
    prepare(case)
    torch._logging.set_logs(all=logging.ERROR)
    first = Training(case, data, "fused")
    first.loss_of = torch.compile(first.loss_of, dynamic=False)
    trainings = {name: first.other(name) for name in VARIANTS}
    both = first.other("foreach")
    both.update = torch.compile(both.update)
    return best_of(case, trainings | {"foreach, compiled": both})
