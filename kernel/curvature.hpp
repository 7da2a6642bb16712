// The Gauss–Newton matrix of any number of rows: JᵀΛJ, where a row of J is ∂Z2/∂θ of one output of one example
// and Λ the second derivative of the loss by Z2. Beside it the gradient, the loss and the weight.
//
//   ã (A1, 1)   x̃ (X, 1)   p  A2   λ  w, w p (1 - p) or w p for identity, sigmoid, and softmax or poisson
//   u[k, j]  = W2[k, j] g'(Z1[j])            ∂Z2[k] / ∂Z1[j]; for softmax less its mean Σ p u over the outputs
//   hidden layer by itself      Σ λ u[k, j] u[k, j'] · x̃[i] x̃[i']
//   output layer by hidden      Σ λ u[k, j] ã[j'] · x̃[i]
//   output layer by itself      Σ Λ[k, k'] · ã[j] ã[j'],   Λ diagonal; for softmax w (diag p - p pᵀ)
//
// Each of the three is a product of two matrices whose columns are the examples. As x̃ x̃ᵀ is symmetric, the first
// has a quarter of the products of JᵀJ, for any number of outputs. In the result a block of 512 rows is one term of
// the tree. The triangle lies packed by rows: entry (p, q), q ≤ p, is at p (p + 1) / 2 + q.
// Twin: `curvature` in src/shoal/compute/plain.py.
#pragma once

#include <utility>
#include <vector>

#include "equations.hpp"
#include "threads.hpp"

namespace shoal {

class Curvature {
  public:
    using T = double;
    static constexpr int L = LANES<T>;

    Curvature(const Shape& shape, int64_t rows, int team)
        : shape_(shape), n_blocks_(blocks_of(rows)), barrier_(team), team_(team), block_(shape, rows, true), tables_(shape),
          hidden_pairs_(pairs(shape.n_h)), input_pairs_(pairs(shape.n_x + 1)), output_pairs_(of_outputs(shape)),
          activation_pairs_(pairs(shape.n_in() + 1)), term_of_many_(blocks_of(rows) > 1 ? size(shape) : 0) {
        const int64_t lines = block_.panels(std::min<int64_t>(rows, BLOCK_ROWS));
        lambda_ = Buffer<T>(lines * shape.n_y * L), slope_ = Buffer<T>(lines * shape.n_h * L);
        u_ = Buffer<T>(lines * shape.n_y * shape.n_h * L), weighted_ = Buffer<T>(lines * shape.n_y * shape.n_h * L);
        for (int t = 0; t < team; ++t) workers_.emplace_back(lines), sorted_.emplace_back(Coding(shape.groups), 1);
        set_team(team);
    }

    static int64_t triangle(const Shape& shape) { return shape.size() * (shape.size() + 1) / 2; }
    static int64_t size(const Shape& shape) { return triangle(shape) + shape.size() + 2; }

    // Fewer or more members: no bit of the result depends on it.
    void set_team(int team) {
        team_ = team, barrier_.set_team(team);
        trees_.clear();
        for (int t = 0; t < team && n_blocks_ > 1; ++t) trees_.emplace_back(slice(t).last - slice(t).first, n_blocks_);
    }

    // Member t's part of all rows; false when stopped before the end. `again` means that the rows are those of the last
    // call: a single block then still holds them.
    bool compute(int t, const T* parameters, const Examples<T>& from, Rows rows, int64_t n, double* out, bool again, Stop& stop) {
        const Share mine = slice(t);
        if (n_blocks_ > 1) trees_[t].clear();
        if (t == 0) term_ = n_blocks_ > 1 ? static_cast<T*>(term_of_many_) : out;
        if (n_blocks_ == 1) std::memset(out + mine.first, 0, sizeof(T) * (mine.last - mine.first));
        for (int64_t b = 0; b < n_blocks_; ++b, rows.first += BLOCK_ROWS) {
            one_block(t, parameters, from, rows, std::min<int64_t>(BLOCK_ROWS, n - b * BLOCK_ROWS), again && n_blocks_ == 1);
            if (t == 0) stopped_ = stop.poll();
            barrier_.wait();
            if (stopped_) return false;
            if (n_blocks_ > 1) trees_[t].add(static_cast<const T*>(term_) + mine.first);
        }
        if (n_blocks_ > 1) std::memcpy(out + mine.first, trees_[t].total(), sizeof(double) * (mine.last - mine.first));
        return true;
    }

  private:
    using Pair = std::pair<int, int>;
    static constexpr int WIDE = 64, HIGH = 32;  // lines of the two factors that are made at a time: they stay in L2

    struct Worker {  // what a member needs for itself
        explicit Worker(int64_t panels) : high(panels * (HIGH + 1) * L), wide(panels * (WIDE + 1) * L), product(HIGH * WIDE) {}
        Buffer<T> high, wide, product;
    };

    static std::vector<Pair> pairs(int n) {
        std::vector<Pair> all;
        for (int a = 0; a < n; ++a)
            for (int b = 0; b <= a; ++b) all.emplace_back(a, b);
        return all;
    }

