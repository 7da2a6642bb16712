// Mean and spread of a column, added in the order of the gradients' tree.
#pragma once

#include <cmath>

#include "training.hpp"

namespace shoal {

struct Moments {
    double weight, mean, variance;  // of the values present; variance is divided by the weight
};

// `value(i)` may be NaN, which counts as absent.
template <class F>
double tree_sum(int64_t n, F&& term) {
    TreeSum tree(1, Sums<double>::blocks(n) + 1);
    for (int64_t start = 0; start < n; start += BLOCK_ROWS) {
        double sum = 0;
        for (int64_t i = start; i < std::min<int64_t>(n, start + BLOCK_ROWS); ++i) sum += term(i);
        tree.add(&sum);
    }
    return n ? *tree.total() : 0;
}

inline Moments moments(const double* x, const double* weights, int64_t n) {
    const auto w = [&](int64_t i) { return std::isnan(x[i]) ? 0.0 : weights ? weights[i] : 1.0; };
    const double weight = tree_sum(n, w);
    if (!(weight > 0)) return {0, 0, 0};
    const double mean = tree_sum(n, [&](int64_t i) { return w(i) > 0 ? w(i) * x[i] : 0.0; }) / weight;
    const double squares = tree_sum(n, [&](int64_t i) {
        const double d = x[i] - mean;
        return w(i) > 0 ? w(i) * (d * d) : 0.0;
    });
    return {weight, mean, squares / weight};
}

}  // namespace shoal
