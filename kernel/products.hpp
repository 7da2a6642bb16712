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

// c[u, v] += Σ A[u, outer, inner] · B[outer, inner] for U rows of A at once and V matrices B,
// `apart` numbers from one to the next, in registers.
template <int U, int V = 1, class T>
SHOAL_INLINE void accumulate(Line<T> (&c)[U * V], const T* a, Steps step, int64_t n_outer, int n_inner, const T* b, int64_t apart = 0) {
    for (int64_t outer = 0; outer < n_outer; ++outer, a += step.outer) {
        const T* scalar = a;
        for (int inner = 0; inner < n_inner; ++inner, b += LANES<T>, scalar += step.inner) {
            Line<T> line[V];
            unrolled<V>([&](auto v) __attribute__((always_inline)) { line[v] = load(b + v * apart); });
            unrolled<U>([&](auto u) __attribute__((always_inline)) {
                const auto factor = broadcast(scalar[u * step.row]);
                unrolled<V>([&](auto v) __attribute__((always_inline)) { c[u * V + v] = fma(factor, line[v], c[u * V + v]); });
            });
        }
    }
}

// Calls f(integral_constant U, first) so that the U's cover first … last: tiles of at most
// `most`, as equal as can be.
template <int most, class F>
SHOAL_INLINE void in_tiles(int first, int last, F&& f) {
    const int rows = last - first;
    int tiles = (rows + most - 1) / most;
    for (; tiles > 0; --tiles) {
        const int size = (last - first + tiles - 1) / tiles;
        [&]<int... u>(std::integer_sequence<int, u...>) {
            ((size == u + 1 ? f(std::integral_constant<int, u + 1>{}, first) : void()), ...);
        }(std::make_integer_sequence<int, most>{});
        first += size;
    }
}

// Calls f(integral_constant V, first) so that the V's cover first … last: groups of `most`, then
// one after another.
template <int most, class F>
SHOAL_INLINE void in_groups(int64_t first, int64_t last, F&& f) {
    for (; first + most <= last; first += most) f(std::integral_constant<int, most>{}, first);
    for (; most > 1 && first < last; ++first) f(std::integral_constant<int, 1>{}, first);
}

// C[i] = start[i] + Σ_k A[i, k] B[k] for rows 0 … n, in V panels at once; `start` may be null.
template <int V, class T>
void multiply(int n, int depth, const T* a, int64_t row_step, int64_t column_step, const T* start, const T* b, T* c) {
    in_tiles<std::min(TILE_ROWS, TILE_ROWS * TILE_LINES / V)>(0, n, [&](auto U, int i) {
        Line<T> sum[U * V];
        unrolled<U * V>([&](auto u) { sum[u] = broadcast(start ? start[i + u / V] : T(0)); });
        accumulate<U, V>(sum, a + i * row_step, {row_step, 0, column_step}, 1, depth, b, int64_t(depth) * LANES<T>);
        unrolled<U * V>([&](auto u) { store(c + (i + u / V + u % V * n) * LANES<T>, sum[u]); });
    });
}

// Strips are a line of features wide; the last one overlaps the one before, so that no
// lane is idle and no rest is left. What is computed twice has the same bits twice.
inline int strip_start(int i, int n_x, int lanes) { return std::min(i, n_x - lanes); }

// C[j, i] = Σ_r D[j, r] X[r, i] for rows first … last of D, which lies in panels of n rows.
// X lies in strips, each `strip` numbers long, one line an example; C lies by rows, c_row apart.
template <class T>
void correlate(int first, int last, int n, int64_t n_panels, const T* d, int n_x, const T* x, int64_t strip, T* c, int64_t c_row) {
    constexpr int L = LANES<T>;
    in_groups<TILE_LINES>(0, (n_x + L - 1) / L, [&](auto V, int i) {
        in_tiles<TILE_ROWS>(first, last, [&](auto U, int j) {
            Line<T> sum[U * V];
            unrolled<U * V>([&](auto u) { sum[u] = broadcast(T(0)); });
            accumulate<U, V>(sum, d + j * L, {L, int64_t(n) * L, 1}, n_panels, L, x + i * strip, strip);
            unrolled<U * V>([&](auto u) { store_anywhere(c + (j + u / V) * c_row + strip_start((i + u % V) * L, n_x, L), sum[u]); });
        });
    });
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
            unrolled<J>([&](auto u) __attribute__((always_inline)) {
                const auto line = load(at_d + u * L);
                unrolled<I>([&](auto k) { sum[u * I + k] = fma(line, lines[k], sum[u * I + k]); });
            });
        }
        unrolled<J * I>([&](auto u) { c[(j + u / I) * c_row + i + u % I] = sum_lanes(sum[u]); });
    };
    // (One row alone: four sums that do not wait for each other.)
    if (last_j - first_j == 1) return in_tiles<4>(first_i, last_i, [&](auto I, int i) { tile(std::integral_constant<int, 1>{}, I, first_j, i); });
    in_tiles<DOT_SIDE>(first_i, last_i, [&](auto I, int i) {
        in_tiles<DOT_SIDE>(first_j, last_j, [&](auto J, int j) { tile(J, I, j, i); });
    });
}

// c[j] = Σ_r D[j, r].
template <class T>
void sum_rows(int first, int last, int n, const T* d, int64_t n_panels, T* c) {
    in_tiles<TILE_ROWS>(first, last, [&](auto U, int j) {
        Line<T> sum[U];
        unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
        const T* line = d + j * LANES<T>;
        for (int64_t p = 0; p < n_panels; ++p, line += n * LANES<T>) unrolled<U>([&](auto u) { sum[u] = sum[u] + load(line + u * LANES<T>); });
        unrolled<U>([&](auto u) { c[j + u] = sum_lanes(sum[u]); });
    });
}

}  // namespace shoal
