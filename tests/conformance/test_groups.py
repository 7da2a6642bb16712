"""`fit(…, groups=, times=)`: which rows are held out to stop early, and scikit-learn's routing."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoal import DataError, SettingError, ShoalClassifier, ShoalRegressor

RNG = np.random.default_rng(0)
M = 400
X = pd.DataFrame({"a": RNG.normal(size=M), "b": RNG.normal(size=M)})
GROUPS = RNG.integers(0, 40, M)
TIMES = pd.Series(pd.date_range("2021-01-01", periods=M).to_numpy()[RNG.permutation(M)])
Y = np.where(X.a + RNG.normal(size=M) > 0, "yes", "no")
QUICK = {"hidden": 3, "members": 2, "max_iter": 4, "random_state": 0}


def held_out(model, **ties):
    """The rows that stop the first member, by a scorer that sees them."""
    seen = []

    def score(_, rows, y):
        seen.append(np.asarray(rows.matrix)[:, 0].copy())
        return 0.0

    model.set_params(scoring=score, members=1, max_iter=1, bins=0).fit(X, Y, **ties)
    a = ((X.a - X.a.mean()) / X.a.std(ddof=0)).to_numpy()
    rows = np.abs(a[:, np.newaxis] - seen[-1]).argmin(axis=0)
    return np.isin(np.arange(M), rows)


def test_no_group_is_both_trained_on_and_held_out():
    held = held_out(ShoalClassifier(random_state=0), groups=GROUPS)
    assert 0 < held.sum() < M
    assert not np.intersect1d(GROUPS[held], GROUPS[~held]).size


def test_the_latest_rows_are_held_out():
    held = held_out(ShoalClassifier(random_state=0), times=TIMES)
    assert held.sum() == 60
    assert TIMES[held].min() > TIMES[~held].max()


@pytest.mark.parametrize("form", [list, np.asarray, pd.Series, lambda g: g.astype(str)])
def test_only_which_rows_share_a_group_matters(form):
    one = ShoalClassifier(**QUICK).fit(X, Y, groups=GROUPS)
    other = ShoalClassifier(**QUICK).fit(X, Y, groups=form(GROUPS + 5))
    assert one.fingerprint_ == other.fingerprint_
    assert one.fingerprint_ != ShoalClassifier(**QUICK).fit(X, Y).fingerprint_


@pytest.mark.parametrize("tie", [{"groups": "g"}, {"times": "t"}])
def test_columns_by_name_in_memory_and_in_a_file(tmp_path, tie):
    frame = X.assign(g=GROUPS, t=TIMES)
    file = tmp_path / "table.parquet"
    frame.assign(y=Y).to_parquet(file)
    held = ShoalClassifier(**QUICK).fit(frame, Y, **tie)
    streamed = ShoalClassifier(**QUICK).fit(file, "y", **tie)
    assert held.fingerprint_ == streamed.fingerprint_
    aside = [plan.name for plan in held.encoding_.columns if hasattr(plan, "reason")]
    assert aside == (["g"] if "groups" in tie else [])


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"groups": GROUPS, "times": TIMES}, SettingError, "Give one of them"),
        ({"groups": GROUPS[1:]}, DataError, "inconsistent numbers of samples"),
        ({"groups": "c"}, SettingError, 'there is no column "c"'),
        ({"groups": np.zeros(M)}, DataError, "are of one group"),
        ({"times": np.zeros(M)}, DataError, "have the same time"),
        ({"times": Y}, DataError, "expected dates, times or numbers"),
        ({"groups": GROUPS, "X_val": X, "y_val": Y}, SettingError, "leave one of them out"),
    ],
)
def test_what_divides_nothing_is_refused(arguments, error, said):
    with pytest.raises(error, match=said):
        ShoalClassifier(**QUICK).fit(X, Y, **arguments)


def test_scikit_learn_routes_groups_to_fit():
    seen = []

    class Recording(ShoalRegressor):
        def fit(self, X, y, sample_weight=None, *, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight, groups=groups)

    model = make_pipeline(StandardScaler(), Recording(**QUICK))
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(model, X, X.a, params={"groups": GROUPS}, cv=GroupKFold(4))
    assert len(found["test_score"]) == len(seen) == 4
    assert all(len(groups) < M for groups in seen)


def test_an_infinite_time_is_refused():
    X, times = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80.0)
    times[3] = np.inf
    with pytest.raises(DataError, match="row 4: the time is infinite"):
        ShoalRegressor().fit(X, X[:, 0], times=times)
