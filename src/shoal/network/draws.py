"""Random numbers by counting, with the same bits on every machine and in every version.

Number i of a stream is a function of (key, stream, i) alone, so a draw needs no state and
can be repeated in any order. Only integer and IEEE arithmetic is used, never exp or log of
a library: those differ between machines in the last bit.

Sources: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox
4 × 32 with 10 rounds). Wichura, "Algorithm AS 241: the percentage points of the normal
distribution", Applied Statistics 37 (1988) 477-484 (PPND16, relative error 1e-16).
Twin: kernel/random.hpp.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Keys = NDArray[np.uint64]
Array = NDArray[np.float64]

ROUNDS = 10
_LOW = 0xFFFFFFFF
_FACTORS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)


def philox(key: int | Keys, low: Keys, high: int | Keys) -> Words:
    """Four random words (4, n) for each counter (low[i], high) under a 64-bit key.

    Of keys (k, 1) four words (4, k, n); `high` may be an array of the counters' size.
    """
    low, high, keys = (np.atleast_1d(np.asarray(each, np.uint64)) for each in (low, high, key))
    # Two words at a time, as NumPy's calls take longer than what they compute of a few counters.
    counters = np.stack(np.broadcast_arrays(low, high, keys)[:2])
    even, odd = counters & _LOW, counters >> 32  # c0 and c2, c1 and c3
    both = np.stack([keys & _LOW, keys >> 32])
    factors, steps = (each.reshape(2, *[1] * keys.ndim) for each in (_FACTORS, _STEPS))
    for _ in range(ROUNDS):
        products = (factors * even)[::-1]
        even, odd = (products >> 32) ^ odd ^ both, products & _LOW
        both = both + steps & _LOW
    return np.stack([even[0], odd[0], even[1], odd[1]]).astype(np.uint32)


def _rounds(key: int, c0: int, c1: int, c2: int, c3: int) -> tuple[int, int, int, int]:
    """The rounds of one counter, in ints."""
    k0, k1 = key & _LOW, key >> 32 & _LOW
    for _ in range(ROUNDS):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & _LOW, (a >> 32) ^ c3 ^ k1, a & _LOW
        k0, k1 = k0 + 0x9E3779B9 & _LOW, k1 + 0xBB67AE85 & _LOW
    return c0, c1, c2, c3


def words(key: int | Keys, stream: int, n: int) -> NDArray[np.uint64]:
    """The first n 64-bit words of a stream; of keys (k, 1) those of each, (k, n)."""
    quads = philox(key, np.arange((n + 1) // 2, dtype=np.uint64), stream).astype(np.uint64)
    pairs = np.stack([quads[0] << 32 | quads[1], quads[2] << 32 | quads[3]], axis=-1)
    return pairs.reshape(*pairs.shape[:-2], -1)[..., :n]


def uniform(key: int, stream: int, n: int) -> Array:
    """The first n numbers of a stream, uniform in the open interval (0, 1)."""
    # 52 bits and a half: the numbers (k + ½) / 2⁵² are exact and never 0 or 1.
    bits = (words(key, stream, n) >> 12).astype(np.float64)
    return (bits + 0.5) * 2.0**-52


def normal(key: int, stream: int, n: int) -> Array:
    """The first n numbers of a stream, from the standard normal distribution."""
    return _normal_quantile(uniform(key, stream, n))


def normals(key: int, *sizes: int) -> list[Array]:
    """`normal` of streams 0, 1, … with these sizes, of which few numbers cost as much as one stream."""
    uniforms = [uniform(key, stream, n) for stream, n in enumerate(sizes)]
    return np.split(_normal_quantile(np.concatenate(uniforms)), np.cumsum(sizes)[:-1])


def permutation(key: int | Keys, stream: int, n: int) -> NDArray[np.int64]:
    """The numbers 0 … n - 1 in a random order; of keys (k, 1) one for each, (k, n)."""
    # Ties among 64-bit words are as good as impossible, and a stable sort settles them.
    return np.argsort(words(key, stream, n), kind="stable")


def child(key: int, index: int) -> int:
    """A key of its own for member, split or purpose `index` of whatever has `key`."""
    stream = (1 << 63) + index
    c0, c1, _, _ = _rounds(key, 0, 0, stream & _LOW, stream >> 32)  # the first of `words`
    return int(c0 << 32 | c1)


def children(key: int, n: int) -> Keys:
    """`child` of index 0 … n - 1, of shape (n, 1): what one call draws for all costs a small part of n calls."""
    stream = np.arange(n, dtype=np.uint64) + np.uint64(1 << 63)
    four = philox(key, np.zeros_like(stream), stream).astype(np.uint64)
    found: Keys = four[0] << 32 | four[1]
    return found[:, np.newaxis]


def _polynomial(x: Array, *coefficients: float) -> Array:
    value = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value


def _log(x: Array) -> Array:
    """The natural logarithm of positive numbers, from + - * / alone (about 1e-16)."""
    fraction, exponent = np.frexp(x)  # in [½, 1)
    low = fraction < np.sqrt(0.5)
    fraction, exponent = np.where(low, 2 * fraction, fraction), exponent - low
    s = (fraction - 1) / (fraction + 1)
    series = _polynomial(s * s, *(1 / (2 * n + 1) for n in range(12)))  # artanh
    return exponent * 0.6931471805599453 + 2 * s * series


def _normal_quantile(p: Array) -> Array:
    q = p - 0.5
    centre = np.abs(q) <= 0.425
    r = 0.180625 - np.where(centre, q, 0) ** 2
    inner = q * _polynomial(
        r, 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
        1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
        3.3430575583588128105e4, 2.5090809287301226727e3,
    ) / _polynomial(
        r, 1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
        5.2264952788528545610e3,
    )  # fmt: skip
    outer = np.flatnonzero(~centre)  # three in twenty
    p, q = p[outer], q[outer]
    r = np.sqrt(-_log(np.minimum(p, 1 - p)))
    tail, far = _near_tail(r - 1.6), r > 5
    if far.any():
        tail[far] = _far_tail(r[far] - 5)
    inner[outer] = np.where(q < 0, -tail, tail)
    return inner


def _near_tail(r: Array) -> Array:
    return _polynomial(
        r, 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
        3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ) / _polynomial(
        r, 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    )  # fmt: skip


def _far_tail(r: Array) -> Array:
    return _polynomial(
        r, 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
        2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ) / _polynomial(
        r, 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    )  # fmt: skip
