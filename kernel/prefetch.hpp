// Prefetches the rows of the next step while this one computes.
#pragma once

#include "shape.hpp"

namespace shoal {

// Prefetches the cache lines in which n numbers lie, up to nine: a row that fills less than a line often begins in
// one and ends in the next. (Into L2, as L1 has too few places for lines that are being loaded.)
template <class U>
SHOAL_INLINE void prefetch_numbers(const U* numbers, int64_t n) {
    const char* at = reinterpret_cast<const char*>(numbers);
    asm volatile("");  // gcc takes a function that only prefetches for one without effect, and drops its calls
    const int64_t bytes = std::min<int64_t>(n * sizeof(U), 8 * LINE_BYTES);
    __builtin_prefetch(at, 0, 2), __builtin_prefetch(at + bytes - 1, 0, 2);
    for (int64_t i = LINE_BYTES; i < bytes - 1; i += LINE_BYTES) __builtin_prefetch(at + i, 0, 2);
}

// Prefetches a quarter of a panel's rows: a core can load some two dozen lines at once, and would wait
// for the rest of a larger request.
template <class T>
SHOAL_INLINE void prefetch(const Shape& shape, const Coding& coding, const Examples<T>& from, const Rows& rows, int64_t n, int64_t p, int quarter) {
    const int64_t first = p * LANES<T> + quarter * LANES<T> / 4;
    const int64_t n_numbers = coding.numbers(), groups = coding.groups(), binned = coding.binned();
    for (int64_t r = first; r < std::min(n, first + LANES<T> / 4); ++r) {
        const int64_t row = rows[r];
        if (from.entries) {
            const int64_t start = from.entries.starts[row], entries = from.entries.starts[row + 1] - start;
            prefetch_numbers(from.entries.values + start, entries), prefetch_numbers(from.entries.columns + start, entries);
        } else
            prefetch_numbers(from.X + row * n_numbers, n_numbers);
        if (from.codes) prefetch_numbers(from.codes + row * groups, groups);
        if (from.places) prefetch_numbers(from.places + row * binned, binned);
        __builtin_prefetch(from.labels ? static_cast<const void*>(from.labels + row) : from.Y + row * shape.n_y, 0, 2);
    }
}

}  // namespace shoal