    static std::vector<Pair> of_outputs(const Shape& shape) {
        if (shape.sigma == Output::softmax) return pairs(shape.n_y);
        std::vector<Pair> diagonal;
        for (int k = 0; k < shape.n_y; ++k) diagonal.emplace_back(k, k);
        return diagonal;
    }

    Share slice(int t) const { return Share(size(shape_), t, team_); }

    // The sums of one block become the term.
    void one_block(int t, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, bool again) {
        const int64_t n_panels = block_.panels(n);
        const Share mine(n_panels, t, team_), units(shape_.n_units(), t, team_);
        for (int64_t p = mine.first; !again && p < mine.last; ++p) block_.gather_X(from, rows, n, p), block_.gather_Y(from, rows, n, p);
        block_.weighted_inputs(parameters, mine.first, mine.last);
        block_.activate_hidden(mine.first, mine.last);
        block_.weighted_activations(parameters, tables_, mine.first, mine.last);
        for (int64_t p = mine.first; p < mine.last; ++p) {
            block_.activate_output_with_loss(p);
            block_.backward(parameters, p);
            curve(parameters, p);
        }
        barrier_.wait();
        T* gradient = term_ + triangle(shape_);
        block_.gradients(tables_, n_panels, int(units.first), int(units.last), t == 0, gradient, sorted_[t]);
        if (t == 0) gradient[shape_.size()] = block_.loss(n_panels), gradient[shape_.size() + 1] = block_.weight(n_panels);
        products(t, n_panels);
    }

    // λ, and u with its multiples, for the examples of panel p.
    void curve(const T* parameters, int64_t p) {
        const int n_y = shape_.n_y, n_h = shape_.n_h;
        const auto w = load(block_.weights(p)), one = broadcast(T(1));
        T *lambda = lambda_ + p * n_y * L, *slope = slope_ + p * n_h * L;
        for (int k = 0; k < n_y; ++k) {
            const auto A2 = load(block_.A2(p) + k * L);
            const auto curved = shape_.sigma == Output::identity ? one : shape_.sigma == Output::sigmoid ? A2 * (one - A2)
                                                                                                         : A2;
            store(lambda + k * L, w * curved);
        }
        each_slope(shape_.g, block_.A1(p), T(1), n_h, [&](int j, auto g) { store(slope + j * L, g); });
        T *u = u_ + p * n_y * n_h * L, *weighted = weighted_ + p * n_y * n_h * L;
        for (int j = 0; j < n_h; ++j) {
            auto mean = broadcast(T(0));
            for (int k = 0; k < n_y && shape_.sigma == Output::softmax; ++k) mean = fma(load(block_.A2(p) + k * L), broadcast(W2(parameters, k, j)), mean);
            for (int k = 0; k < n_y; ++k) {
                const auto through = (broadcast(W2(parameters, k, j)) - mean) * load(slope + j * L);
                store(u + (k * n_h + j) * L, through);
                store(weighted + (k * n_h + j) * L, load(lambda + k * L) * through);
            }
        }
    }

    // Member t's share of the triangle.
    void products(int t, int64_t n_panels) {
        const int n_x = shape_.n_x, n_h = shape_.n_h, n_y = shape_.n_y, n_in = shape_.n_in();
        const auto x = [&](int i, int64_t p) { return i < n_x ? load(block_.X(p) + i * L) : broadcast(T(1)); };
        const auto a = [&](int j, int64_t p) { return j < n_in ? load((n_h ? block_.A1(p) : block_.X(p)) + j * L) : broadcast(T(1)); };
        const auto hidden = [&](int j, int i) { return i < n_x ? shape_.W1() + int64_t(j) * n_x + i : shape_.b1() + j; };
        const auto output = [&](int k, int j) { return j < n_in ? shape_.W2() + int64_t(k) * n_in + j : shape_.b2() + k; };
        const auto through = [&](const T* of, int k, int j, int64_t p) { return load(of + ((p * n_y + k) * n_h + j) * L); };
        const auto pair_of_hidden = [&](int pair, int64_t p) {
            const auto [j, l] = hidden_pairs_[pair];
            auto sum = broadcast(T(0));
            for (int k = 0; k < n_y; ++k) sum = fma(through(weighted_, k, j, p), through(u_, k, l, p), sum);
            return sum;
        };
        const auto pair_of_inputs = [&](int pair, int64_t p) { return x(input_pairs_[pair].first, p) * x(input_pairs_[pair].second, p); };
        const auto pair_of_activations = [&](int pair, int64_t p) { return a(activation_pairs_[pair].first, p) * a(activation_pairs_[pair].second, p); };
        const auto pair_of_outputs = [&](int pair, int64_t p) {
            const auto [k, l] = output_pairs_[pair];
            const auto lambda = load(lambda_ + (p * n_y + k) * L), A2 = load(block_.A2(p) + l * L);
            if (shape_.sigma != Output::softmax) return lambda;
            return k == l ? lambda * (broadcast(T(1)) - A2) : (broadcast(T(0)) - lambda) * A2;
        };
        // A line of (k, j, j'): of every hidden unit, all activations and the 1, for output after output.
        const auto crossing = [&](int line, int64_t p) { return through(weighted_, line / ((n_in + 1) * n_h), line / (n_in + 1) % n_h, p) * a(line % (n_in + 1), p); };

        in_parts(t, n_panels, int(hidden_pairs_.size()), pair_of_hidden, int(input_pairs_.size()), pair_of_inputs, [&](int d, int e, int n, const T* values) {
            spread(hidden_pairs_[d], input_pairs_.data() + e, hidden, n_x, n, values);
        });
        in_parts(t, n_panels, n_y * n_h * (n_in + 1), crossing, n_x + 1, x, [&](int d, int e, int n, const T* values) {
            T* row = term_ + row_start(output(d / ((n_in + 1) * n_h), d % (n_in + 1)));
            const int unit = d / (n_in + 1) % n_h, weights = n - (e + n > n_x);
            std::copy(values, values + weights, row + hidden(unit, e));
            if (weights < n) row[hidden(unit, n_x)] = values[weights];
        });
        in_parts(t, n_panels, int(output_pairs_.size()), pair_of_outputs, int(activation_pairs_.size()), pair_of_activations, [&](int d, int e, int n, const T* values) {
            spread(output_pairs_[d], activation_pairs_.data() + e, output, n_in, n, values);
        });
    }

