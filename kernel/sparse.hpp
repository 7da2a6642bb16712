// Rows of which only the numbers that are not 0 are given: columns and values, row by row.
//
// All columns of the table are one group without bins (see codes.hpp), so [1] W1 X adds to each
// example the columns of W1 times its values, and [9] dW1 = dZ1 Xᵀ adds the example's dZ1 times
// its values to these columns. Lanes are units, and stay apart; sums go over a row's numbers in
// the order in which they are given, and over the examples in theirs.
// Twin: Sparse.dense in src/shoal/data/sparse.py writes the zeros out.
#pragma once

#include "codes.hpp"

namespace shoal {

template <class T>
struct Entries {  // of all rows
    const int64_t* starts = nullptr;  // (rows + 1,): where each row's numbers begin, and the end
    const uint32_t* columns = nullptr;
    const T* values = nullptr;
    explicit operator bool() const { return starts; }
};

// The rows of a block. Nothing is copied: for each there are pointers to its numbers.
template <class T>
class SparseRows {
  public:
    static constexpr int L = LANES<T>;

    SparseRows() = default;
    explicit SparseRows(int64_t rows) : rows_(rows) {}

    // Example r of the block is this row of all; without `present` its numbers are all 0.
    void gather(int64_t r, const Entries<T>& from, int64_t row, bool present) {
        const int64_t start = present ? from.starts[row] : 0;
        rows_[r] = {from.columns + start, from.values + start, present ? from.starts[row + 1] - start : 0};
    }

    // [1] for some units, of which `table` holds the biases and the weights: Z of R examples from r on, and
    // g of it.
    template <int R, class G>
    void weighted_inputs(const T* table, int64_t r, T* a, const G& g) const {
        for (int64_t i = r; i < r + R; ++i, a += L) {
            const Row& row = rows_[i];
            auto sum = load(table);
            for (int64_t k = 0; k < row.n; ++k) sum = fma(broadcast(row.values[k]), load(table + (1 + int64_t(row.columns[k])) * L), sum);
            store(a, g(sum));
        }
    }

    // [9]: dW for some units, from their dZ of the first `rows` rows.
    void gradients(const T* dz, int64_t rows, int n_x, int units, T* dW) const {
        std::memset(static_cast<void*>(dW), 0, sizeof(T) * n_x * units);
        for (int64_t r = 0; r < rows; ++r) {
            const Row& row = rows_[r];
            const auto slope = load(dz + r * L);
            for (int64_t k = 0; k < row.n; ++k) {
                T* own = dW + int64_t(row.columns[k]) * units;
                store_lanes(own, fma(broadcast(row.values[k]), slope, load_lanes(own, units)), units);
            }
        }
    }

  private:
    struct Row {
        const uint32_t* columns;
        const T* values;
        int64_t n;
    };
    Buffer<Row> rows_;
};

}  // namespace shoal
