// The matrix loops. A matrix of n rows by m examples lies in panels: panel p holds
// examples p·LANES … as n lines, one line a row, one lane an example.
//
//   multiply   C = A B            [1] [3] [8]   SIMD over examples, sum over B's rows
//   correlate  C = Σ D x          [9]           SIMD over features, sum over examples in order
//   dot        C = D Eᵀ           [6] [9]       SIMD over examples; the lanes are added last
//
// Every entry of C is one sum in one fixed order, whatever the tiling and the threads.
#pragma once

#include <algorithm>

#include "simd.hpp"

namespace shoal {

// Where the scalars of A lie that multiply the lines of B, which follow one another:
// A[row, outer, inner] is at row · row_step + outer · outer_step + inner · inner_step.
struct Steps {
    int64_t row, outer, inner;
};

// c[u] += Σ A[u, outer, inner] · B[outer, inner] for U rows at once, in registers.
template <int U, class T>
SHOAL_INLINE void accumulate(Line<T> (&c)[U], const T* a, Steps step, int64_t n_outer, int n_inner, const T* b) {
    for (int64_t outer = 0; outer < n_outer; ++outer, a += step.outer) {
        const T* scalar = a;
        for (int inner = 0; inner < n_inner; ++inner, b += LANES<T>, scalar += step.inner) {
            const auto line = load(b);
            unrolled<U>([&](auto u) { c[u] = fma(broadcast(scalar[u * step.row]), line, c[u]); });
        }
    }
}

// Calls f(integral_constant U, first) so that the U's cover first … last: tiles as equal as can be.
template <class F>
SHOAL_INLINE void in_tiles(int first, int last, F&& f) {
    const int rows = last - first;
    int tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (; tiles > 0; --tiles) {
        const int size = (last - first + tiles - 1) / tiles;
        [&]<int... u>(std::integer_sequence<int, u...>) {
            ((size == u + 1 ? f(std::integral_constant<int, u + 1>{}, first) : void()), ...);
        }(std::make_integer_sequence<int, TILE_ROWS>{});
        first += size;
    }
}

// One panel: C[i] = start[i] + Σ_k A[i, k] B[k] for rows 0 … n; `start` may be null.
template <class T>
void multiply(int n, int depth, const T* a, int64_t row_step, int64_t column_step, const T* start, const T* b, T* c) {
    in_tiles(0, n, [&](auto U, int i) {
        Line<T> sum[U];
        unrolled<U>([&](auto u) { sum[u] = broadcast(start ? start[i + u] : T(0)); });
        accumulate<U>(sum, a + i * row_step, {row_step, 0, column_step}, 1, depth, b);
        unrolled<U>([&](auto u) { store(c + (i + u) * LANES<T>, sum[u]); });
    });
}

// C[j, i] = Σ_r D[j, r] X[r, i] for rows first … last of D. D lies in panels of n rows; X in
// strips of LANES features, each `strip` numbers long, one line an example; C by rows.
template <class T>
void correlate(int first, int last, int n, int64_t n_panels, const T* d, int n_x, const T* x, int64_t strip, T* c) {
    constexpr int lanes = LANES<T>;
    for (int i = 0; i < n_x; i += lanes, x += strip) {
        in_tiles(first, last, [&](auto U, int j) {
            Line<T> sum[U];
            unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
            accumulate<U>(sum, d + j * lanes, {lanes, int64_t(n) * lanes, 1}, n_panels, lanes, x);
            unrolled<U>([&](auto u) {
                T* row = c + int64_t(j + u) * n_x + i;
                if (n_x - i >= lanes)
                    store_anywhere(row, sum[u]);
                else
                    store_some(row, sum[u], n_x - i);
            });
        });
    }
}

// C[j, i] = Σ_r D[j, r] E[i, r], rows first_j … last_j of D by first_i … last_i of E.
template <class T>
void dot(int first_j, int last_j, int n_d, const T* d, int first_i, int last_i, int n_e, const T* e, int64_t n_panels, T* c, int64_t c_row) {
    constexpr int lanes = LANES<T>;
    constexpr int W = 4;
    for (int j = first_j; j < last_j; ++j) {
        const auto rows_of_e = [&](auto U, int i) {
            Line<T> sum[U];
            unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
            const T *pd = d + j * lanes, *pe = e + i * lanes;
            for (int64_t p = 0; p < n_panels; ++p, pd += n_d * lanes, pe += n_e * lanes) {
                const auto line = load(pd);
                unrolled<U>([&](auto u) { sum[u] = fma(line, load(pe + u * lanes), sum[u]); });
            }
            unrolled<U>([&](auto u) { c[j * c_row + i + u] = sum_lanes(sum[u]); });
        };
        int i = first_i;
        for (; i + W <= last_i; i += W) rows_of_e(std::integral_constant<int, W>{}, i);
        for (; i < last_i; ++i) rows_of_e(std::integral_constant<int, 1>{}, i);
    }
}

// c[j] = Σ_r D[j, r].
template <class T>
void sum_rows(int first, int last, int n, const T* d, int64_t n_panels, T* c) {
    for (int j = first; j < last; ++j) {
        auto sum = broadcast(T(0));
        const T* line = d + j * LANES<T>;
        for (int64_t p = 0; p < n_panels; ++p, line += n * LANES<T>) sum = sum + load(line);
        c[j] = sum_lanes(sum);
    }
}

}  // namespace shoal
