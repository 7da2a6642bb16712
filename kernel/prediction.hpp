// The network's outputs for rows of X, block by block, in a team of threads.
#pragma once

#include <atomic>
#include <vector>

#include "equations.hpp"
#include "threads.hpp"
#include "tree_sum.hpp"

namespace shoal {

inline void store_minimum(std::atomic<int64_t>& least, int64_t row) {  // least := min(least, row); -1 is none
    for (int64_t seen = least; (seen < 0 || row < seen) && !least.compare_exchange_weak(seen, row);) {
    }
}

template <class T>
struct Wanted {
    T *Z1, *A1, *Z2, *A2;
};

// A network's parameters as predictions need them; those that are given must live as long.
template <class T>
struct Ready {
    Shape shape;
    KernelLayout<T> parameters;
    Tables<T> tables;

    Ready(const Shape& wanted, const T* given) : shape(wanted), parameters(shape, given), tables(shape) {
        if (!shape.groups.empty()) tables.take(parameters, 0, shape.n_units());
    }
};

// The numbers of the block that a thread will probably take next; none if it is not known.
template <class T>
struct Ahead {
    const T* X = nullptr;
    int64_t rows = 0;

    static Ahead of(const T* X, int n_numbers, int64_t first, int64_t m) { return first < m ? Ahead{X + first * n_numbers, m - first} : Ahead{}; }

    void prefetch(int64_t row, int64_t n_rows, int n_numbers) const {
        const char* next = reinterpret_cast<const char*>(X + row * n_numbers);
        for (size_t i = 0; row < rows && i < n_rows * n_numbers * sizeof(T); i += LINE_BYTES) __builtin_prefetch(next + i, 0, 2);
    }
};

// The rows of X of the block that begins at `start`. Returns the first row with a number that is not finite, or -1.
template <class T>
int64_t gather_block(const Examples<T>& from, int64_t m, int64_t start, Block<T>& block) {
    constexpr int L = LANES<T>;
    const int64_t here = std::min<int64_t>(BLOCK_ROWS, m - start);
    const Rows rows{nullptr, start};
    int64_t bad = -1;
    for (int64_t p = 0; p < block.panels(here); ++p) {
        block.gather_X(from, rows, here, p);
        if (const int r = block.first_not_finite(p); r >= 0 && bad < 0) bad = start + p * L + r;
    }
    return bad;
}

// A2 of the rows that the block holds, which begin at `start` of m, and where wanted Z1, A1 and Z2, all in the lecture's
// shapes, (units, m).
template <class T>
void answer_block(const Ready<T>& ready, int64_t m, int64_t start, const Wanted<T>& wanted, const Ahead<T>& ahead, Block<T>& block) {
    const Shape& shape = ready.shape;
    constexpr int L = LANES<T>;
    const int64_t n_panels = block.panels(std::min<int64_t>(BLOCK_ROWS, m - start));
    const auto copy = [&](const T* lines, int n, T* to, int64_t p) {
        const int64_t at = start + p * L, present = std::min<int64_t>(L, m - at);
        for (int k = 0; to && k < n; ++k)
            if (present == L)
                store_anywhere(to + k * m + at, load(lines + k * L));
            else
                store_some(to + k * m + at, load(lines + k * L), int(present));
    };
    const bool activated = block.coded() && shape.n_h && !wanted.Z1;
    block.coded() ? block.layer().weighted_inputs(ready.tables, 0, n_panels, activated) : block.weighted_inputs(ready.parameters, 0, n_panels);
    for (int64_t p = 0; p < n_panels && shape.n_h; ++p) {
        ahead.prefetch(p * L, L, shape.n_numbers());
        if (wanted.Z1) copy(block.hidden(p), shape.n_h, wanted.Z1, p);
        if (!activated) block.activate_hidden(p, p + 1);
        if (wanted.A1) copy(block.hidden(p), shape.n_h, wanted.A1, p);
    }
    block.weighted_activations(ready.parameters, ready.tables, 0, n_panels);
    for (int64_t p = 0; p < n_panels; ++p) {
        block.activate_output(p);
        copy(block.Z2(p), shape.n_y, wanted.Z2, p);
        copy(block.A2(p), shape.n_y, wanted.A2, p);
    }
}

// The same of all rows of X, in a team of threads.
template <class T>
int64_t predict(const Ready<T>& ready, const Examples<T>& from, int64_t m, const Wanted<T>& wanted, int team, Stop& stop) {
    std::atomic<int64_t> next{0}, bad{-1};
    std::vector<Block<T>> blocks;
    for (int t = 0; t < team; ++t) blocks.emplace_back(ready.shape, m, false);
    const auto work = [&](int t) {
        for (int64_t b; (b = next.fetch_add(1)) < blocks_of(m);) {
            if (t == 0 && b % 16 == 0) stop.poll();
            if (stop.requested()) return;
            const auto ahead = Ahead<T>::of(from.X, ready.shape.n_numbers(), (b + team) * BLOCK_ROWS, m);
            const int64_t start = b * BLOCK_ROWS, row = gather_block(from, m, start, blocks[t]);
            if (row >= 0) store_minimum(bad, row);
            answer_block(ready, m, start, wanted, ahead, blocks[t]);
        }
    };
    run_team(team, [](int) {}, work);
    return bad;
}

}  // namespace shoal
