"""The constants of the kernel's exp, tanh and sigmoid; kernel/functions.hpp explains them.

A test reads that file and compares. Decimals are rounded once, to the precision of the network.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Precision(NamedTuple):
    """What one precision needs."""

    mantissa_bits: int
    exponent_bias: int
    lanes: int  # numbers in 64 bytes
    to_integer: float
    exp_lowest: float
    tanh_ceiling: float
    artanh_half: float
    log2_high: float
    log2_low: float
    tanh_near_zero: tuple[float, ...]
    two_to: tuple[float, ...]
    expm1: tuple[float, ...]


def single(decimal: str) -> float:
    """The float32 nearest to a decimal: not by way of float64, which would round twice."""
    exact = Fraction(decimal)
    near = np.float32(decimal)
    around = (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf)))
    return float(min(around, key=lambda x: abs(Fraction(float(x)) - exact)))


def _singles(decimals: str) -> tuple[float, ...]:
    return tuple(single(word) for word in decimals.split())


def _doubles(decimals: str) -> tuple[float, ...]:
    return tuple(float(word) for word in decimals.split())


FLOAT32 = Precision(
    23,
    127,
    16,
    float.fromhex("0x1.8p23"),
    -87.0,
    9.5,
    single("0.549306144"),
    float.fromhex("0x1.62e4p-1"),
    float.fromhex("0x1.7f7d1cp-20"),
    _singles(
        "-0.33333318223913650038 0.13332608414555607551 -0.053854630444375220673 "
        "0.021081195191428463114 -0.0062876751481062381211"
    ),
    _singles(
        "1.0 0.69314720573710886751 0.24022646890405355117 0.055503287775097858385 "
        "0.0096184889852802358852 0.0013399931049639334409 0.00015345804192248001156"
    ),
    _singles(
        "0.49999993447938378458 0.16666520628716584618 0.04166838799099402861 "
        "0.0083687171570959429391 0.0013814602457011894247"
    ),
)
FLOAT64 = Precision(
    52,
    1023,
    8,
    float.fromhex("0x1.8p52"),
    -708.0,
    20.0,
    0.54930614433405484570,
    float.fromhex("0x1.62e42fefa38p-1"),
    float.fromhex("0x1.ef35793c7673p-45"),
    _doubles(
        "-0.33333333333333300603 0.13333333333326984205 -0.053968253963969489089 "
        "0.021869488391796132825 -0.0088632326984198030103 0.0035920930087330701577 "
        "-0.00145554914843000396 0.00058847047067362662731 -0.00023344789852174331762 "
        "0.000083411933654760176593 -0.000019553939313171392731"
    ),
    _doubles(
        "1.0 0.69314718055994533046 0.24022650695910156194 0.055504108664819921674 "
        "0.0096181291075883374844 0.0013333558146789910487 0.0001540353046251262598 "
        "0.000015252733489995966166 1.3215433090265398333e-6 1.0178198019834490362e-7 "
        "7.0741055488794161694e-9 4.435282822400354436e-10"
    ),
    _doubles(
        "0.50000000000000106266 0.16666666666666412527 0.041666666666530162999 "
        "0.0083333333334944643508 0.0013888888943628944935 0.00019841269506565721965 "
        "0.000024801493100070696605 2.7557586388421559987e-6 2.7630247990262932101e-7 "
        "2.50000567122968159e-8"
    ),
)
LOG2_E = 1.4426950408889634074
TWICE_LOG2_E = 2.8853900817779268147
LEAK = 0.01


def precision_of(dtype: np.dtype[np.floating]) -> Precision:
    """The constants of networks of that dtype."""
    return FLOAT32 if dtype == np.float32 else FLOAT64
