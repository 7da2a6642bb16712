// How many threads a gradient is worth. The result does not depend on it.
#pragma once

#include "shape.hpp"
#include "tree_sum.hpp"

namespace shoal {

// The operations of a gradient, roughly.
inline double operations(const Shape& s, int64_t rows) {
    const Coding coding(s.groups);
    const int columns = s.n_x - coding.columns() + 2 * (s.entries ? s.entries : coding.groups());  // a sum costs like two products
    const double per_row = 4.0 * s.n_units() * columns + 6.0 * s.n_h * s.n_y + 40.0 * s.n_units();
    return per_row * double(rows);
}

// Threads pay from about 5 million operations on (a barrier costs a microsecond or two), and if they are far
// apart from four times as many.
constexpr double WORTH_A_TEAM = 5e6, WORTH_A_FAR_TEAM = 2e7;

template <class T>
int threads_worth(const Shape& s, int64_t rows, int available) {
    const double work = operations(s, rows);
    if (work < WORTH_A_TEAM) return 1;
    const int64_t units = s.groups.empty() ? s.n_units() : s.lines_of_units<T>();
    const int64_t parts = rows <= BLOCK_ROWS ? units : blocks_of(rows);
    const double worth = std::min({double(available), double(parts), 2 * work / WORTH_A_TEAM});
    return std::max(1, int(worth));
}

}  // namespace shoal
