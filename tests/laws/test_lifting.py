"""Networks of other bins and widths are the same functions, but for rounding."""

import numpy as np
import pandas as pd
import pytest

from shoal import ShoalRegressor
from shoal.compute.engine import engine
from shoal.estimators.lifting import joined, lifted
from shoal.network.architecture import Architecture
from shoal.network.draws import normal
from shoal.training.network import Network

M = 120


def table():
    """Numbers with and without holes, a yes or no, words and dates."""
    x = normal(3, 0, 3 * M).reshape(M, 3)
    frame = pd.DataFrame(x[:, :2], columns=["whole", "holes"])
    frame["holes"] = frame["holes"].where(np.arange(M) % 7 > 0)
    frame["truth"] = x[:, 2] > 0
    frame["word"] = np.where(x[:, 2] > 0.5, "high", "low")
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(M) * 9, unit="D")
    return frame, x[:, 0] * x[:, 2]


@pytest.fixture(scope="module", params=[0, 5])
def fitted(request):
    X, y = table()
    common = {
        "hidden": request.param,
        "members": 1,
        "max_iter": 8,
        "random_state": 0,
        "solver": "adam",
    }
    return X, [ShoalRegressor(bins=bins, **common).fit(X, y).fitted_ for bins in (0, 3, 4, 7)]


def test_all_bins_together_change_no_answer(fitted):
    X, models = fitted
    into = joined([one.inputs for one in models])
    new = X.iloc[:40].copy()
    new["whole"] *= 1.5  # beyond what was seen, too
    new.loc[:5, "holes"] = np.nan
    matrix = into.matrix(into.read(new))
    for model in models:
        shape = model.architecture._replace(n_x=into.width, n_h=model.architecture.n_h and 9)
        network = lifted(model.networks[0], model.inputs, into, shape)
        assert network.architecture == shape
        found = engine.predict(network.architecture, network.vector, matrix, 1)
        assert found == pytest.approx(model.average(new, 1), abs=3e-6)


def test_the_edges_are_those_of_all(fitted):
    _, models = fitted
    edges = [one.inputs.encoding.columns[0].edges for one in models]
    assert joined([one.inputs for one in models]).encoding.columns[0].edges == tuple(
        sorted({edge for some in edges for edge in some})
    )
    same = joined([models[2].inputs])
    assert same.encoding == models[2].inputs.encoding


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_a_linear_model_is_a_network(fitted, activation, output):
    own = fitted[1][0].inputs
    x = own.matrix(own.read(fitted[0]))
    linear = Architecture(own.width, 0, 3, activation, output)
    network = Network._of(linear, normal(9, 0, linear.n_parameters).astype("f4"))
    other = lifted(network, own, own, linear._replace(n_h=8))
    expected, found = (engine.predict(n.architecture, n.vector, x, 1) for n in (network, other))
    assert np.abs(found - expected).max() < 3e-6 * np.abs(expected).max()
