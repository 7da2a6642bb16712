// Sums for the mean and spread of a column, added in the order of the gradients' tree.
#pragma once

#include <algorithm>
#include <cmath>

#include "tree_sum.hpp"

namespace shoal {

// Σ w, Σ w d and Σ w d² of d = x - shift; NaN counts as absent. With a value of the column
// itself as the shift nothing is lost where the mean is far from 0 (Chan, Golub and LeVeque,
// "Algorithms for computing the sample variance", The American Statistician 37, 1983).
inline void sums_about(double shift, const double* x, const double* weights, int64_t n, double* out) {
    TreeSum tree(3, blocks_of(n) + 1);
    for (int64_t start = 0; start < n; start += BLOCK_ROWS) {
        double sums[3] = {0, 0, 0};
        for (int64_t i = start; i < std::min<int64_t>(n, start + BLOCK_ROWS); ++i) {
            const double w = weights ? weights[i] : 1.0, d = x[i] - shift;
            if (std::isnan(x[i]) || !(w > 0)) continue;
            sums[0] += w, sums[1] += w * d, sums[2] += w * (d * d);
        }
        tree.add(static_cast<const double*>(sums));
    }
    if (n) std::memcpy(out, tree.total(), 3 * sizeof(double));
}

}  // namespace shoal
