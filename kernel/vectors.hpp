// Products of long vectors, added in one order: lane j of the 32 of four lines adds products
// j, j + 32, j + 64 …, each rounded before it is added; then the lines, then the lanes of one.
// Twin: `dot` in src/shoal/compute/plain.py, to the bit.
#pragma once

#include <algorithm>

#include "simd.hpp"

namespace shoal {

inline double dot(const double* x, const double* y, int64_t n) {
    constexpr int L = LANES<double>, W = 4;  // four lines: their sums do not wait for each other
    Line<double> sum[W];
    unrolled<W>([&](auto w) { sum[w] = broadcast(0.0); });
    int64_t i = 0;
    for (; i + W * L <= n; i += W * L)
        unrolled<W>([&](auto w) __attribute__((always_inline)) { sum[w] = sum[w] + load_anywhere(x + i + w * L) * load_anywhere(y + i + w * L); });
    for (int w = 0; i < n; ++w, i += L) {
        const int some = int(std::min<int64_t>(L, n - i));
        sum[w] = sum[w] + load_some(x + i, some) * load_some(y + i, some);
    }
    return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

}  // namespace shoal
