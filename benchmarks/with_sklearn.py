"""scikit-learn's perceptron, told to do exactly what a case says."""

import warnings
from dataclasses import replace
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.cases import SEED, Case, Data, Numbers, Start, cost, frame, teacher
from benchmarks.jobs import Job
from benchmarks.with_shoal import NEVER, SOME_ROWS, epochs_to_target, log_loss


def perceptron(case: Case, start: Start) -> MLPClassifier:
    """`MLPClassifier` without penalty and without early end, from given parameters."""
    model = MLPClassifier(
        (case.n_h,),
        activation=case.activation,
        solver="adam" if case.solver == "adam" else "sgd",
        alpha=0.0,
        batch_size=case.batch or case.m,
        learning_rate_init=case.learning_rate,
        momentum=case.momentum,
        nesterovs_momentum=False,
        shuffle=case.batch > 0,
        max_iter=case.epochs,
        n_iter_no_change=NEVER,
        tol=0.0,
        random_state=SEED,
    )
    layers = iter([(start.W1.T, start.b1[:, 0]), (start.W2.T, start.b2[:, 0])])
    # There is no public way to give it its first parameters without a fit before the fit.
    model._init_coef = lambda *_: tuple(V.copy() for V in next(layers))
    return model


def fitted(model: MLPClassifier, data: Data) -> MLPClassifier:
    """The model after `fit`; that it used up its epochs needs no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(data.X, data.y)


def parameters_of(model: MLPClassifier) -> Start:
    """The four matrices, in the lecture's shapes."""
    (W1, W2), (b1, b2) = model.coefs_, model.intercepts_
    return Start(W1.T, b1[:, None], W2.T, b2[:, None])


def train(case: Case, data: Data) -> Job:
    """`MLPClassifier.fit`."""

    def run() -> MLPClassifier:
        model = fitted(perceptron(case, data.start), data)
        if model.n_iter_ != case.epochs:
            raise RuntimeError(f"{model.n_iter_} of {case.epochs} epochs")
        return model

    return Job(run, lambda model: cost(case, data, parameters_of(model)))


def predict(case: Case, data: Data) -> Job:
    """`predict_proba` of the network that shoal predicts with."""
    sample = replace(case, m=1000, epochs=1)
    X, y = teacher(sample)
    model = fitted(perceptron(sample, data.start), Data(X, y, data.start))
    W1, b1, W2, b2 = data.start
    model.coefs_ = [W1.T.copy(), W2.T.copy()]
    model.intercepts_ = [b1[:, 0].copy(), b2[:, 0].copy()]

    def run() -> Numbers:
        for _ in range(case.epochs):
            answers = model.predict_proba(data.X)
        return answers

    return Job(run, lambda answers: log_loss(answers, data.y))


def _one_row(case: Case, model: Any, X: Any, y: Any) -> Job:
    """`predict_proba` of the first row, by a pipeline that ends with the usual `MLPClassifier`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    one = X[:1]

    def run() -> None:
        for _ in range(case.epochs):
            model.predict_proba(one)

    return Job(run)


def predict_scaled(case: Case, _: Data) -> Job:
    """A row of numbers, standardised."""
    model = make_pipeline(StandardScaler(), MLPClassifier((100,), random_state=SEED, max_iter=20))
    return _one_row(case, model, *teacher(replace(case, m=SOME_ROWS)))


def predict_one_hot(case: Case, _: Data) -> Job:
    """A row with texts, as a frame."""
    X, y = frame(replace(case, m=SOME_ROWS))
    names = list(X)
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), names[:-2]), ("texts", OneHotEncoder(), names[-2:])]
    )
    model = make_pipeline(columns, MLPClassifier((100,), random_state=SEED, max_iter=20))
    return _one_row(case, model, X, y)


def fit_to_loss(case: Case, data: Data) -> Job:
    """A small fit until its loss is shoal's target."""
    trial = fitted(perceptron(replace(case, epochs=500), data.start), data)
    epochs = epochs_to_target(trial.loss_curve_)
    lesson = replace(case, epochs=epochs)

    def run() -> MLPClassifier:
        for _ in range(case.epochs):
            model = fitted(perceptron(lesson, data.start), data)
        return model

    return Job(run, lambda model: model.loss_curve_[-1], note=f"{epochs} epochs")
