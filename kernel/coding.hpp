// Columns that are nearly all zeros and ones, without writing them out. A group of such
// columns comes from one column of a table; for each example one code, and for a number in a
// bin its place there, says what the whole group holds:
//
//   code c < bins         columns before c hold 1, column c holds the place, the others 0
//   bins ≤ c < columns    column c holds 1, the others 0      (a category, or a missing number)
//   c = columns           all hold 0                          (a category without a column)
//
// So [1] W1 X is, for each example, a sum of columns of W1 and of their running sums, and [9]
// dW1 = dZ1 Xᵀ adds the example's dZ1 to what it was summed from. Lanes are units here (see
// coded_layer.hpp), and stay apart; every sum has one order.
// Twin: Coded.dense in src/shoal/data/examples.py writes the columns out.
#pragma once

#include <stdexcept>
#include <vector>

#include "memory.hpp"

namespace shoal {

struct Group {
    int columns, bins;
};

// The columns of the layer's matrix in a table with a line for each: first the biases, then the
// numbers' columns, then the groups'. For each bin there is first the sum of the columns before it, then its
// own column; then the group's other columns, then a line of zeros.
class Coding {
  public:
    Coding() = default;
    explicit Coding(const std::vector<Group>& groups, int n_numbers = 0) : groups_(groups), n_numbers_(n_numbers), lines_(1 + n_numbers) {
        for (const Group& group : groups) {
            starts_.push_back(lines_), ends_.push_back(group.columns), bins_.push_back(group.bins);
            lines_ += group.columns + group.bins + 1;
            columns_ += group.columns;
            binned_ += group.bins > 0;
        }
        if (uint32_t(lines()) > UINT32_MAX / LINE_BYTES) throw std::length_error("too many columns of codes");
        int taken = 0;
        for (int g = 0; g < this->groups(); ++g) {
            const int own = groups[g].columns + groups[g].bins + 1;
            if (taken && taken + own > SPAN_LINES) spans_.push_back(g), taken = 0;
            taken += own;
        }
        spans_.push_back(this->groups());
    }

    int groups() const { return int(groups_.size()); }
    int binned() const { return binned_; }  // groups with bins: they come first
    int columns() const { return columns_; }
    int numbers() const { return n_numbers_; }
    int lines() const { return lines_ + 1; }  // there is one more after the last
    const Group& operator[](int group) const { return groups_[group]; }
    int line_of(int group, int code) const { return starts_[group] + code + std::min(code, bins_[group]); }

    // Groups come in spans, of which the tables of some lines of units stay in the first cache.
    int spans() const { return int(spans_.size()) - 1; }
    int span(int i) const { return spans_[i]; }  // its first group; and of the last one the end

    // For each code of an example where the table's line begins, in bytes, `apart` numbers from one to the next;
    // without codes those of zeros.
    void lines_of(const uint16_t* codes, uint32_t* line, int apart) const {
        const int32_t *start = starts_.data(), *end = ends_.data(), *bins = bins_.data();
        for (int g = 0, n = groups(); g < n; ++g, line += apart) {
            const int32_t code = codes ? std::min<int32_t>(codes[g], end[g]) : end[g];
            *line = LINE_BYTES * uint32_t(start[g] + code + std::min(code, bins[g]));
        }
    }

    // The table for a line of units, from their biases and their columns: `next` gives one after another.
    template <class T, class F>
    SHOAL_INLINE void spread(const Line<T>& bias, F&& next, T* table) const {
        constexpr int L = LANES<T>;
        const auto zero = broadcast(T(0));
        store(table, bias), table += L;
        for (int i = 0; i < n_numbers_; ++i, table += L) store(table, next());
        for (const auto [columns, bins] : groups_) {
            auto before = zero;
            for (int c = 0; c < bins; ++c, table += 2 * L) {
                const auto own = next();
                store(table, before), store(table + L, own);
                before = before + own;
            }
            for (int c = bins; c < columns; ++c, table += L) store(table, next());
            store(table, zero), table += L;
        }
        store(table, zero);
    }

  private:
    std::vector<Group> groups_;
    static constexpr int SPAN_LINES = 24576 / LINE_BYTES / TILE_LINES;

    std::vector<int32_t> starts_, ends_, bins_;
    std::vector<int> spans_{0};
    int n_numbers_ = 0, lines_ = 0, columns_ = 0, binned_ = 0;
};

// The address that many bytes after `start`. (Where a line begins is kept in bytes, so that it needs no arithmetic when it is
// loaded: the loops over codes have little else to do.)
template <class T>
SHOAL_INLINE T* offset(T* start, uint32_t bytes) {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return reinterpret_cast<T*>(reinterpret_cast<Byte*>(start) + bytes);
}

}  // namespace shoal
