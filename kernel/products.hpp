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

// Strips are a line of features wide; the last one overlaps the one before, so that no
// lane is idle and no rest is left. What is computed twice has the same bits twice.
inline int strip_start(int i, int n_x, int lanes) { return std::min(i, n_x - lanes); }

// C[j, i] = Σ_r D[j, r] X[r, i] for rows first … last of D, which lies in panels of n rows.
// X lies in strips, each `strip` numbers long, one line an example; C lies by rows.
template <class T>
void correlate(int first, int last, int n, int64_t n_panels, const T* d, int n_x, const T* x, int64_t strip, T* c) {
    constexpr int L = LANES<T>;
    for (int i = 0; i < n_x; i += L, x += strip) {
        in_tiles(first, last, [&](auto U, int j) {
            Line<T> sum[U];
            unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
            accumulate<U>(sum, d + j * L, {L, int64_t(n) * L, 1}, n_panels, L, x);
            unrolled<U>([&](auto u) { store_anywhere(c + int64_t(j + u) * n_x + strip_start(i, n_x, L), sum[u]); });
        });
    }
}

// C[j, i] = Σ_r D[j, r] E[i, r], rows first_j … last_j of D by first_i … last_i of E; both lie
// in panels, of n_d and n_e rows.
template <class T>
void dot(int first_j, int last_j, int n_d, const T* d, int first_i, int last_i, int n_e, const T* e, int64_t n_panels, T* c, int64_t c_row) {
    constexpr int L = LANES<T>;
    const auto tile = [&](auto J, auto I, int j, int i) {
        Line<T> sum[J * I];
        unrolled<J * I>([&](auto u) { sum[u] = broadcast(T(0)); });
        const T *at_d = d + j * L, *at_e = e + i * L;
        for (int64_t p = 0; p < n_panels; ++p, at_d += n_d * L, at_e += n_e * L) {
            Line<T> lines[I];
            unrolled<I>([&](auto k) { lines[k] = load(at_e + k * L); });
            unrolled<J>([&](auto u) {
                const auto line = load(at_d + u * L);
                unrolled<I>([&](auto k) { sum[u * I + k] = fma(line, lines[k], sum[u * I + k]); });
            });
        }
        unrolled<J * I>([&](auto u) { c[(j + u / I) * c_row + i + u % I] = sum_lanes(sum[u]); });
    };
    constexpr std::integral_constant<int, 1> one;
    constexpr std::integral_constant<int, 2> two;
    const auto row_of_tiles = [&](auto J, int j) {
        int i = first_i;
        for (; i + 2 <= last_i; i += 2) tile(J, two, j, i);
        if (i < last_i) tile(J, one, j, i);
    };
    int j = first_j;
    for (; j + 2 <= last_j; j += 2) row_of_tiles(two, j);
    if (j < last_j) row_of_tiles(one, j);
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
