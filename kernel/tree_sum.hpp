// A sum over examples, in one order: its terms are the sums of blocks of 512 consecutive rows, added in
// float64 along one fixed binary tree over the block number. The sum has the same bits whichever
// thread, process or machine computed the terms. Twin: src/shoal/sums.py.
#pragma once

#include "memory.hpp"

namespace shoal {

constexpr int BLOCK_ROWS = 512;  // fixes every bit of a sum: a change needs a new NUMERICS_VERSION

// The number of blocks of that many rows.
inline int64_t blocks_of(int64_t rows) { return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS; }

// Adds terms one after another as the tree does: neighbours first, then neighbours of
// these. It is a binary counter: level k holds the sum of an aligned run of 2ᵏ terms.
class TreeSum {
  public:
    static constexpr int LEVELS = 40;

    TreeSum() = default;
    // Room for `terms` terms of `size` numbers each.
    TreeSum(int64_t size, int64_t terms) : size_(size), carry_(size) {
        for (int k = 0; k < LEVELS && (int64_t(1) << k) <= terms; ++k) level_[k] = Buffer<double>(size);
    }

    void clear() { count_ = 0; }

    template <class T>
    void add(const T* term) {
        for (int64_t i = 0; i < size_; ++i) carry_[i] = double(term[i]);
        int k = 0;
        for (; count_ >> k & 1; ++k) join(level_[k]);
        std::memcpy(static_cast<double*>(level_[k]), static_cast<double*>(carry_), sizeof(double) * size_);
        ++count_;
    }

    // The sum of all terms so far; the runs that have no neighbour join from the last to the first.
    const double* total() {
        int k = 0;
        while (!(count_ >> k & 1)) ++k;
        std::memcpy(static_cast<double*>(carry_), static_cast<double*>(level_[k]), sizeof(double) * size_);
        for (++k; count_ >> k; ++k)
            if (count_ >> k & 1) join(level_[k]);
        return carry_;
    }

  private:
    void join(const double* earlier) {
        for (int64_t i = 0; i < size_; ++i) carry_[i] = earlier[i] + carry_[i];
    }

    int64_t size_ = 0, count_ = 0;
    Buffer<double> carry_, level_[LEVELS];
};

}  // namespace shoal
