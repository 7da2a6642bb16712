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

// Row i of L in `width` columns from `first` on, of which the rows above are known, with the inverses of their diagonals.
// False where it is the row of one of them and its diagonal entry is not positive.
inline bool finish_row(double* a, int64_t i, int64_t first, int width, double* inverse) {
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
    return true;
}

// The same of a line of rows from i on, all below the columns: a lane is a row.
inline void finish_rows(double* a, int64_t i, int64_t first, const double* inverse) {
    constexpr int L = LANES<double>, W = CHOLESKY_COLUMNS;
    alignas(LINE_BYTES) double lines[W * L];
    double* row[L];
    for (int r = 0; r < L; ++r) row[r] = a + row_start(i + r) + first;
    transpose_rows(row, W, lines);
    Line<double> x[W];
    unrolled<W>([&](auto j) { x[j] = load(lines + j * L); });
    unrolled<W>([&](auto k) __attribute__((always_inline)) {
        x[k] = x[k] * broadcast(inverse[k]);
        store(lines + k * L, x[k]);
        unrolled<W - 1 - k>([&](auto c) __attribute__((always_inline)) {
            constexpr int j = k + 1 + c;
            x[j] = fma(x[k], broadcast(-a[row_start(first + j) + first + k]), x[j]);
        });
    });
    transpose_rows<true>(row, W, static_cast<const double*>(lines));
}

// The triangle becomes L; false when the matrix is not positive definite.
inline bool factor(double* a, int64_t n) {
    for (int64_t first = 0; first < n; first += CHOLESKY_COLUMNS) {
        const int width = int(std::min<int64_t>(CHOLESKY_COLUMNS, n - first));
        if (first) subtract_products(a, n, first, width);
        double inverse[CHOLESKY_COLUMNS];
        int64_t i = first;
        for (; i < first + width; ++i)
            if (!finish_row(a, i, first, width, inverse)) return false;
        for (; i + LANES<double> <= n; i += LANES<double>) finish_rows(a, i, first, inverse);
        for (; i < n; ++i) finish_row(a, i, first, width, inverse);
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

// The diagonal of A⁻¹ = L⁻ᵀ L⁻¹: the squares of each column of L⁻¹, row after row; the rows in groups that share what they load.
inline void inverse_diagonal(const double* l, int64_t n, double* out) {
    constexpr int L = LANES<double>, W = DOT_SIDE;
    const int64_t stride = (n + L * W - 1) / (L * W) * W * L;
    Buffer<double> inverse(n * stride), squares(stride);
    in_groups<DOT_SIDE>(0, n, [&](auto U, int64_t i) {
        for (int64_t c = 0; c < i + U; c += W * L) {
            Line<double> sum[U * W];
            unrolled<U * W>([&](auto w) { sum[w] = broadcast(0.0); });
            const auto add = [&](auto u, int64_t k) __attribute__((always_inline)) {
                const auto factor = broadcast(-l[row_start(i + u) + k]);
                unrolled<W>([&](auto w) __attribute__((always_inline)) { sum[u * W + w] = fma(factor, load(inverse + k * stride + c + w * L), sum[u * W + w]); });
            };
            for (int64_t k = c; k < i; ++k) unrolled<U>([&](auto u) __attribute__((always_inline)) { add(u, k); });
            unrolled<U>([&](auto u) __attribute__((always_inline)) {
                for (int64_t k = std::max(c, i); k < i + u; ++k) add(u, k);
                double* row = inverse + (i + u) * stride;
                const double scale = 1 / l[row_start(i + u) + i + u];
                unrolled<W>([&](auto w) { store(row + c + w * L, broadcast(scale) * sum[u * W + w]); });
                if (c <= i + u && i + u < c + W * L) row[i + u] = scale;
            });
        }
        for (int u = 0; u < U; ++u)
            for (int64_t c = 0; c <= i + u; c += L) {
                const auto line = load(inverse + (i + u) * stride + c);
                store(squares + c, fma(line, line, load(squares + c)));
            }
    });
    std::copy(static_cast<double*>(squares), squares + n, out);
}

}  // namespace shoal
