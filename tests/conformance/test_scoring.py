"""Early stopping by a score: any of scikit-learn's, or a function; the best epoch is kept."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, get_scorer, make_scorer

import shoal
from shoal import SettingError, ShoalClassifier, ShoalRegressor

RNG = np.random.default_rng(3)
X = RNG.standard_normal((500, 4))
WORDS = np.where(X[:, 0] * X[:, 1] + 0.5 * RNG.standard_normal(500) > 0.4, "yes", "no")
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = (X[:, :3] > 0).astype(int)
SIZES = 1e6 * X[:, :2] ** 2
QUICK = {"hidden": 6, "max_iter": 30, "members": 2, "random_state": 0}


@pytest.mark.parametrize(
    ("scoring", "y"),
    [
        ("accuracy", WORDS), ("roc_auc", WORDS), ("neg_log_loss", THREE), ("f1_macro", THREE),
        ("roc_auc_ovr", THREE), ("average_precision", LABELS), ("f1_micro", LABELS),
        (make_scorer(f1_score, pos_label="yes"), WORDS),
        (lambda model, X, y: model.score(X, y), WORDS),
    ],
)  # fmt: skip
def test_the_best_epoch_by_the_score_is_kept(scoring, y):
    model = ShoalClassifier(**QUICK, scoring=scoring).fit(
        X[:350], y[:350], X_val=X[350:], y_val=y[350:]
    )
    curve = model.validation_score_curve_
    assert len(curve) == len(model.loss_curve_) == len(model.validation_loss_curve_)
    assert model.best_epoch_ in (0, 1 + int(np.argmax(curve)))  # 0 is the start
    alone = ShoalClassifier(**QUICK | {"members": 1}, scoring=scoring)
    alone.fit(X[:350], y[:350], X_val=X[350:], y_val=y[350:])
    by_hand = get_scorer(scoring) if isinstance(scoring, str) else scoring
    found = by_hand(alone, X[350:], y[350:])
    assert found == pytest.approx(max(curve)) if alone.best_epoch_ else found >= max(curve)


@pytest.mark.parametrize(
    ("scoring", "y"), [("r2", SIZES[:, 0]), ("neg_mean_absolute_error", SIZES)]
)
def test_a_regression_is_judged_in_its_own_unit(scoring, y):
    model = ShoalRegressor(**QUICK | {"members": 1}, scoring=scoring)
    model.fit(X[:350], y[:350], X_val=X[350:], y_val=y[350:])
    best = max(model.validation_score_curve_)
    assert get_scorer(scoring)(model, X[350:], y[350:]) == pytest.approx(best)
    assert best < -1e4 or scoring == "r2"


def test_patience_counts_epochs_without_a_better_score():
    model = ShoalClassifier(
        **QUICK | {"max_iter": 500}, n_iter_no_change=5, scoring="accuracy", tol=0.01
    )
    model.fit(X, WORDS)
    curve = np.array(model.validation_score_curve_)
    assert "plateau" in model.endings_
    assert curve[-5:].max() <= curve[:-5].max() + 0.01


def test_weights_weigh_in_the_score():
    w = np.where(WORDS == "yes", 1.0, 0.0)
    model = ShoalClassifier(**QUICK, scoring="accuracy", class_weight=None)
    model.fit(X, WORDS, w, X_val=X, y_val=WORDS, sample_weight_val=w)
    assert max(model.validation_score_curve_) == 1.0  # all that count are of one class


def test_by_the_loss_is_what_it_was_without_a_score():
    plain = ShoalClassifier(**QUICK).fit(X, WORDS)
    assert plain.validation_score_curve_ is None
    scored = ShoalClassifier(**QUICK, scoring="neg_log_loss", tol=0).fit(X, WORDS)
    plain = ShoalClassifier(**QUICK, tol=0).fit(X, WORDS)
    assert scored.best_epoch_ == plain.best_epoch_
    np.testing.assert_allclose(
        scored.validation_loss_curve_, -np.array(scored.validation_score_curve_), rtol=1e-5
    )


def test_a_saved_model_remembers(tmp_path):
    model = ShoalClassifier(**QUICK, scoring="roc_auc").fit(X, WORDS)
    model.save(tmp_path / "m.shoal")
    loaded = shoal.load(tmp_path / "m.shoal")
    assert loaded.scoring == "roc_auc"
    assert loaded.validation_score_curves_ == model.validation_score_curves_
    assert loaded.loss_curves_ == model.loss_curves_
    assert loaded.validation_loss_curves_ == model.validation_loss_curves_
    model.set_params(scoring=len).save(tmp_path / "n.shoal")
    assert shoal.load(tmp_path / "n.shoal").scoring == "roc_auc"  # of the fit
    by_function = ShoalClassifier(**QUICK, scoring=lambda model, X, y: model.score(X, y))
    by_function.fit(X, WORDS).save(tmp_path / "o.shoal")
    assert shoal.load(tmp_path / "o.shoal").scoring is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"scoring": "acuracy"}, 'scoring="acuracy": expected one of accuracy, '),
        ({"scoring": "accuracy", "early_stopping": False}, "needs a validation part"),
        ({"scoring": "roc_auc"}, "cannot judge this target"),
        ({"scoring": lambda model, X, y: 1 + 2j}, r"it returned \(1\+2j\): expected one number"),
        ({"scoring": lambda model, X, y: "good"}, "it returned 'good': expected one number"),
    ],
)
def test_what_cannot_judge_is_refused(settings, told):
    with pytest.raises(SettingError, match=told):
        ShoalClassifier(**QUICK | settings).fit(X, THREE)
