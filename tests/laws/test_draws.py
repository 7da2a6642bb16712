"""Random numbers by counting: known answers, and the laws of their distributions."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from shoal.network import draws
from shoal.network.draws import (
    _normal_quantile,
    child,
    children,
    normal,
    normals,
    permutation,
    philox,
    uniform,
    words,
)  # fmt: skip
from shoal.network.initialisers import initialise, standard_deviation

ONES = (1 << 64) - 1


def quad(key, low, high):
    return [f"{word:08x}" for word in philox(key, np.array([low], np.uint64), high)[:, 0]]


@pytest.mark.parametrize(
    ("key", "low", "high", "answer"),
    [
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (ONES, ONES, ONES, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        # Digits of π: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
        (
            0x299F31D0A4093822,
            0x85A308D3243F6A88,
            0x0370734413198A2E,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(key, low, high, answer):
    # kat_vectors of the Random123 library, philox4x32 with 10 rounds.
    assert quad(key, low, high) == answer.split()


def test_a_number_depends_on_key_stream_and_place_alone():
    whole = words(9, 4, 1001)
    for n in (0, 1, 2, 7, 1000):
        np.testing.assert_array_equal(words(9, 4, n), whole[:n])
    streams = [
        words(9, 5, 1001),
        words(10, 4, 1001),
        words(9 << 32, 4, 1001),
        words(9, 4 << 32, 1001),
    ]
    for other in streams:
        assert not (other == whole).any()


def test_uniform_numbers_lie_in_the_open_interval():
    u = uniform(1, 2, 200_000)
    assert u.dtype == np.float64
    assert u.min() > 0
    assert u.max() < 1


def test_the_smallest_and_the_largest_word_give_numbers_inside(monkeypatch):
    extremes = np.array([0, ONES], np.uint64)
    monkeypatch.setattr(draws, "words", lambda *_: extremes)
    low, high = uniform(0, 0, 2)
    assert 0 < low < 2.0**-52
    assert 1 - 2.0**-52 < high < 1
    assert np.isfinite(normal(0, 0, 2)).all()


def test_uniform_numbers_are_uniform():
    u = uniform(3, 0, 200_000)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    # Pairs fill the square: 20 × 20 cells, 100,000 pairs.
    cells, _, _ = np.histogram2d(u[::2], u[1::2], bins=20, range=[(0, 1), (0, 1)])
    assert stats.chisquare(cells.reshape(-1)).pvalue > 1e-3


def test_the_normal_quantile_is_that_of_scipy():
    edges = np.array(
        [2.0**-53, 1e-16, 1e-12, math.exp(-25), 0.0749, 0.075, 0.0751, 0.25, 0.4999, 0.5]
    )
    p = np.concatenate(
        [edges, 1 - edges, np.geomspace(1.2e-16, 0.5, 50_001), uniform(1, 1, 100_000)]
    )
    p = p[p < 1]
    found, expected = _normal_quantile(p), ndtri(p)
    np.testing.assert_allclose(found, expected, rtol=2e-15, atol=0)


def test_the_normal_quantile_is_odd_and_grows():
    p = np.arange(1, 4096) / 4096  # exact, as 1 - p is
    z = _normal_quantile(p)
    np.testing.assert_array_equal(z, -z[::-1])
    assert (np.diff(z) > 0).all()


def test_normal_numbers_are_normal():
    z = normal(12, 0, 200_000)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(z.mean()) < 4 / math.sqrt(len(z))
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / len(z))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100, 10_001])
def test_a_permutation_is_one(n):
    order = permutation(5, 6, n)
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    if n >= 100:
        assert (order != permutation(5, 7, n)).any()
        assert (order != permutation(4, 6, n)).any()


def test_every_permutation_of_four_is_as_likely():
    seen = np.array([permutation(key, 0, 4) for key in range(2400)]) @ [64, 16, 4, 1]
    counts = np.unique(seen, return_counts=True)[1]
    assert len(counts) == math.factorial(4)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_children_have_keys_of_their_own():
    keys = [child(parent, i) for parent in (0, 1, ONES) for i in (0, 1, 2, 3, 1000, 1001)]
    assert len({*keys, 0, 1, ONES}) == len(keys) + 3
    assert all(0 <= key <= ONES for key in keys)
    assert keys[0] == child(0, 0)


# --- initialisers ---------------------------------------------------------------------

FAN_IN, FAN_OUT = 50, 400


@pytest.mark.parametrize(
    ("init", "activation", "expected"),
    [
        ("lecture", "tanh", 0.01),
        ("glorot", "relu", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("he", "tanh", math.sqrt(2 / FAN_IN)),
        ("zeros", "tanh", 0.0),
        (0.3, "tanh", 0.3),
        (1, "tanh", 1.0),
        ("auto", "tanh", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("auto", "sigmoid", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("auto", "identity", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("auto", "relu", math.sqrt(2 / FAN_IN)),
        ("auto", "leaky_relu", math.sqrt(2 / FAN_IN)),
    ],
)
def test_weights_are_drawn_with_the_standard_deviation_that_is_named(init, activation, expected):
    assert standard_deviation(init, activation, FAN_IN, FAN_OUT) == pytest.approx(expected)
    W1, b1, _, b2 = initialise(FAN_IN, FAN_OUT, 3, key=8, init=init, activation=activation)
    assert W1.shape == (FAN_OUT, FAN_IN)
    # Of 20,000 draws: 4 standard errors are 2 %.
    assert W1.std() == pytest.approx(expected, rel=0.02)
    assert abs(W1.mean()) <= 4 * expected / math.sqrt(W1.size)
    if init == "auto":  # units bend at distances of the size of 1
        distances = b1 / np.linalg.norm(W1, axis=1, keepdims=True)
        assert distances.std() == pytest.approx(1, abs=4 / math.sqrt(2 * FAN_OUT))
    else:
        assert not b1.any()
    assert not b2.any()


def test_the_output_layer_has_a_fan_of_its_own():
    W2 = initialise(3, FAN_IN, FAN_OUT, key=8, init="he", activation="relu").W2
    assert W2.shape == (FAN_OUT, FAN_IN)
    assert W2.std() == pytest.approx(math.sqrt(2 / FAN_IN), rel=0.02)


def test_the_two_layers_are_drawn_apart():
    W1, _, W2, _ = initialise(5, 5, 5, key=8, init=1.0)
    assert not (W1 == W2).any()
    np.testing.assert_array_equal(W1.reshape(-1), normal(8, 0, 25))
    np.testing.assert_array_equal(W2.reshape(-1), normal(8, 1, 25))


def test_a_wider_scale_is_the_same_draw():
    small, large = (initialise(5, 4, 2, key=8, init=scale) for scale in (0.01, 1.0))
    np.testing.assert_array_equal(0.01 * large.W1, small.W1)
    np.testing.assert_array_equal(0.01 * large.W2, small.W2)


@pytest.mark.parametrize("hidden", [0, 5])
def test_zeros_are_all_the_same_zero(hidden):
    # 0 × a draw would be -0 as often as +0, and units that start equal would differ in a bit.
    for V in initialise(4, hidden, 3, key=8, init="zeros"):
        assert V.tobytes() == np.zeros(V.shape).tobytes()


@pytest.mark.parametrize("init", ["auto", "glorot", "he", "zeros"])
def test_without_a_hidden_layer_zeros_are_a_fine_start(init):
    W1, b1, W2, b2 = initialise(5, 0, 3, key=8, init=init)
    assert [V.shape for V in (W1, b1, W2, b2)] == [(0, 5), (0, 1), (3, 5), (3, 1)]
    assert not W2.any()
    assert initialise(5, 0, 3, key=8, init="lecture").W2.all()


@pytest.mark.parametrize("key", [0, 7, 2**64 - 1])
def test_the_keys_of_children_come_from_streams_that_no_draw_uses(key):
    for index in (0, 1, 2, 10_001):
        assert child(key, index) == words(key, (1 << 63) + index, 1)[0]
        assert child(key, index) != words(key, index, 1)[0]


@pytest.mark.parametrize("key", [0, 5, 1 << 63, ONES])
def test_many_keys_draw_at_once_what_each_draws_alone(key):
    keys = children(key, 9)
    assert [int(k) for k in keys[:, 0]] == [child(key, i) for i in range(9)]
    for n in (1, 2, 7, 100):
        for draw in (words, permutation):
            alone = [draw(int(k), 3, n) for k in keys[:, 0]]
            np.testing.assert_array_equal(draw(keys, 3, n), alone)


def test_counters_may_differ_in_both_halves():
    low, high = np.array([3, 1 << 40, 3], np.uint64), np.array([9, 9, 1 << 63], np.uint64)
    found = philox(5, low, high)
    for i in range(3):
        np.testing.assert_array_equal(found[:, i], philox(5, low[i : i + 1], int(high[i]))[:, 0])


def test_normals_of_many_streams_are_those_of_each():
    for stream, drawn in enumerate(normals(7, 300, 1, 0, 12)):
        assert drawn.tobytes() == normal(7, stream, len(drawn)).tobytes()
