"""What both estimators do for a practitioner: every task, weights, stopping, going on."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

import shoal
from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor, ShoalWarning
from shoal.data.rows.examples import dense
from shoal.estimators.inputs import arrow_of

# Settings with which a weight is a number of rows to the last digits but a few.
EXACT = {"solver": "gd", "dtype": "float64", "early_stopping": False, "max_iter": 30}


def cloud(m=600, n_x=4, seed=0):
    return np.random.default_rng(seed).standard_normal((m, n_x))


# --- tasks ----------------------------------------------------------------------------


def test_two_classes():
    X = cloud()
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = ShoalClassifier(random_state=0, max_iter=100).fit(X, y)
    proba = model.predict_proba(X)
    assert model.score(X, y) > 0.95
    assert proba.shape == (600, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), (proba[:, 1] > 0.5).astype(int))
    np.testing.assert_array_equal(model.predict_log_proba(X), np.log(proba))
    assert model.out_activation_ == "sigmoid"
    assert model.n_outputs_ == 1


@pytest.mark.slow
def test_three_hundred_classes():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, 8))
    y = np.repeat(np.arange(300), 10)
    X = centres[y] + 0.05 * rng.standard_normal((3000, 8))
    model = ShoalClassifier(random_state=0, max_iter=30, learning_rate=0.03).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (3000, 300)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), proba.argmax(axis=1))
    assert model.score(X, y) > 0.9


def test_several_labels():
    X = cloud()
    Y = (X[:, :3] > [0, 0.5, -0.5]).astype(int)
    model = ShoalClassifier(random_state=0, max_iter=60).fit(X, Y)
    proba = model.predict_proba(X)
    assert proba.shape == (600, 3)
    np.testing.assert_array_equal(model.predict(X), (proba > 0.5).astype(int))
    assert (model.predict(X) == Y).mean() > 0.95
    assert not np.allclose(proba.sum(axis=1), 1)  # each label is a question of its own


def test_one_target():
    X = cloud()
    y = X[:, 0] ** 2 + X[:, 1]
    model = ShoalRegressor(random_state=0, max_iter=150).fit(X, y)
    assert model.predict(X).shape == (600,)
    assert model.score(X, y) > 0.9
    assert model.out_activation_ == "identity"


@pytest.mark.parametrize("scale", [1e-6, 1.0, 5e6])
def test_targets_may_be_millions_or_millionths(scale):
    X = cloud()
    y = X[:, 0] ** 2 + X[:, 1]
    plain = ShoalRegressor(random_state=0, max_iter=60).fit(X, y)
    model = ShoalRegressor(random_state=0, max_iter=60).fit(X, scale * (y + 1000))
    np.testing.assert_allclose(model.predict(X) / scale - 1000, plain.predict(X), atol=0.01)
    assert model.score(X, scale * (y + 1000)) > 0.85


@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "lbfgs", "lm"])
@pytest.mark.parametrize("columns", [1, 3])
def test_targets_in_another_unit_are_predicted_in_that_unit(solver, columns):
    X = cloud(300)
    Y = X[:, :columns] ** 2 + X[:, 1:2]
    settings = {
        "random_state": 0,
        "max_iter": 12,
        "members": 2,
        "solver": solver,
        "dtype": "float64",
    }
    plain = ShoalRegressor(**settings).fit(X, np.squeeze(Y)).predict(X)
    # By a power of two nothing rounds otherwise: the same bits.
    halves = ShoalRegressor(**settings).fit(X, np.squeeze(Y) * 2.0**-20).predict(X)
    np.testing.assert_array_equal(halves, plain * 2.0**-20)
    millions = ShoalRegressor(**settings).fit(X, np.squeeze(Y) * 1e6).predict(X)
    np.testing.assert_allclose(millions, plain * 1e6, rtol=1e-6, atol=1e-4)


def test_several_targets_of_different_sizes():
    X = cloud()
    Y = np.column_stack([X[:, 0], 1e6 * X[:, 1] ** 2, 1e-3 * X[:, 2] + 7])
    model = ShoalRegressor(random_state=0, max_iter=150).fit(X, Y)
    assert model.predict(X).shape == (600, 3)
    shares = 1 - ((model.predict(X) - Y) ** 2).sum(axis=0) / ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    assert (shares > 0.9).all()


def test_a_column_of_targets_is_a_target_with_a_warning():
    X = cloud(60)
    with pytest.warns(DataConversionWarning, match="1d array was expected"):
        model = ShoalRegressor(random_state=0, max_iter=2).fit(X, X[:, :1])
    assert model.predict(X).shape == (60,)


def test_a_constant_target_is_predicted():
    X = cloud(60)
    with pytest.warns(ShoalWarning, match="y is constant"):
        model = ShoalRegressor(random_state=0, max_iter=200).fit(X, np.full(60, 1e5))
    assert (model.predict(X) == 1e5).all()


# --- weights --------------------------------------------------------------------------


def rows_of(weights):
    return np.repeat(np.arange(len(weights)), weights)


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "lm"])
@pytest.mark.parametrize("encode", ["auto", None])
@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("kind", [ShoalClassifier, ShoalRegressor])
def test_a_weight_is_a_number_of_rows(kind, hidden, encode, solver):
    X = cloud(200)
    y = (X[:, 0] > 0).astype(int) if kind is ShoalClassifier else X[:, 0] ** 2
    w = np.arange(200) % 3
    settings = EXACT | {"hidden": hidden, "encode": encode, "random_state": 0, "solver": solver}
    # (Longer, and what rounds differently in a line search is seen in a last digit.)
    settings["max_iter"] = 30 if solver == "gd" else 10
    weighted = kind(**settings).fit(X, y, w)
    repeated = kind(**settings).fit(X[rows_of(w)], y[rows_of(w)])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-8)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-8)
    assert weighted.fingerprint_ != kind(**settings).fit(X, y).fingerprint_


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "lm"])
def test_a_weight_is_a_number_of_rows_with_several_labels_sparse_rows_and_classes(solver):
    X, w = cloud(200), np.arange(200) % 3
    sparse = scipy.sparse.csr_array(np.where(X > 0.5, X, 0))
    rows, settings = rows_of(w), EXACT | {"solver": solver, "max_iter": 10, "encode": None}
    for table, y, more in (
        (X, (X[:, :3] > 0).astype(int), {}),
        (sparse, np.digitize(X[:, 0], [-0.5, 0.5]), {}),
        (X, (X[:, 0] > 0.7).astype(int), {"class_weight": "balanced"}),
    ):
        model = ShoalClassifier(random_state=0, **settings, **more)
        weighted = model.fit(table, y, w).predict_proba(table)
        repeated = model.fit(table[rows], y[rows]).predict_proba(table)
        if "class_weight" in more:  # balanced by rows, not by weights, as in scikit-learn
            w_by_class = compute_sample_weight("balanced", y)
            model = ShoalClassifier(random_state=0, **settings)
            repeated = model.fit(table[rows], y[rows], w_by_class[rows]).predict_proba(table)
        np.testing.assert_allclose(weighted, repeated, rtol=1e-7)


def test_weights_of_one_are_no_weights():
    X = cloud()
    y = (X[:, 0] > 0).astype(int)
    plain = ShoalClassifier(random_state=0, max_iter=3).fit(X, y)
    ones = ShoalClassifier(random_state=0, max_iter=3).fit(X, y, np.ones(600))
    assert ones.fingerprint_ == plain.fingerprint_


def test_balanced_classes_weigh_the_same():
    X = cloud()
    y = (X[:, 0] > 1.2).astype(int)
    settings = {"random_state": 0, "max_iter": 60, "encode": None}
    balanced = ShoalClassifier(class_weight="balanced", **settings).fit(X, y)
    by_hand = ShoalClassifier(**settings).fit(X, y, compute_sample_weight("balanced", y))
    assert balanced.fingerprint_ == by_hand.fingerprint_
    unbalanced = ShoalClassifier(**settings).fit(X, y)
    assert balanced.predict_proba(X)[:, 1].mean() > unbalanced.predict_proba(X)[:, 1].mean()


def test_class_weights_and_sample_weights_multiply():
    X = cloud()
    y = np.where(X[:, 0] > 0, "yes", "no")
    w = 1 + np.arange(600) % 2
    settings = {"random_state": 0, "max_iter": 3, "encode": None}
    both = ShoalClassifier(class_weight={"yes": 3, "no": 1}, **settings).fit(X, y, w)
    by_hand = ShoalClassifier(**settings).fit(X, y, w * np.where(y == "yes", 3, 1))
    assert both.fingerprint_ == by_hand.fingerprint_


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_class_weights_are_finite_and_not_negative(weight):
    X = cloud(60)
    model = ShoalClassifier(class_weight={0: weight, 1: 1.0}, max_iter=2)
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(X, (X[:, 0] > 0).astype(int))


# --- stopping -------------------------------------------------------------------------


def noisy(m=400, seed=0):
    X = cloud(m, seed=seed)
    rng = np.random.default_rng(seed + 1)
    return X, (X[:, 0] + 1.5 * rng.standard_normal(m) > 0).astype(int)


def test_it_stops_by_the_validation_rows_and_keeps_their_best_epoch():
    X, y = noisy()
    X_val, y_val = noisy(seed=5)
    settings = {"hidden": 100, "learning_rate": 0.02, "random_state": 0, "members": 1}
    settings |= {"n_iter_no_change": 6}
    model = ShoalClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    curve = model.validation_loss_curve_
    assert len(curve) == len(model.loss_curve_) == model.n_iter_ < 200
    assert model.best_epoch_ == np.argmin(curve) + 1
    # Three plateaus at the most, each from the best epoch on with a lower rate.
    assert model.n_iter_ <= model.best_epoch_ + 3 * model.n_iter_no_change
    assert model.loss_ == model.loss_curve_[model.best_epoch_ - 1]
    assert log_loss(y_val, model.predict_proba(X_val)) == pytest.approx(min(curve), rel=1e-5)
    assert model.endings_ == ["plateau"]

    # What is kept is the network as it was then.
    shorter = ShoalClassifier(max_iter=model.best_epoch_, **settings)
    shorter.fit(X, y, X_val=X_val, y_val=y_val)
    assert shorter.fingerprint_ == model.fingerprint_


def test_validation_rows_may_have_weights():
    X, y = noisy()
    X_val, y_val = noisy(seed=5)
    w = np.arange(400) % 2
    settings = {"random_state": 0, "max_iter": 3}
    weighted = ShoalClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=w)
    chosen = ShoalClassifier(**settings).fit(X, y, X_val=X_val[w > 0], y_val=y_val[w > 0])
    np.testing.assert_allclose(
        weighted.validation_loss_curve_, chosen.validation_loss_curve_, rtol=1e-5
    )


def test_held_out_rows_are_not_learnt():
    X, y = noisy(2000)
    model = ShoalClassifier(random_state=0, early_stopping=True, max_iter=2).fit(X, y)
    every = ShoalClassifier(random_state=0, early_stopping=False, max_iter=2).fit(X, y)
    assert len(model.validation_loss_curve_) == 2
    assert every.validation_loss_curve_ is None
    assert model.fingerprint_ != every.fingerprint_


@pytest.mark.parametrize(("m", "held_out"), [(49, False), (50, True)])
def test_from_fifty_rows_on_a_part_is_held_out(m, held_out):
    X, y = noisy(m)
    model = ShoalClassifier(random_state=0, max_iter=1).fit(X, y)
    assert (model.validation_loss_curve_ is not None) == held_out


@pytest.mark.parametrize("early_stopping", [True, False])
def test_without_progress_it_stops(early_stopping):
    X, y = noisy(200)
    model = ShoalClassifier(
        random_state=0, tol=10, n_iter_no_change=3, early_stopping=early_stopping, members=1
    ).fit(X, y)
    assert model.endings_ == ["plateau"]
    # The first epoch is better than none; with validation each of three rates has its plateau.
    assert model.n_iter_ == (10 if early_stopping else 4)


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "gd"])
def test_a_diverging_fit_keeps_the_best_and_names_the_cure(solver, early_stopping):
    X = cloud(300)
    y = X[:, 0] ** 2
    model = ShoalRegressor(
        solver=solver, learning_rate=1e6, early_stopping=early_stopping, random_state=0, members=1
    )
    usual = {"sgd": 0.003, "gd": 0.025}[solver]  # a tenth of 1e6 would diverge as well
    with pytest.warns(ShoalWarning, match=rf"diverged:.* learning_rate={usual}\.$"):
        model.fit(X, y)
    assert model.diagnosis_.cured(model).learning_rate == usual
    assert model.endings_ == ["diverged"]
    assert np.isfinite(model.predict(X)).all()
    assert np.abs(model.predict(X)).max() < 1e3  # as at the start, and not where it went
    assert model.n_iter_ < 200


def test_a_fit_that_diverges_later_keeps_the_best_epoch():
    X = cloud(300)
    model = ShoalRegressor(
        solver="gd", learning_rate=2.5, random_state=0, hidden=20, members=1,
        early_stopping=False, bins=0,
    )  # fmt: skip
    with pytest.warns(ShoalWarning, match="diverged"):
        model.fit(X, X[:, 0] ** 2)
    curve = np.array(model.loss_curve_)
    assert model.best_epoch_ == np.nanargmin(curve) + 1
    assert model.loss_ == np.nanmin(curve)


def test_where_no_epoch_was_good_none_is_called_the_best():
    X = cloud(300)
    model = ShoalRegressor(solver="sgd", learning_rate=1e300, random_state=0)
    with pytest.warns(ShoalWarning, match="diverged"):
        model.fit(X, X[:, 0])
    assert model.best_epoch_ == 0
    assert np.isfinite(model.predict(X)).all()


# --- going on -------------------------------------------------------------------------


def test_warm_start_goes_on():
    X = cloud()
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = ShoalClassifier(warm_start=True, random_state=0, max_iter=5).fit(X, y)
    first, fingerprint = model.loss_curve_, model.fingerprint_
    model.fit(X, y)
    assert model.loss_curve_[0] < first[-1]
    assert model.fingerprint_ != fingerprint
    assert model.set_params(warm_start=False).fit(X, y).fingerprint_ == fingerprint


def test_full_batch_in_two_halves_is_the_whole():
    X = cloud()
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    # Nobody's loss stands still before the end, which would end it.
    settings = EXACT | {"tol": 0.0, "n_iter_no_change": 10, "random_state": 0}
    whole = ShoalClassifier(**settings | {"max_iter": 10}).fit(X, y)
    halves = ShoalClassifier(warm_start=True, **settings | {"max_iter": 5})
    assert halves.fit(X, y).fit(X, y).fingerprint_ == whole.fingerprint_


def test_warm_start_with_another_network_is_refused():
    X = cloud(60)
    y = (X[:, 0] > 0).astype(int)
    model = ShoalClassifier(warm_start=True, random_state=0, max_iter=2).fit(X, y)
    with pytest.raises(
        SettingError, match="warm_start=True and partial_fit continue with the fitted network"
    ):
        model.set_params(hidden=5).fit(X, y)


def test_warm_start_with_another_solver_goes_on_too():
    X = cloud()
    y = (X[:, 0] > 0).astype(int)
    model = ShoalClassifier(warm_start=True, random_state=0, max_iter=20).fit(X, y)
    last = model.loss_curve_[-1]
    model.set_params(solver="sgd", learning_rate=0.01).fit(X, y)
    assert model.loss_curve_[0] < 1.2 * last


def test_warm_start_keeps_the_members_that_are_there():
    X = cloud()
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = ShoalClassifier(warm_start=True, random_state=0, max_iter=10, members=2).fit(X, y)
    model.fit(X, y)  # beyond the start, where losses fall slowly
    kept = model.loss_
    model.set_params(members=3).fit(X, y)
    assert len(model.networks_) == 3
    assert model.loss_curve_[0] < 1.1 * kept
    kept = model.loss_
    model.set_params(members=1).fit(X, y)
    assert len(model.networks_) == 1
    assert model.loss_curve_[0] < 1.1 * kept
    # "auto" keeps as many as there are, whatever the new rows suggest.
    assert len(model.set_params(members="auto").fit(X, y).networks_) == 1


def still(model):
    """The same, to be fitted once more without moving."""
    return model.set_params(warm_start=True, max_iter=1, learning_rate=1e-12)


def test_warm_start_keeps_the_encoding_that_the_network_knows():
    def words(share, seed):
        a = np.random.default_rng(seed).random(400) < share
        return pa.table({"word": np.where(a, "a", "b")}), a

    often, seldom = words(0.7, 0), words(0.3, 1)  # codes are ranks: here they change places
    model = ShoalClassifier(random_state=0).fit(*often)
    assert model.score(*often) == 1.0
    assert still(model).fit(*seldom).score(*often) == 1.0


def test_warm_start_keeps_the_scale_of_the_targets():
    X = cloud()
    model = ShoalRegressor(random_state=0).fit(X, X[:, 0])
    before = model.predict(X)
    still(model).fit(X, 3 * X[:, 0] + 7)
    assert model.predict(X) == pytest.approx(before, abs=1e-5)


def test_warm_start_keeps_the_classes():
    X = cloud()
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = still(ShoalClassifier(random_state=0).fit(X, y))
    assert model.fit(X[y == "yes"], y[y == "yes"]).score(X, y) > 0.9  # of these rows one class
    with pytest.raises(DataError, match="y has the class 'maybe', which was not there in fit"):
        model.fit(X, np.where(X[:, 0] > 1, "maybe", y))


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_going_on_begins_with_the_network_that_was_kept(schedule, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    y = X[:, 0] + rng.normal(size=300) > 0  # noise, which the last epochs have learnt by heart
    model = ShoalClassifier(
        random_state=0, members=1, schedule=schedule, n_iter_no_change=30, encode=None
    ).fit(X, y)
    assert model.best_epoch_ < model.n_iter_
    before, saved = model.predict_proba(X), tmp_path / "model.shoal"
    model.save(saved)
    for same in (model, shoal.load(saved)):
        assert still(same).fit(X, y).predict_proba(X) == pytest.approx(before, abs=1e-5)
        assert same.partial_fit(X, y).predict_proba(X) == pytest.approx(before, abs=1e-5)


def test_warm_start_leaves_a_training_that_diverged_behind():
    X = cloud(300) * 100
    model = ShoalRegressor(
        random_state=0, members=1, warm_start=True, encode=None, solver="sgd", learning_rate=1e6
    )
    with pytest.warns(ShoalWarning, match="diverged"):
        model.fit(X, X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # its inputs are as large as before
        model.set_params(learning_rate=1e-4).fit(X, X[:, 0])
    assert model.endings_ != ["diverged"]
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("wanted", ["float32", "float64"])
def test_a_fitted_model_answers_in_the_precision_it_was_trained_in(wanted, tmp_path):
    X = cloud()
    trained = {"float32": "float64", "float64": "float32"}[wanted]
    model = ShoalRegressor(random_state=0, members=2, dtype=trained).fit(X, X[:, 0])
    before, activations = model.predict(X), model.transform(X)
    model.set_params(dtype=wanted)
    model.save(tmp_path / "model.shoal")
    loaded = shoal.load(tmp_path / "model.shoal")
    assert loaded.dtype == trained  # a file keeps the settings of the fit
    for same in (model, loaded.set_params(dtype=wanted)):
        assert (same.predict(X) == before).all()
        assert (same.transform(X) == activations).all()
        assert shoal.diagnose(same, X, X[:, 0]).n_units == 2 * 64
        for go_on in (same.set_params(warm_start=True).fit, same.partial_fit):
            with pytest.raises(
                SettingError, match=f"in {trained} is fitted, .* in {wanted} is needed"
            ):
                go_on(X, X[:, 0])
    assert model.set_params(warm_start=False).fit(X, X[:, 0]).networks_[0].dtype == wanted


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_fit_that_is_refused_leaves_the_model_as_it_was(warm_start):
    X = cloud()
    regressor = ShoalRegressor(random_state=0, warm_start=warm_start).fit(X, X[:, 0])
    before = regressor.predict(X)
    with pytest.raises(SettingError, match="X_val and y_val belong together"):
        regressor.fit(X, 1000 * X[:, 0], X_val=X)
    assert (regressor.predict(X) == before).all()
    y = X[:, 0] > 0
    classifier = ShoalClassifier(random_state=0, warm_start=warm_start).fit(X, y)
    with pytest.raises(ValueError, match="one class only" if not warm_start else "inconsistent"):
        classifier.fit(X, np.ones(len(X) - warm_start, bool))
    assert classifier.score(X, y) > 0.9


# --- members and draws ----------------------------------------------------------------


def test_each_member_predicts_as_if_it_were_alone():
    X = cloud()
    y = np.column_stack([1e6 * X[:, 0] ** 2 + 5e6, X[:, 1]])
    model = ShoalRegressor(members=4, random_state=0, max_iter=20).fit(X, y)
    found = model.predict_members(X)
    alone = []
    for seed in model.member_seeds_:
        settings = {"members": 1, "random_state": seed, "max_iter": 20}
        alone.append(ShoalRegressor(**settings).fit(X, y).predict(X))
    np.testing.assert_array_equal(found, alone)
    np.testing.assert_allclose(found.mean(axis=0), model.predict(X), rtol=1e-5, atol=1e-5)
    mean, deviation = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    assert (deviation[:, 0] > 1e3 * deviation[:, 1]).all()  # each in the unit of its target


def test_members_are_averaged():
    X, y = noisy()
    model = ShoalClassifier(members=3, random_state=0, max_iter=20).fit(X, y)
    rows = dense(model.encoding_.encode(arrow_of(X), np.float32))
    alone = [network.forward(rows.T).A2[0] for network in model.networks_]
    assert len({network.vector.tobytes() for network in model.networks_}) == 3
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], np.mean(alone, axis=0), rtol=1e-6)
    assert len(set(model.member_seeds_)) == 3


def test_the_same_seed_is_the_same_model():
    X, y = noisy()
    fits = {
        ShoalClassifier(random_state=seed, max_iter=2).fit(X, y).fingerprint_
        for seed in (7, np.int64(7), np.int32(7))
    }
    assert len(fits) == 1
    assert ShoalClassifier(random_state=8, max_iter=2).fit(X, y).fingerprint_ not in fits
    states = [np.random.RandomState(1) for _ in range(2)]
    drawn = [ShoalClassifier(random_state=s, max_iter=2).fit(X, y).fingerprint_ for s in states]
    assert drawn[0] == drawn[1]


def test_without_a_seed_every_fit_is_another():
    X, y = noisy()
    assert len({ShoalClassifier(max_iter=1).fit(X, y).fingerprint_ for _ in range(3)}) == 3


def test_numpys_own_generator_is_left_alone():
    X, y = noisy()
    before = np.random.get_state()[1].copy()
    ShoalClassifier(random_state=0, max_iter=1).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    "classes", [[False, True], [3, 7], [-1.0, 1.0], ["no", "yes"], [2, 5, 9], ["a", "b", "c"]]
)
def test_classes_come_back_as_they_were_given(classes):
    X = cloud(300)
    y = np.array(classes)[np.digitize(X[:, 0], [0, 0.7][: len(classes) - 1])]
    model = ShoalClassifier(random_state=0, max_iter=60).fit(X, y)
    assert model.classes_.tolist() == classes
    assert model.classes_.dtype == y.dtype
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.9
    # What the classes are called is nothing that a network could learn.
    codes = np.searchsorted(classes, y)
    same = ShoalClassifier(random_state=0, max_iter=60).fit(X, codes)
    assert same.fingerprint_ == model.fingerprint_


def test_a_fit_does_not_touch_what_it_is_given():
    X, y = noisy()
    w, before = np.ones(400), (X.copy(), y.copy())
    ShoalClassifier(random_state=0, max_iter=1, class_weight="balanced").fit(X, y, w)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    assert (w == 1).all()


def test_a_fit_without_trouble_is_silent(capsys):
    X, y = noisy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ShoalClassifier(random_state=0, max_iter=200).fit(X, y).predict(X)
    assert capsys.readouterr() == ("", "")


def test_verbose_prints_at_least_the_first_and_the_last_epoch(capsys):
    X = cloud(60)
    settings = {"hidden": 3, "members": 2, "max_iter": 7, "random_state": 0, "verbose": True}
    ShoalClassifier(**settings, early_stopping=False).fit(X, X[:, 0] > 0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1 of 7: loss ")
    assert lines[-1].startswith("epoch 7 of 7: loss ")
    model = ShoalRegressor(**settings)
    for epoch in (1, 2):
        model.partial_fit(X, X[:, 0])
        assert capsys.readouterr().out.startswith(f"epoch {epoch} of {epoch}: loss ")
