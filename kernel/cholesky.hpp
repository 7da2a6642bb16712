// A = L Lᵀ of a symmetric matrix, and what follows from L. The triangle lies packed by rows: entry (i, j), j ≤ i, is at
// i (i + 1) / 2 + j. Every entry is one sum in one fixed order, so that every build gives the same bits.
// Twin: the functions of the same names in src/shoal/compute/plain.py.
#pragma once

#include "functions.hpp"
#include "memory.hpp"
#include "products.hpp"
#include "vectors.hpp"

namespace shoal {

constexpr int CHOLESKY_COLUMNS = 16;  // that are computed together, whole lines of them
static_assert(CHOLESKY_COLUMNS % LANES<double> == 0);

inline int64_t row_start(int64_t i) { return i * (i + 1) / 2; }

// Takes the products of the columns before `first` off the entries (i, j) for rows i from `first` on.
inline void subtract_products(double* a, int64_t n, int64_t first, int width) {
    constexpr int L = LANES<double>;
    in_tiles<DOT_SIDE>(int(first), int(n), [&](auto I, int i) {
        in_tiles<DOT_SIDE>(int(first), int(first) + width, [&](auto J, int j) {
            if (j >= i + I) return;
            Line<double> sum[I * J];
            unrolled<I * J>([&](auto u) { sum[u] = broadcast(0.0); });
            const double *row = a + row_start(i), *other = a + row_start(j);
            for (int64_t k = 0; k < first; k += L) {
                Line<double> lines[J];
                unrolled<J>([&](auto v) { lines[v] = load_anywhere(other + row_start(j + v) - row_start(j) + k); });
                unrolled<I>([&](auto u) __attribute__((always_inline)) {
                    const auto line = load_anywhere(row + row_start(i + u) - row_start(i) + k);
                    unrolled<J>([&](auto v) { sum[u * J + v] = fma(line, lines[v], sum[u * J + v]); });
                });
            }
            unrolled<I * J>([&](auto u) {
                const int64_t r = i + u / J, c = j + u % J;
                if (c <= r) a[row_start(r) + c] -= sum_lanes(sum[u]);
            });
        });
    });
}

// The triangle becomes L; false when the matrix is not positive definite.
inline bool factor(double* a, int64_t n) {
    for (int64_t first = 0; first < n; first += CHOLESKY_COLUMNS) {
        const int width = int(std::min<int64_t>(CHOLESKY_COLUMNS, n - first));
        if (first) subtract_products(a, n, first, width);
        double inverse[CHOLESKY_COLUMNS];
        for (int64_t i = first; i < n; ++i) {
            double* row = a + row_start(i) + first;
            for (int j = 0; j < width && first + j <= i; ++j) {
                const double* other = a + row_start(first + j) + first;
                double sum = row[j];
                for (int k = 0; k < j; ++k) sum = __builtin_fma(-row[k], other[k], sum);
                if (first + j < i) {
                    row[j] = sum * inverse[j];
                    continue;
                }
                if (!(sum > 0 && sum < __builtin_inf())) return false;
                row[j] = __builtin_sqrt(sum), inverse[j] = 1 / row[j];
            }
        }
    }
    return true;
}

// x becomes the solution of L Lᵀ x = x.
inline void solve(const double* l, int64_t n, double* x) {
    for (int64_t i = 0; i < n; ++i) x[i] = (x[i] - dot(l + row_start(i), x, i)) / l[row_start(i) + i];
    for (int64_t i = n - 1; i >= 0; --i) {
        const double* row = l + row_start(i);
        x[i] /= row[i];
        for (int64_t j = 0; j < i; ++j) x[j] = __builtin_fma(-x[i], row[j], x[j]);
    }
}

// log det A.
inline double log_determinant(const double* l, int64_t n) {
    constexpr int L = LANES<double>;
    auto sum = broadcast(0.0);
    for (int64_t i = 0; i < n; i += L) {
        alignas(LINE_BYTES) double diagonal[L];
        for (int64_t k = 0; k < L; ++k) diagonal[k] = i + k < n ? l[row_start(i + k) + i + k] : 1.0;
        sum = sum + log(load(diagonal));
    }
    return 2 * sum_lanes(sum);
}

// The diagonal of A⁻¹ = L⁻ᵀ L⁻¹: the squares of each column of L⁻¹, row after row.
inline void inverse_diagonal(const double* l, int64_t n, double* out) {
    constexpr int L = LANES<double>, W = 4;
    const int64_t lines = (n + L * W - 1) / (L * W) * W, stride = lines * L;
    Buffer<double> inverse(n * stride), squares(stride);
    for (int64_t i = 0; i < n; ++i) {
        const double *row = l + row_start(i), scale = 1 / row[i];
        for (int64_t c = 0; c <= i; c += W * L) {
            Line<double> sum[W];
            unrolled<W>([&](auto w) { sum[w] = broadcast(0.0); });
            for (int64_t k = c; k < i; ++k) {
                const auto factor = broadcast(-row[k]);
                unrolled<W>([&](auto w) __attribute__((always_inline)) { sum[w] = fma(factor, load(inverse + k * stride + c + w * L), sum[w]); });
            }
            unrolled<W>([&](auto w) { store(inverse + i * stride + c + w * L, broadcast(scale) * sum[w]); });
        }
        inverse[i * stride + i] = scale;
        for (int64_t c = 0; c <= i; c += L) {
            const auto line = load(inverse + i * stride + c);
            store(squares + c, fma(line, line, load(squares + c)));
        }
    }
    std::copy(static_cast<double*>(squares), squares + n, out);
}

}  // namespace shoal
