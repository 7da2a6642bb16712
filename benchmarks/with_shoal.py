"""shoal in every case: through its public estimators, and `Network.descend` for the lecture's."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.cases import SEED, Case, Data, Numbers, Start, cost, frame, teacher
from benchmarks.jobs import Job
from shoal import Network, ShoalClassifier
from shoal.compute.engine import engine
from shoal.data.rows.examples import Examples
from shoal.network.architecture import Architecture

NEVER = 1_000_000_000  # epochs without progress before a fit ends
TARGET_LOSS = 0.05  # of case H
MEMBERS = 16  # of case F
SOME_ROWS = 4000  # on which a model is trained whose single rows are timed


def classifier(case: Case, **others: Any) -> ShoalClassifier:
    """The estimator that does what a case says, and nothing besides."""
    settings: dict[str, Any] = {
        "hidden": case.n_h,
        "activation": case.activation,
        "solver": case.solver,
        "learning_rate": case.learning_rate,
        "momentum": case.momentum,
        "batch_size": case.batch or "auto",
        "max_iter": case.epochs,
        "alpha": 0.0,
        "early_stopping": False,
        "n_iter_no_change": NEVER,
        "tol": 0.0,
        "encode": None,
        "dtype": case.dtype,
        "random_state": SEED,
        "n_jobs": case.threads,
        "members": 1,
    }
    return ShoalClassifier(**(settings | others))


def first_parameters(case: Case, X: Numbers, y: np.ndarray) -> Start:
    """What `classifier` starts from: it is asked to learn next to nothing from a few rows.

    Prediction (no batch size, no lesson) begins with a network that has learnt something.
    """
    if case.unit == "call":
        sample = replace(case, m=10_000, solver="adam", learning_rate=0.01, batch=256, epochs=3)
        return parameters_of(classifier(sample).fit(*teacher(sample)).networks_[0])
    model = classifier(case, learning_rate=1e-30, max_iter=1).fit(X[:1000], y[:1000])
    return parameters_of(model.networks_[0])


def parameters_of(network: Network) -> Start:
    """The four matrices, copied."""
    return Start(*(V.copy() for V in network.parameters))


def finished(model: ShoalClassifier, case: Case) -> ShoalClassifier:
    """The model, if it ran all epochs: one that stopped early would look fast."""
    if model.n_iter_ != case.epochs or set(model.endings_) != {"finished"}:
        raise RuntimeError(f"{model.n_iter_} of {case.epochs} epochs, {model.endings_}")
    return model


def train(case: Case, data: Data) -> Job:
    """`ShoalClassifier.fit`, from the first check of X to the fitted estimator."""

    def run() -> ShoalClassifier:
        return finished(classifier(case).fit(data.X, data.y), case)

    def loss(model: ShoalClassifier) -> float:
        return cost(case, data, parameters_of(model.networks_[0]))

    run()
    began = time.perf_counter()
    model = run()
    door = 1 - model.training_seconds_ / (time.perf_counter() - began)
    return Job(run, loss, note=f"{door:.0%} of it outside the kernel")


def descend(case: Case, data: Data) -> Job:
    """`Network.descend`, full batch."""
    network = Network(*data.start, activation=case.activation)
    X, Y = np.ascontiguousarray(data.X.T), data.y[np.newaxis].astype(case.dtype)

    def run() -> Network:
        return network.descend(X, Y, learning_rate=case.learning_rate, iterations=case.epochs)[0]

    return Job(run, lambda trained: cost(case, data, parameters_of(trained)))


def members(case: Case, data: Data) -> Job:
    """Sixteen networks in one fit, side by side."""

    def run() -> list[Network]:
        model = classifier(case, members=MEMBERS)
        return finished(model.fit(data.X, data.y), case).networks_

    return Job(run, lambda networks: _mean_cost(case, data, networks), units=_steps(case))


def fits(case: Case, data: Data) -> Job:
    """The same sixteen networks, one fit after another on one thread."""
    few = classifier(case, members=MEMBERS, max_iter=1).fit(data.X[:1000], data.y[:1000])
    seeds = few.member_seeds_

    def run() -> list[Network]:
        models = [classifier(case, random_state=seed, n_jobs=1) for seed in seeds]
        return [finished(model.fit(data.X, data.y), case).networks_[0] for model in models]

    return Job(run, lambda networks: _mean_cost(case, data, networks), units=_steps(case))


def _mean_cost(case: Case, data: Data, networks: list[Network]) -> float:
    return float(np.mean([cost(case, data, parameters_of(n)) for n in networks]))


def _steps(case: Case) -> int:
    return MEMBERS * case.epochs * case.batches


def predict(case: Case, data: Data) -> Job:
    """`predict_proba` of the rows, as often as the case says."""
    sample = replace(case, m=10_000, solver="adam", learning_rate=0.01, batch=256, epochs=3)
    model = classifier(sample).fit(*teacher(sample))

    def run() -> Numbers:
        for _ in range(case.epochs):
            answers = model.predict_proba(data.X)
        return answers

    return Job(run, lambda answers: log_loss(answers, data.y))


def by_default(case: Case, rows: Callable[[Case], tuple[Any, np.ndarray]]) -> Job:
    """`predict_proba` of the first row, by the default estimator of some thousand rows."""
    X, y = rows(replace(case, m=SOME_ROWS))
    model = ShoalClassifier(random_state=SEED).fit(X, y)
    one = X[:1]

    def run() -> None:
        for _ in range(case.epochs):
            model.predict_proba(one)

    return Job(run, note=f"{len(model.networks_)} networks")


def predict_by_default(case: Case, _: Data) -> Job:
    """A row of numbers."""
    return by_default(case, teacher)


def predict_texts_by_default(case: Case, _: Data) -> Job:
    """A row with texts, as a frame."""
    return by_default(case, frame)


def log_loss(answers: Numbers, y: np.ndarray) -> float:
    """The mean of -log of the probability that was given to what is true."""
    return float(-np.log(answers[np.arange(len(y)), y].astype(np.float64)).mean())


def least_call(case: Case, data: Data) -> Job:
    """The product of two numbers by the kernel, as often: what any call costs."""
    one = np.ones(1)

    def run() -> None:
        for _ in range(case.epochs):
            engine.dot(one, one)

    return Job(run)


def curvature(case: Case, data: Data) -> Job:
    """JᵀΛJ and the gradient by the kernel, as `solver="lm"` asks for them."""
    shape = Architecture(case.n_x, case.n_h, case.n_y, case.activation, "sigmoid")
    vector = np.concatenate([V.reshape(-1) for V in data.start]).astype(np.float64)
    rows = Examples(np.ascontiguousarray(data.X, np.float64), labels=data.y.astype(np.int32))

    def run() -> float:
        for _ in range(case.epochs):
            total = engine.curvature(shape, vector, rows, case.threads)
        return float(total.loss / total.weight)

    return Job(run, lambda loss: loss)


def fit_to_loss(case: Case, data: Data) -> Job:
    """A small fit until its loss is `TARGET_LOSS`, as often as the case says."""
    epochs = epochs_to_target(classifier(case, max_iter=500).fit(data.X, data.y).loss_curve_)
    lesson = replace(case, epochs=epochs)

    def run() -> ShoalClassifier:
        for _ in range(case.epochs):
            model = finished(classifier(lesson).fit(data.X, data.y), lesson)
        return model

    return Job(run, lambda model: model.loss_curve_[-1], note=f"{epochs} epochs")


def epochs_to_target(losses: list[float]) -> int:
    """After how many epochs the loss is `TARGET_LOSS` for the first time."""
    reached = np.flatnonzero(np.asarray(losses) <= TARGET_LOSS)
    if not len(reached):
        raise RuntimeError(f"a loss of {TARGET_LOSS} was not reached: {min(losses):.4f}")
    return int(reached[0]) + 1
