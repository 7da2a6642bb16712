"""scikit-learn's callbacks are told of every epoch, and may stop the training."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from shoal import ShoalClassifier

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has none")
X, Y = load_iris(return_X_y=True)
QUICK = {"hidden": 5, "max_iter": 12, "members": 2, "random_state": 0}


class Witness:
    """Writes down what it is told, and stops after so many epochs."""

    def __init__(self, stop_after=10**9):
        self.stop_after, self.told, self.scores = stop_after, [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.told.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) >= self.stop_after


@pytest.mark.parametrize("early", [True, False])
def test_every_epoch_begins_and_ends(early):
    witness = Witness()
    model = ShoalClassifier(**QUICK, early_stopping=early).set_callbacks(witness).fit(X, Y)
    epochs = len(model.loss_curve_)
    expected = ["setup", "begin fit", *["begin epoch", "end epoch"] * epochs, "end fit", "teardown"]
    assert witness.told == expected
    assert witness.scores[-1] == model.score(X, Y)
    plain = ShoalClassifier(**QUICK, early_stopping=early).fit(X, Y)
    assert model.fingerprint_ == plain.fingerprint_


def test_a_callback_stops_all_members():
    model = ShoalClassifier(**QUICK, early_stopping=False).set_callbacks(Witness(stop_after=4))
    model.fit(X, Y)
    assert [len(curve) for curve in model.loss_curves_] == [4, 4]
    assert model.endings_ == ["stopped", "finished"]
    same = ShoalClassifier(**QUICK | {"max_iter": 4}, early_stopping=False).fit(X, Y)
    assert model.fingerprint_ == same.fingerprint_


def test_what_fails_is_torn_down():
    witness = Witness()
    with pytest.raises(ValueError, match="y"):
        ShoalClassifier(**QUICK).set_callbacks(witness).fit(X, None)
    model = ShoalClassifier(**QUICK).set_callbacks(witness)
    witness.on_fit_task_end = None
    with pytest.raises(TypeError):
        model.fit(X, Y)
    assert witness.told[-1] == "teardown"


def test_monitors_of_scikit_learn():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = ShoalClassifier(**QUICK, early_stopping=False).set_callbacks(monitor).fit(X, Y)
    scores = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 12
    assert np.isfinite([row["accuracy"] for row in scores]).all()
    assert model.n_iter_ == 12


def test_a_search_passes_its_callbacks_on(capsys):
    search = GridSearchCV(ShoalClassifier(**QUICK), {"hidden": [3, 5]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert search.best_score_ > 0.5
