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

// The rows of a block. Nothing is copied: of each it is known where its numbers are.
template <class T>
class SparseRows {
  public:
    static constexpr int L = LANES<T>;

    SparseRows() = default;
    SparseRows(int n_units, int64_t n_panels) : n_units_(n_units), begins_(n_panels * L), ends_(n_panels * L) {}

    // Example r of the block is this row of all; without `present` its numbers are all 0.
    void gather(int64_t r, const Entries<T>& from, int64_t row, bool present) {
        from_ = from;
        begins_[r] = present ? from.starts[row] : 0;
        ends_[r] = present ? from.starts[row + 1] : 0;
    }

    // [1]: adds W1 X to panel p of Z, where `table` holds a line of weights for each column, of
    // units first, first + 1 …
    void add_to(T* z, int64_t p, int first, const T* table) const {
        alignas(LINE_BYTES) T sums[L * L], turned[L * L];
        for (int r = 0; r < L; ++r) {
            auto sum = broadcast(T(0));
            for (int64_t k = begins_[p * L + r]; k < ends_[p * L + r]; ++k)
                sum = fma(broadcast(from_.values[k]), load(table + int64_t(from_.columns[k]) * L), sum);
            store(sums + r * L, sum);
        }
        const T* row[L];
        for (int r = 0; r < L; ++r) row[r] = sums + r * L;
        transpose_rows(row, L, turned);
        for (int u = 0; u < std::min(L, n_units_ - first); ++u) store(z + (first + u) * L, load(z + (first + u) * L) + load(turned + u * L));
    }

    // [9]: dW for units first … last (whole lines of them), from all panels of dZ.
    void gradients(const T* dz, int64_t n_panels, int first, int last, T* dW, int n_x, Desk<T>& desk) const {
        in_tiles<LINES_AT_ONCE>(first / L, (last + L - 1) / L, [&](auto W, int line) { gradients_of_lines<W>(dz, n_panels, line * L, dW, n_x, desk); });
    }

  private:
    template <int W>
    void gradients_of_lines(const T* dz, int64_t n_panels, int first, T* dW, int n_x, Desk<T>& desk) const {
        const int last_units = std::min(L, n_units_ - first - (W - 1) * L);  // of the last of these lines
        turn_slopes<W>(dz, n_panels, n_units_, first, desk);
        dW += int64_t(first) * n_x;
        std::memset(static_cast<void*>(dW), 0, sizeof(T) * n_x * ((W - 1) * L + last_units));
        for (int64_t r = 0; r < n_panels * L; ++r) {
            const T* d = desk.slopes + r * (W * L);
            for (int64_t k = begins_[r]; k < ends_[r]; ++k) {
                const auto value = broadcast(from_.values[k]);
                unrolled<W>([&](auto w) __attribute__((always_inline)) {
                    const int units = w + 1 < W ? L : last_units;
                    T* own = dW + int64_t(w) * n_x * L + int64_t(from_.columns[k]) * units;
                    store_units(own, fma(value, load(d + w * L), load_units(own, units)), units);
                });
            }
        }
    }

    int n_units_ = 0;
    Entries<T> from_;
    Buffer<int64_t> begins_, ends_;
};

}  // namespace shoal
