// Gradients, loss and weight of any number of rows: the sums of their blocks, added along one tree
// (see tree_sum.hpp) in float64, then rounded to the working precision. Step divides them by m, once.
// Twin: `sums` in src/shoal/compute/plain.py.
#pragma once

#include <atomic>
#include <vector>

#include "equations.hpp"
#include "prefetch.hpp"
#include "threads.hpp"
#include "tree_sum.hpp"

namespace shoal {

// The sums over any number of rows: gradients, loss and weight. A team of threads calls
// `compute` together; no bit of the result depends on which member did what.
template <class T>
class Sums {
  public:
    Sums(const Shape& shape, int64_t rows, int team, bool with_gradients)
        // clang-format off
        : shape_(shape), coding_(shape.groups, shape.n_numbers()), with_gradients_(with_gradients), team_(team), size_(with_gradients ? shape.size() : 0),
          sums_(size_), exact_(size_ + 2), barrier_(team), tables_(shape) {
        // clang-format on
        const int64_t n_blocks = blocks_of(rows);
        for (int t = 0; t < team; ++t) sorted_.emplace_back(shape.entries ? Coding() : coding_, std::min<int64_t>(Block<T>::panels(rows) * LANES<T>, BLOCK_ROWS));
        if (n_blocks <= 1) {  // the team works on one block together
            blocks_.emplace_back(shape, rows, true);
            return;
        }
        // A task is an aligned run of 2ᵏ blocks, that is a subtree; enough of them to share out.
        while ((n_blocks >> run_) > std::max<int64_t>(32, 8 * team)) ++run_;
        for (int t = 0; t < team; ++t) {
            blocks_.emplace_back(shape, rows, true);
            trees_.emplace_back(size_ + 2, int64_t(1) << run_);
            terms_.emplace_back(size_ + 2);
        }
        const int64_t most = tasks(n_blocks);
        results_ = Buffer<double>(most * (size_ + 2));
        root_ = TreeSum(size_ + 2, most);
    }

    // The units of member t: with coded columns whole lines of them.
    Share units(int t) const {
        if (shape_.groups.empty()) return Share(shape_.n_units(), t, team_);
        Share mine(shape_.lines_of_units<T>(), t, team_);
        mine.first *= LANES<T>, mine.last = std::min<int64_t>(mine.last * LANES<T>, shape_.n_units());
        return mine;
    }

    // To be called once, before the first `compute` with dropout.
    void allow_dropout(double share) {
        for (auto& block : blocks_) block.allow_dropout(share);
    }

    // To be called for all units when parameters are new, with a barrier after it.
    void take(const Share& units, const T* parameters) {
        if (!shape_.groups.empty()) tables_.take(parameters, int(units.first), int(units.last));
    }

    // The same for the line of units from that one on; `next` gives their columns.
    template <class F>
    SHOAL_INLINE void take_line(int64_t unit, const T* parameters, F&& next) {
        tables_.take_line(parameters, int(unit), next);
    }

    // Member t's part. Afterwards `sums` is complete for the member's own units, and the loss
    // and the weight for member 0. False when stopped before the end.
    // Meanwhile it prefetches the rows that are `next`. `again` means that the rows are those
    // of the last call: a single block then still holds them.
    bool compute(int t, const T* parameters, const Examples<T>& from, Rows rows, int64_t n, Rows next, int64_t n_next, bool again, const Dropout& dropout, Stop& stop) {
        if (n > BLOCK_ROWS) return many_blocks(t, parameters, from, rows, n, dropout, stop);
        one_block_together(t, parameters, from, rows, n, next, n_next, again, dropout);
        return true;
    }

    const T* sums() const { return sums_; }  // in the working precision and the kernel's layout
    double loss() const { return exact_[size_]; }
    double weight(int64_t n, int t) const {
        return n > BLOCK_ROWS || t == 0 ? exact_[size_ + 1] : double(blocks_[0].weight(blocks_[0].panels(n)));
    }
    Barrier& barrier() { return barrier_; }

    // Fewer or more members from here on (see Barrier): no bit of the result depends on it.
    void set_team(int team) { team_ = team, barrier_.set_team(team); }

    // The gradient, where it was wanted, the loss and the weight, in the caller's layout.
    void write(int64_t rows, double* out) {
        for (int64_t i = 0; rows <= BLOCK_ROWS && i < size_; ++i) exact_[i] = double(sums_[i]);
        std::memcpy(out, static_cast<double*>(exact_), sizeof(double) * (size_ + 2));
        if (size_ && blocks_[0].coded()) turn<true, LANES<T>>(shape_.n_units(), shape_.n_x, exact_ + shape_.first_layer(), out + shape_.first_layer());
    }

  private:
    int64_t tasks(int64_t n_blocks) const { return (n_blocks + (int64_t(1) << run_) - 1) >> run_; }

    // Panels first … last of a block. Equation after equation over all of them, as a panel's
    // own equations would wait for each other.
    void panels(Block<T>& block, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again, const Dropout& dropout) {
        if (block.coded())
            coded_layer(block, from, rows, n, mine, next, n_next, again);
        else
            first_layer(block, parameters, from, rows, n, mine, next, n_next, again);
        for (int64_t p = mine.first; dropout && p < mine.last; ++p) block.drop(dropout, rows.first + p * LANES<T>, p);
        block.weighted_activations(parameters, tables_, mine.first, mine.last);
        for (int64_t p = mine.first; p < mine.last; ++p) block.activate_output_with_loss(p);
        if (with_gradients_)
            for (int64_t p = mine.first; p < mine.last; ++p) block.backward(parameters, p);
    }

