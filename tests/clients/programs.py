"""shoal through other libraries, as their quick-starts do it: `make test-clients`.

One program a library; docs/how-to/libraries.md says what works, and how. A library that is not installed
is left out.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shoal
from shoal import ShoalClassifier, ShoalRegressor, ShoalWarning

# What the libraries themselves warn of is theirs; what shoal leaks would be ours.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error::shoal.ShoalWarning"),
    pytest.mark.filterwarnings("error::RuntimeWarning:shoal"),
]

SICK, ILL = load_breast_cancer(as_frame=True, return_X_y=True)
SICK = SICK.iloc[:, :8]
PEOPLE, WORSE = load_diabetes(as_frame=True, return_X_y=True)
FEW = {"hidden": 16, "max_iter": 60, "members": 2, "random_state": 0}
RNG = np.random.default_rng(0)
WORDS = SICK.assign(
    word=np.where(ILL, "alpha", "beta"), day=pd.date_range("2020-01-01", periods=len(SICK))
)


@pytest.fixture
def classifier():
    return ShoalClassifier(**FEW).fit(SICK, ILL)


@pytest.fixture
def regressor():
    return ShoalRegressor(**FEW).fit(PEOPLE, WORSE)


def test_shap_kernel(classifier, regressor):
    shap = pytest.importorskip("shap")
    explainer = shap.KernelExplainer(
        classifier.predict_proba, shap.sample(SICK, 20, random_state=0)
    )
    assert explainer.shap_values(SICK.iloc[:2], nsamples=50).shape == (2, 8, 2)
    explainer = shap.KernelExplainer(regressor.predict, PEOPLE.iloc[:20])
    values = explainer.shap_values(PEOPLE.iloc[:2], nsamples=100)
    total = values.sum(axis=1) + explainer.expected_value
    assert total == pytest.approx(regressor.predict(PEOPLE.iloc[:2]))
    assert classifier.feature_names_in_.tolist() == list(SICK)  # shap works on a copy


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_shap_permutation(classifier, method):
    shap = pytest.importorskip("shap")
    explainer = shap.PermutationExplainer(getattr(classifier, method), SICK.iloc[:50])
    values = explainer(SICK.iloc[:2])
    total = values.values.sum(axis=1) + values.base_values
    expected = getattr(classifier, method)(SICK.iloc[:2])
    assert total == pytest.approx(np.asarray(expected, float), abs=1e-4)


@pytest.mark.parametrize(("dtype", "apart"), [("float64", 1e-10), ("float32", 1e-5)])
def test_exact_values_are_those_of_shap(dtype, apart):
    shap = pytest.importorskip("shap")
    X = SICK.to_numpy(float)[:, :6]
    model = ShoalClassifier(**FEW, dtype=dtype).fit(X, ILL)
    background = shap.maskers.Independent(X[:30], max_samples=30)
    explainer = shap.explainers.Exact(
        lambda rows: model.predict_proba(rows)[:, 1].astype(float), background
    )
    theirs, ours = explainer(X[50:53]), model.explain(X[50:53], background=X[:30])
    assert ours.values == pytest.approx(theirs.values, abs=apart, rel=0)
    assert theirs.base_values == pytest.approx(float(ours.base_value), abs=apart, rel=0)


def test_lime(classifier, regressor):
    tabular = pytest.importorskip("lime.lime_tabular")
    explainer = tabular.LimeTabularExplainer(
        SICK.to_numpy(), feature_names=list(SICK), class_names=["ill", "well"], random_state=0
    )
    found = explainer.explain_instance(SICK.to_numpy()[0], classifier.predict_proba, num_features=3)
    assert len(found.as_list()) == 3
    explainer = tabular.LimeTabularExplainer(
        PEOPLE.to_numpy(), feature_names=list(PEOPLE), mode="regression", random_state=0
    )
    found = explainer.explain_instance(PEOPLE.to_numpy()[0], regressor.predict, num_features=3)
    assert len(found.as_list()) == 3


def test_mapie():
    regression = pytest.importorskip("mapie.regression")
    classification = pytest.importorskip("mapie.classification")
    fitted = ShoalRegressor(**FEW).fit(PEOPLE[:250], WORSE[:250])
    split = regression.SplitConformalRegressor(fitted, confidence_level=0.9, prefit=True)
    split.conformalize(PEOPLE[250:350], WORSE[250:350])
    low, high = split.predict_interval(PEOPLE[350:])[1][:, :, 0].T
    assert ((low <= WORSE[350:]) & (WORSE[350:] <= high)).mean() > 0.8
    cross = regression.CrossConformalRegressor(ShoalRegressor(**FEW), confidence_level=0.9, cv=3)
    cross.fit_conformalize(PEOPLE[:300], WORSE[:300])
    assert cross.predict_interval(PEOPLE[300:])[1].shape == (142, 2, 1)
    fitted = ShoalClassifier(**FEW).fit(SICK[:300], ILL[:300])
    sets = classification.SplitConformalClassifier(fitted, confidence_level=0.9, prefit=True)
    sets.conformalize(SICK[300:450], ILL[300:450])
    assert sets.predict_set(SICK[450:])[1].shape == (119, 2, 1)
    cross = classification.CrossConformalClassifier(ShoalClassifier(**FEW), cv=3)
    cross.fit_conformalize(SICK[:300], ILL[:300])
    assert cross.predict_set(SICK[300:])[1].shape == (269, 2, 1)


@pytest.mark.parametrize("way", ["partial_fit", "verbose"])
def test_optuna_with_pruning(way):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    A, B, a, b = train_test_split(SICK, ILL, random_state=0)

    def by_partial_fit(trial, model):
        for epoch in range(10):
            model.partial_fit(A, a, classes=[0, 1])
            trial.report(1 - model.score(B, b), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned()

    def by_verbose(trial, model):
        def report(told):
            trial.report(told.validation_loss, told.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ShoalWarning)  # rates are tried that are too high
            model.set_params(verbose=report, max_iter=60).fit(A, a)

    def objective(trial):
        model = ShoalClassifier(
            hidden=trial.suggest_int("hidden", 2, 32),
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            members=1,
            random_state=0,
        )
        (by_partial_fit if way == "partial_fit" else by_verbose)(trial, model)
        return 1 - model.score(B, b)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)
    study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=10)
    states = [trial.state.name for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}
    assert study.best_value < 0.1


def test_imbalanced_learn():
    pytest.importorskip("imblearn")
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
    from imblearn.pipeline import make_pipeline as pipeline
    from imblearn.under_sampling import InstanceHardnessThreshold, RandomUnderSampler

    rare = ((ILL == 0) & (RNG.random(len(ILL)) < 0.4)).astype(int)
    new = ShoalClassifier(**FEW)
    samplers = (
        SMOTE(random_state=0),
        RandomOverSampler(random_state=0),
        RandomUnderSampler(random_state=0),
        InstanceHardnessThreshold(estimator=ShoalClassifier(**FEW), cv=2, random_state=0),
    )
    for sampler in samplers:
        assert pipeline(sampler, new).fit(SICK, rare).score(SICK, rare) > 0.6
    words = WORDS.drop(columns="day").astype({"word": "category"})
    assert (
        pipeline(SMOTENC(["word"], random_state=0), new).fit(words, rare).score(words, rare) > 0.6
    )
    bag = BalancedBaggingClassifier(new, n_estimators=2, random_state=0).fit(SICK, rare)
    assert bag.score(SICK, rare) > 0.6


@pytest.mark.parametrize("kind", ["alone", "pipeline", "frame", "continued"])
def test_skops(kind, tmp_path):
    sio = pytest.importorskip("skops.io")
    X = WORDS if kind == "frame" else SICK
    model = ShoalClassifier(**FEW)
    model = make_pipeline(StandardScaler(), model) if kind == "pipeline" else model
    model.fit(X, ILL)
    if kind == "continued":
        model.partial_fit(X, ILL)
    sio.dump(model, tmp_path / "model.skops")
    asked = sio.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(name.startswith("shoal.") for name in asked)
    again = sio.load(tmp_path / "model.skops", trusted=asked)
    assert (again.predict_proba(X) == model.predict_proba(X)).all()


def test_mlflow(classifier, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    sio = pytest.importorskip("skops.io")
    trusted = sio.get_untrusted_types(data=sio.dumps(classifier))
    mlflow.sklearn.save_model(
        classifier,
        tmp_path / "model",
        signature=mlflow.models.infer_signature(SICK, classifier.predict(SICK)),
        skops_trusted_types=trusted,
        pip_requirements=["shoal"],
    )
    again = mlflow.sklearn.load_model(str(tmp_path / "model"))
    assert again.fingerprint_ == classifier.fingerprint_
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert (served.predict(SICK) == classifier.predict(SICK)).all()


def test_mlflow_serves_a_file(classifier, tmp_path):
    """As docs/how-to/services.md does it."""
    mlflow = pytest.importorskip("mlflow")

    class Shoal(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            self.fitted = shoal.load_fitted(context.artifacts["model"])

        def predict(self, context, model_input, params=None):
            return self.fitted.predict(model_input)

    classifier.save(tmp_path / "m.shoal")
    mlflow.pyfunc.save_model(
        tmp_path / "served", python_model=Shoal(), artifacts={"model": str(tmp_path / "m.shoal")},
        pip_requirements=["shoal"],
    )  # fmt: skip
    served = mlflow.pyfunc.load_model(str(tmp_path / "served"))
    assert (served.predict(SICK) == classifier.predict(SICK)).all()


def test_skrub():
    skrub = pytest.importorskip("skrub")
    new = ShoalClassifier(**FEW)
    for model in (skrub.tabular_pipeline(new), make_pipeline(skrub.TableVectorizer(), new), new):
        assert model.fit(WORDS, ILL).score(WORDS, ILL) > 0.95
    plan = skrub.X(WORDS).skb.apply(new, y=skrub.y(ILL))
    given = {"X": WORDS, "y": ILL}
    assert plan.skb.make_learner().fit(given).score(given) > 0.95


def test_feature_engine():
    pytest.importorskip("feature_engine")
    from feature_engine.encoding import OneHotEncoder
    from feature_engine.imputation import MeanMedianImputer
    from feature_engine.selection import SelectByShuffling, SelectBySingleFeaturePerformance

    holes = WORDS.drop(columns="day")
    holes.iloc[3, 0] = np.nan
    new = ShoalClassifier(**FEW)
    encoder = OneHotEncoder(variables=["word"])
    model = make_pipeline(MeanMedianImputer(), encoder, new).fit(holes, ILL)
    assert model.score(holes, ILL) > 0.95
    for selection in (
        SelectByShuffling(new, cv=2, random_state=0),
        SelectBySingleFeaturePerformance(new, cv=2),
    ):
        assert 0 < selection.fit(SICK, ILL).transform(SICK).shape[1] < 8


def test_dask_ml():
    pytest.importorskip("dask_ml")
    import dask.array as da
    import dask.dataframe as dd
    from dask_ml.model_selection import GridSearchCV
    from dask_ml.wrappers import Incremental, ParallelPostFit

    X, y = (
        da.from_array(SICK.to_numpy(), chunks=(200, 8)),
        da.from_array(ILL.to_numpy(), chunks=200),
    )
    wrapped = ParallelPostFit(ShoalClassifier(**FEW)).fit(SICK.to_numpy(), ILL.to_numpy())
    assert (wrapped.predict(X).compute() == wrapped.estimator.predict(SICK.to_numpy())).all()
    wrapped = ParallelPostFit(ShoalClassifier(**FEW)).fit(SICK, ILL)
    frame = dd.from_pandas(SICK, npartitions=2)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ShoalWarning
        )  # Dask first asks with a made-up frame of ones
        assert (wrapped.predict(frame).compute() == wrapped.estimator.predict(SICK)).all()
    blocks = Incremental(ShoalClassifier(random_state=0, members=1), scoring="accuracy")
    assert blocks.fit(X, y, classes=[0, 1]).score(X, y) > 0.8
    search = GridSearchCV(ShoalClassifier(**FEW), {"hidden": [4, 8]}, cv=2)
    assert search.fit(SICK.to_numpy(), ILL.to_numpy()).best_score_ > 0.85


def test_river():
    pytest.importorskip("river")
    from river import compat, datasets, evaluate, metrics, preprocessing

    settings = {"random_state": 0, "members": 1, "hidden": 8, "encode": None}
    model = compat.convert_sklearn_to_river(ShoalClassifier(**settings), classes=[False, True])
    found = evaluate.progressive_val_score(datasets.Phishing().take(400), model, metrics.Accuracy())
    assert found.get() > 0.7
    model = compat.convert_sklearn_to_river(ShoalRegressor(**settings, learning_rate=0.02))
    model = preprocessing.TargetStandardScaler(regressor=model)
    model = preprocessing.StandardScaler() | model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # the first row alone is constant
        found = evaluate.progressive_val_score(datasets.TrumpApproval(), model, metrics.MAE())
    assert found.get() < 2
