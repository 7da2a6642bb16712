"""Prints the coefficients in kernel/functions.hpp: polynomials whose largest error is the smallest.

Remez's exchange (E. Remez, 1934) in 60 digits. Run by hand, `python tools/minimax.py`, when a
range or a number of terms changes; what the kernel makes of them is measured by
tests/laws/test_functions.py.
"""

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


def remez(
    f: Function, weight: Function, low: mp.mpf, high: mp.mpf, terms: int
) -> tuple[list[mp.mpf], mp.mpf]:
    """The polynomial of so many terms with the least of max |weight · (polynomial - f)|, and that error."""
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [
        middle - half * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / (terms + 1)) for i in range(terms + 1)
    ]
    for _ in range(12):
        # The error at the nodes is ±e, with signs in turns.
        rows = [[x**n for n in range(terms)] + [(-1) ** i / weight(x)] for i, x in enumerate(nodes)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([f(x) for x in nodes]))
        coefficients = list(solution[:terms])

        def error(x: mp.mpf, c: list[mp.mpf] = coefficients) -> mp.mpf:
            return weight(x) * (mp.polyval(c[::-1], x) - f(x))

        grid = [middle - half * mp.cos(mp.pi * i / 600) for i in range(601)]
        errors = [error(x) for x in grid]
        peaks: list[int] = []
        for i in range(601):  # the largest of each run of one sign
            if peaks and mp.sign(errors[i]) == mp.sign(errors[peaks[-1]]):
                peaks[-1] = max(peaks[-1], i, key=lambda k: abs(errors[k]))
            else:
                peaks.append(i)
        nodes = [grid[i] for i in peaks[-(terms + 1) :]]
    return coefficients, max(abs(e) for e in errors)


def show(name: str, terms: int, result: tuple[list[mp.mpf], mp.mpf]) -> None:
    """Prints one table of constants for the C++ source."""
    coefficients, error = result
    print(f"{name}, {terms} terms, error {mp.nstr(error, 2)}:")
    print("    " + ", ".join(mp.nstr(c, 20) for c in coefficients))


if __name__ == "__main__":
    # tanh a = a + a s P(s), s = a², up to tanh a = ½; error relative to a.
    end = mp.atanh(mp.mpf(1) / 2)
    for terms in (5, 11):
        # (Near 0 the quotient below loses half of its digits, of which there are enough.)
        start = mp.mpf(10) ** -12
        show(
            "tanh",
            terms,
            remez(
                lambda s: (mp.tanh(mp.sqrt(s)) / mp.sqrt(s) - 1) / s,
                lambda s: s,
                start,
                end**2,
                terms,
            ),
        )
    # 2ᶠ = P(f) for |f| ≤ ½; error relative to 2ᶠ.
    for terms in (7, 12):
        half = mp.mpf(1) / 2
        show(
            "2 to f",
            terms,
            remez(lambda f: mp.mpf(2) ** f, lambda f: mp.mpf(2) ** -f, -half, half, terms),
        )
    # exp r = 1 + r + r² P(r) for |r| ≤ log(2)/2, and a little more, as r is rounded.
    end = mp.log(2) / 2 * mp.mpf("1.0001")
    for terms in (5, 10):
        show(
            "expm1",
            terms,
            # (Not quite symmetric: else a node may be 0, where the weight is 0 too.)
            remez(
                lambda r: (mp.expm1(r) - r) / r**2,
                lambda r: r**2 / mp.exp(r),
                -end,
                end * (1 + mp.mpf(10) ** -9),
                terms,
            ),
        )
    # log(1 + e) = ¾ e + e P(t), t = e - ½, for 0 ≤ e ≤ 1.
    for terms in (10, 21):
        show(
            "log1p",
            terms,
            remez(
                lambda t: (mp.log1p(t + half) / (t + half) if t + half else 1) - mp.mpf(3) / 4,
                lambda t: (t + half) / mp.log1p(t + half) if t + half else mp.mpf(1),
                -half,
                half,
                terms,
            ),
        )
