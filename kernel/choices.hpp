// Keys, which rows are held out, and orders of rows: drawn by counting, once for all of a table.
// Twins: `hold_out` in src/shoal/data/rows/split.py, `child`, and `permutation` of `children`, in src/shoal/network/draws.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "random.hpp"

namespace shoal {

// A class of n rows of which a share is held out: each of as many equal cells of consecutive rows gives one.
class Cells {
  public:
    Cells(int64_t n, double fraction, uint64_t key, uint64_t label)
        : n_(n), share_(n > 1 ? std::clamp<int64_t>(int64_t(std::nearbyint(double(n) * fraction)), 1, n - 1) : 0), key_(key), label_(label) { draw(); }

    int64_t share() const { return share_; }

    // Whether the next row of the class is held out.
    bool next() {
        if (seen_++ != drawn_) return false;
        ++cell_, draw();
        return true;
    }

  private:
    int64_t begin(int64_t cell) const { return (cell * n_ + share_ - 1) / share_; }

    void draw() {
        drawn_ = -1;
        if (cell_ == share_) return;
        const uint64_t random = philox(key_, uint64_t(cell_), label_)[0];
        drawn_ = begin(cell_) + int64_t(random * uint64_t(begin(cell_ + 1) - begin(cell_)) >> 32);
    }

    int64_t n_, share_;
    uint64_t key_, label_;
    int64_t cell_ = 0, seen_ = 0, drawn_ = -1;
};

// Writes the rows that are kept, then those that are held out, and returns how many are kept; without labels all are of one class.
inline int64_t hold_out(double fraction, uint64_t key, const int32_t* labels, uint32_t* out, int64_t m) {
    std::vector<int64_t> sizes(1, labels ? 0 : m);
    for (int64_t i = 0; labels && i < m; ++i) {
        if (size_t(labels[i]) >= sizes.size()) sizes.resize(size_t(labels[i]) + 1);
        ++sizes[labels[i]];
    }
    std::vector<Cells> classes;
    int64_t kept = m;
    for (size_t label = 0; label < sizes.size(); ++label) {
        classes.emplace_back(sizes[label], fraction, key, label);
        kept -= classes.back().share();
    }
    uint32_t *next_kept = out, *next_held = out + kept;
    for (int64_t i = 0; i < m; ++i) *(classes[labels ? labels[i] : 0].next() ? next_held : next_kept)++ = uint32_t(i);
    return kept;
}

// The i-th 64-bit word of a stream.
inline uint64_t word(uint64_t key, uint64_t stream, uint64_t i) {
    const Philox four = philox(key, i / 2, stream);
    return uint64_t(four[i % 2 * 2]) << 32 | four[i % 2 * 2 + 1];
}

// A key of its own for member, split or purpose `index` of whatever has `key`.
inline uint64_t child(uint64_t key, uint64_t index) { return word(key, (uint64_t(1) << 63) + index, 0); }

// The rows 0 … m - 1 in a random order for each of n keys, the children of this one.
inline void shuffles(uint64_t key, int64_t* out, int64_t n, int64_t m) {
    std::vector<std::pair<uint64_t, int64_t>> rows(m);
    for (int64_t j = 0; j < n; ++j) {
        const uint64_t own = child(key, uint64_t(j));
        for (int64_t i = 0; i < m; ++i) rows[i] = {word(own, 0, uint64_t(i)), i};
        std::sort(rows.begin(), rows.end());
        for (int64_t i = 0; i < m; ++i) out[j * m + i] = rows[i].second;
    }
}

}  // namespace shoal