    // put_row(d, e, n, Σ high[d] wide[e …]) for all lines of the two factors, some at a time, by turns of the members.
    template <class High, class Wide, class Put>
    void in_parts(int t, int64_t n_panels, int n_high, High&& high, int n_wide, Wide&& wide, Put&& put_row) {
        if (!n_high) return;
        Worker& mine = workers_[t];
        for (int e = 0, filled = -1; e < n_wide; e += WIDE) {
            const int n_e = std::min(WIDE, n_wide - e);
            fill(mine.wide, n_panels, e, n_e, wide);
            for (int d = t * HIGH; d < n_high; d += team_ * HIGH) {
                const int n_d = std::min(HIGH, n_high - d);
                if (d != filled) fill(mine.high, n_panels, filled = d, n_d, high);
                dot<T>(0, n_d, n_d | 1, mine.high, 0, n_e, n_e | 1, mine.wide, n_panels, mine.product, n_e);
                for (int i = 0; i < n_d; ++i) put_row(d + i, e, n_e, mine.product + i * n_e);
            }
        }
    }

    // n lines a panel, and one more for an even n: a stride of 4 KB would put all panels into a few lines of the cache.
    template <class F>
    static void fill(T* lines, int64_t n_panels, int first, int n, F&& f) {
        for (int i = 0; i < n; ++i)
            for (int64_t p = 0; p < n_panels; ++p) store(lines + (p * (n | 1) + i) * L, f(first + i, p));
    }

    // Of two units (or outputs) and n pairs of what goes into them, of which `one` is the bias, the entries that have these
    // values. Pairs with the same first come one after another, so that they are copied into a row, or go down a column.
    template <class Place>
    void spread(const Pair& of, const Pair* in, Place&& place, int one, int n, const T* values) {
        for (int i = 0, run; i < n; i += run) {
            const auto [a, b] = in[i];
            run = std::min(n - i, a + 1 - b);
            const int weights = run - (b + run > one);
            const int64_t p = place(of.first, a), q = place(of.second, a), first = place(of.first, b);
            const T* of_weights = values + i;
            std::copy(of_weights, of_weights + weights, term_ + row_start(p) + place(of.second, b));
            if (of.first != of.second && a == one)
                std::copy(of_weights, of_weights + weights, term_ + row_start(q) + first);
            else if (of.first != of.second)
                for (int k = 0; k < weights; ++k) term_[row_start(first + k) + q] = of_weights[k];
            if (weights < run) term_[row_start(p) + q] = of_weights[weights];
        }
    }

    T W2(const T* parameters, int k, int j) const { return parameters[shape_.W2() + int64_t(k) * shape_.n_h + j]; }

    Shape shape_;
    int64_t n_blocks_;
    Barrier barrier_;
    int team_;
    Block<T> block_;
    Tables<T> tables_;
    std::vector<Pair> hidden_pairs_, input_pairs_, output_pairs_, activation_pairs_;
    Buffer<T> term_of_many_, lambda_, slope_, u_, weighted_;
    std::vector<Worker> workers_;
    std::vector<Sorted<T>> sorted_;
    std::vector<TreeSum> trees_;
    T* term_ = nullptr;  // the sums of a block; of a single one they are the result
    bool stopped_ = false;
};

// How many threads are worth it: each starts in some 30 µs, and meets the others twice a block.
inline int threads_worth_curvature(const Shape& shape, int64_t rows, int available) {
    const double products = 0.25 * double(shape.size()) * double(shape.size()), block = products * double(std::min<int64_t>(rows, BLOCK_ROWS));
    if (products * double(rows) < 2e6 || block < 2e5) return 1;
    return std::max(1, std::min(available, int(block / 1e5)));
}

}  // namespace shoal