    void first_layer(Block<T>& block, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again) {
        const int64_t together = again ? mine.last - mine.first : TILE_LINES;
        for (int64_t first = mine.first, last; first < mine.last; first = last) {
            last = std::min(first + together, mine.last);
            for (int64_t p = first; !again && p < last; ++p) {
                prefetch(shape_, coding_, from, next, n_next, p, 0);
                block.gather_X(from, rows, n, p), block.gather_Y(from, rows, n, p);
            }
            block.weighted_inputs(parameters, first, last);
            if (again) block.activate_hidden(first, last);
            for (int64_t p = first; !again && p < last; ++p)
                for (int third = 0; third < 3; ++third) {
                    prefetch(shape_, coding_, from, next, n_next, p, 1 + third);
                    block.activate_hidden(p, p + 1, third, 3);
                }
        }
    }

    // A step on coded columns touches more than L2 holds, so its rows are prefetched a second time.
    void coded_layer(Block<T>& block, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again) {
        constexpr int NEAR = 4;  // panels ahead
        const auto ask = [&](const Rows& which, int64_t n_which, int64_t p) {
            for (int quarter = 0; quarter < 4; ++quarter) prefetch(shape_, coding_, from, which, n_which, p, quarter);
        };
        for (int64_t p = mine.first; !again && p < mine.first + NEAR; ++p) ask(rows, n, p);
        for (int64_t p = mine.first; !again && p < mine.last; ++p) {
            ask(next, n_next, p), ask(rows, n, p + NEAR);
            block.gather_X(from, rows, n, p), block.gather_Y(from, rows, n, p);
        }
        block.layer().weighted_inputs(tables_, mine.first, mine.last, shape_.n_h > 0);
    }

    void one_block_together(int t, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Rows& next, int64_t n_next, bool again, const Dropout& dropout) {
        Block<T>& block = blocks_[0];
        const int64_t n_panels = block.panels(n);
        const Share mine = units(t);
        panels(block, parameters, from, rows, n, Share(n_panels, t, team_), next, n_next, again, dropout);
        barrier_.wait();
        if (with_gradients_) block.gradients(tables_, n_panels, int(mine.first), int(mine.last), t == 0, sums_, sorted_[t]);
        if (t > 0) return;
        exact_[size_] = double(block.loss(n_panels));
        exact_[size_ + 1] = double(block.weight(n_panels));
    }

    bool many_blocks(int t, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Dropout& dropout, Stop& stop) {
        const int64_t n_blocks = blocks_of(n), n_tasks = tasks(n_blocks);
        Block<T>& block = blocks_[t];
        TreeSum& tree = trees_[t];
        T* term = terms_[t];
        for (int64_t task; (task = next_task_.fetch_add(1)) < n_tasks;) {
            tree.clear();
            const int64_t end = std::min(n_blocks, (task + 1) << run_);
            for (int64_t b = task << run_; b < end && !stop.requested(); ++b) {
                const Rows mine{rows.index, rows.first + b * BLOCK_ROWS}, next{rows.index, mine.first + BLOCK_ROWS};
                const auto rows_from = [&](int64_t block) { return std::clamp<int64_t>(n - block * BLOCK_ROWS, 0, BLOCK_ROWS); };
                const int64_t n_panels = block.panels(rows_from(b));
                panels(block, parameters, from, mine, rows_from(b), Share(n_panels, 0, 1), next, rows_from(b + 1), false, dropout);
                if (with_gradients_) block.gradients(tables_, n_panels, 0, shape_.n_units(), true, term, sorted_[t]);
                term[size_] = block.loss(n_panels);
                term[size_ + 1] = block.weight(n_panels);
                tree.add(static_cast<const T*>(term));
                if (t == 0) stop.poll();
            }
            if (stop.requested()) break;
            std::memcpy(results_ + task * (size_ + 2), tree.total(), sizeof(double) * (size_ + 2));
        }
        barrier_.wait();
        if (t == 0) {
            next_task_ = 0;
            complete_ = !stop.requested();
            if (complete_) add_results(n_tasks);
        }
        barrier_.wait();
        return complete_;
    }

    void add_results(int64_t n_tasks) {
        root_.clear();
        for (int64_t task = 0; task < n_tasks; ++task) root_.add(static_cast<const double*>(results_) + task * (size_ + 2));
        std::memcpy(static_cast<double*>(exact_), root_.total(), sizeof(double) * (size_ + 2));
        for (int64_t i = 0; i < size_; ++i) sums_[i] = T(exact_[i]);
    }

    Shape shape_;
    Coding coding_;
    bool with_gradients_;
    int team_, run_ = 0;
    int64_t size_;
    Buffer<T> sums_;
    Buffer<double> exact_;
    Barrier barrier_;
    Tables<T> tables_;
    std::vector<Sorted<T>> sorted_;
    std::vector<Block<T>> blocks_;
    std::vector<TreeSum> trees_;
    std::vector<Buffer<T>> terms_;
    Buffer<double> results_;
    TreeSum root_;
    std::atomic<int64_t> next_task_{0};
    bool complete_ = true;
};

}  // namespace shoal
