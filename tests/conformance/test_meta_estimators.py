"""scikit-learn's meta-estimators around shoal's estimators: fitted, asked, and cloned."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from shoal import ShoalClassifier, ShoalRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(180, 4))
Y3 = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
Y2 = X[:, 0] + 0.3 * X[:, 1] > 0
NUMBERS = 3 * X[:, 0] - X[:, 1]
LABELS = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
SEVERAL = np.column_stack([NUMBERS, X[:, 2]])
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(word=np.where(X[:, 3] > 0, "up", "down"))
QUICK = {"hidden": 8, "max_iter": 120, "members": 1, "random_state": 0}
C, R = ShoalClassifier(**QUICK), ShoalRegressor(**QUICK)


def importances(model):
    """How much each weight of the first layer counts, for feature selection."""
    return np.abs(model.coefs_[0]).sum(axis=1)


PLAIN = {"encode": None}  # one input a column, as feature selection wants
CLASSIFIERS = {
    "stacking": StackingClassifier([("a", C), ("b", LogisticRegression())], cv=3),
    "stacked on": StackingClassifier([("b", LogisticRegression())], C, cv=3, passthrough=True),
    "stacking, prefit": StackingClassifier([("a", clone(C).fit(X, Y3))], cv="prefit"),
    "bagging": BaggingClassifier(C, n_estimators=3, random_state=0),
    "bagging of some columns": BaggingClassifier(
        C, n_estimators=3, max_features=3, bootstrap_features=True, oob_score=False, random_state=0
    ),
    "boosting": AdaBoostClassifier(C, n_estimators=3, random_state=0),
    "voting": VotingClassifier([("a", C), ("b", LogisticRegression())], voting="soft"),
    "calibration": CalibratedClassifierCV(C, cv=3),
    "isotonic": CalibratedClassifierCV(C, cv=3, method="isotonic", ensemble=False),
    "calibration, prefit": CalibratedClassifierCV(FrozenEstimator(clone(C).fit(X, Y3))),
    "pipeline": make_pipeline(StandardScaler(), C),
    "transforming": make_pipeline(clone(C), LogisticRegression(max_iter=1000)),
    "union": make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", C)]), LogisticRegression()),
    "recursive elimination": RFE(
        clone(C).set_params(**PLAIN),
        n_features_to_select=2, importance_getter=importances,
    ),
    "recursive elimination, tried": RFECV(
        clone(C).set_params(**PLAIN), cv=3, importance_getter=importances
    ),
    "sequential selection": make_pipeline(
        SequentialFeatureSelector(C, n_features_to_select=2, cv=2), C
    ),
    "selection": make_pipeline(
        SelectFromModel(clone(C).set_params(**PLAIN), importance_getter=importances), C
    ),
    "one against the rest": OneVsRestClassifier(C),
    "one against one": OneVsOneClassifier(C),
    "codes": OutputCodeClassifier(C, random_state=0),
    "grid": GridSearchCV(C, {"hidden": [4, 8], "activation": ["tanh", "relu"]}, cv=2),
    "random": RandomizedSearchCV(C, {"alpha": [0, 1e-3]}, n_iter=2, cv=2, random_state=0),
    "self-training": SelfTrainingClassifier(C),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name):
    model = clone(CLASSIFIERS[name]) if "prefit" not in name else CLASSIFIERS[name]
    y = Y3
    if name == "self-training":
        y = np.where(Y2, 1, 0)
        y[::3] = -1
    model.fit(X, y)
    known = y != -1 if name == "self-training" else slice(None)
    assert model.score(X[known], y[known]) > 0.8
    assert set(model.predict(X)) <= set(y)


REGRESSORS = {
    "stacking": StackingRegressor([("a", R), ("b", Ridge())], cv=3),
    "bagging": BaggingRegressor(R, n_estimators=3, random_state=0, oob_score=False),
    "boosting": AdaBoostRegressor(R, n_estimators=3, random_state=0),
    "voting": VotingRegressor([("a", R), ("b", Ridge())]),
    "transformed target": TransformedTargetRegressor(R, func=np.arcsinh, inverse_func=np.sinh),
    "scaled target": TransformedTargetRegressor(R, transformer=StandardScaler()),
    "sequential selection": make_pipeline(
        SequentialFeatureSelector(R, n_features_to_select=2, cv=2), R
    ),
    "elimination": RFE(
        clone(R).set_params(**PLAIN), n_features_to_select=2, importance_getter=importances
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    assert clone(REGRESSORS[name]).fit(X, NUMBERS).score(X, NUMBERS) > 0.8


@pytest.mark.parametrize("kind", [MultiOutputClassifier, ClassifierChain])
def test_several_labels_one_by_one(kind):
    model = kind(clone(C)).fit(X, LABELS)
    assert (model.predict(X) == LABELS).mean() > 0.85


@pytest.mark.parametrize("kind", [MultiOutputRegressor, RegressorChain])
def test_several_numbers_one_by_one(kind):
    assert kind(clone(R)).fit(X, SEVERAL).score(X, SEVERAL) > 0.8


@pytest.mark.parametrize("kind", [TunedThresholdClassifierCV, FixedThresholdClassifier])
def test_thresholds(kind):
    assert kind(clone(C)).fit(X, Y2).score(X, Y2) > 0.85


def test_halving_search():
    search = HalvingGridSearchCV(clone(C), {"hidden": [2, 8]}, cv=2, random_state=0)
    assert search.fit(X, Y2).best_score_ > 0.7


def test_curves_and_predictions_of_folds():
    _, train, test = learning_curve(clone(C), X, Y2, cv=3, train_sizes=[0.5, 1.0])
    assert train.shape == test.shape == (2, 3)
    train, _ = validation_curve(clone(R), X, NUMBERS, param_name="hidden", param_range=[1, 4], cv=2)
    assert np.isfinite(train).all()
    probabilities = cross_val_predict(clone(C), X, Y3, cv=3, method="predict_proba")
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(X)), abs=1e-5)


def test_frames_with_words_through_columns_and_searches():
    y = FRAME["word"] == "up"
    columns = ColumnTransformer([("word", OneHotEncoder(), ["word"])], remainder="passthrough")
    for model in (clone(C), make_pipeline(columns, clone(C))):
        assert model.fit(FRAME, y).score(FRAME, y) > 0.9
        assert cross_val_predict(model, FRAME, y, cv=2).shape == y.shape
    bag = BaggingClassifier(clone(C), n_estimators=2, random_state=0)
    stack = StackingClassifier([("a", clone(C)), ("b", clone(C))], cv=2)
    for model in (
        stack,
        VotingClassifier([("a", clone(C))]),
        CalibratedClassifierCV(clone(C), cv=2),
    ):
        assert model.fit(FRAME, y).score(FRAME, y) > 0.9
    assert bag.fit(FRAME[list("abcd")], y).score(FRAME[list("abcd")], y) > 0.9


def test_inspection():
    model = clone(R).fit(FRAME, NUMBERS)
    found = permutation_importance(model, FRAME, NUMBERS, n_repeats=2, random_state=0)
    assert FRAME.columns[found.importances_mean.argmax()] == "a"
    for column in ("a", "word"):
        kinds = ["word"]
        curve = partial_dependence(
            model, FRAME, [column], grid_resolution=5, categorical_features=kinds
        )
        assert np.isfinite(curve["average"]).all()


def test_metadata_is_routed():
    import sklearn

    weights = RNG.uniform(0.5, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(C).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"hidden": [4]}, cv=2).fit(X, Y2, sample_weight=weights)
        assert search.best_score_ > 0.7
    weighed = clone(C).fit(X, Y2, weights)
    stacked = StackingClassifier([("a", clone(C))], cv=2).fit(X, Y2, sample_weight=weights)
    assert weighed.score(X, Y2, weights) > 0.8
    assert stacked.score(X, Y2) > 0.8
