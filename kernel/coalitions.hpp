// The mean prediction of rows of which some columns are known, and all others are those of a background:
// what Shapley values are made of.
//
//   P, Q      what a column of a row, and of a row of the background, adds to Z1: [1] is b1 + Σ P over columns
//   coalition the columns that are known
//   a move    from one coalition to another with a column more: Z1 := Z1 + P - Q
//
// With tanh and sigmoid a move is a product, exp(c Z1) := exp(c Z1) exp(c (P - Q)), and
//
//   tanh(z) = 1 - 2 / (1 + exp 2z)        sigmoid(z) = 1 - 1 / (1 + exp z)
//
// so no exponential is left in the loop, and four reciprocals share one division. Without a hidden layer
// Z1 is Z2. Twin: means_of_coalitions in src/shoal/compute/plain.py.
#pragma once

#include <atomic>

#include "activations.hpp"
#include "threads.hpp"
#include "tree_sum.hpp"

namespace shoal {

// From the coalition whose state is kept at `from` to the one kept at `to`; 0 is the background itself.
struct Move {
    int from, to, column;
};

template <class T>
class Coalitions {
  public:
    static constexpr int L = LANES<T>, TOGETHER = 4;
    // The largest |c Z1| on the way, so that no product overflows or vanishes, and the largest exponential that
    // is told from infinity: four of them are multiplied, and tanh and sigmoid are 1 long before.
    static constexpr double REACH = sizeof(T) == 4 ? 80 : 700;
    static constexpr T MOST = sizeof(T) == 4 ? T(1e9) : T(1e18);
    static constexpr double EDGE = 1e-15;  // probabilities nearer to 0 or 1 have its log-odds

    // `parameters` are those of the members; Z1 (members, m, units) and Q (members, m, columns, units) are the background's.
    Coalitions(const Shape& shape, const T* parameters, int members, const T* Z1, const T* Q, int64_t m, int columns, std::vector<Move> moves, bool log_odds)
        : shape_(shape), members_(members), columns_(columns), units_(shape.n_units()), n_((units_ + TOGETHER - 1) / TOGETHER * TOGETHER),
          m_(m), blocks_((m + L - 1) / L), moves_(std::move(moves)), log_odds_(log_odds), Z1_(members * blocks_ * n_ * L),
          Q_(members * blocks_ * columns * n_ * L), second_(members * shape.n_y * n_), bias_(members * shape.n_y), inverse_(members * shape.n_y * n_), inverse_bias_(members * shape.n_y) {
        for (const Move& move : moves_) states_ = std::max(states_, 1 + std::max(move.from, move.to));
        for (int k = 0; k < members; ++k) {
            for (int64_t b = 0; b < blocks_; ++b)
                for (int64_t r = 0; r < L; ++r) {
                    const int64_t row = k * m + std::min(b * L + r, m - 1);  // lanes after the last row repeat it
                    for (int u = 0; u < units_; ++u) Z1_[((k * blocks_ + b) * n_ + u) * L + r] = Z1[row * units_ + u];
                    for (int c = 0; c < columns; ++c)
                        for (int u = 0; u < units_; ++u) Q_[(((k * blocks_ + b) * columns + c) * n_ + u) * L + r] = Q[(row * columns + c) * units_ + u];
                }
            if (shape.n_h) take_second(parameters + k * shape.size(), k);
        }
    }

    // Of each of n rows, with P (members, n, columns, units), the mean over the background after each move, (n, moves, n_y).
    // False if it was stopped.
    bool means(const T* P, int64_t n, double* out, int threads, Stop& stop) const {
        const int team = int(std::min<int64_t>(threads, n));
        std::atomic<int64_t> next{0};
        std::vector<Memory> memory;
        for (int t = 0; t < team; ++t) memory.emplace_back(*this);
        run_team(team, [](int) {}, [&](int t) {
            for (int64_t i; (i = next.fetch_add(1)) < n && !stop.requested();) row(P, n, i, memory[t], out + i * int64_t(moves_.size()) * shape_.n_y, t == 0, stop);
        });
        return !stop.requested();
    }

  private:
    struct Memory {
        Buffer<T> steps, states, values, Z2, A2, sums;
        explicit Memory(const Coalitions& of)
            : steps(int64_t(of.columns_) * of.n_ * L), states(int64_t(of.states_) * of.n_ * L), values(int64_t(of.n_) * L),
              Z2(int64_t(of.shape_.n_y) * L), A2(int64_t(of.shape_.n_y) * L), sums(int64_t(of.moves_.size()) * of.shape_.n_y * L) {}
    };

    // [3] from the activations, and from the reciprocals of which they are 1 - c r.
    void take_second(const T* parameters, int k) {
        const T* W2 = parameters + shape_.W2();
        const T* b2 = parameters + shape_.b2();
        for (int y = 0; y < shape_.n_y; ++y) {
            const int at = k * shape_.n_y + y;
            double sum = bias_[at] = b2[y];
            for (int u = 0; u < units_; ++u) {
                const T w = W2[y * units_ + u];
                second_[at * n_ + u] = w, inverse_[at * n_ + u] = -T(numerator()) * w;
                sum += double(w);
            }
            inverse_bias_[at] = T(sum);
        }
    }

    // c: of exp(c z) and of c / (1 + exp).
    double numerator() const { return shape_.g == Activation::tanh ? 2 : 1; }
    bool multiplies() const { return shape_.n_h && (shape_.g == Activation::tanh || shape_.g == Activation::sigmoid); }

    void row(const T* P, int64_t n, int64_t i, Memory& memory, double* out, bool polls, Stop& stop) const {
        const int n_y = shape_.n_y;
        std::fill(out, out + int64_t(moves_.size()) * n_y, 0.0);
        for (int64_t b = 0; b < blocks_; ++b) {
            if (polls) stop.poll();
            if (stop.requested()) return;
            std::fill(memory.sums + 0, memory.sums + int64_t(moves_.size()) * n_y * L, T(0));
            for (int k = 0; k < members_; ++k) {
                const double most = begin(P + (k * n + i) * columns_ * units_, k, b, memory);
                const bool multiply = multiplies() && most * numerator() <= REACH;
                if (multiply) exponentials(memory);
                multiply ? walk<true>(k, memory) : walk<false>(k, memory);
            }
            alignas(LINE_BYTES) T lanes[L];
            for (int r = 0; r < L; ++r) lanes[r] = b * L + r < m_;
            for (int64_t v = 0; v < int64_t(moves_.size()) * n_y; ++v) out[v] += double(sum_lanes(in_space(load(memory.sums + v * L) / broadcast(T(members_))) * load(lanes)));
        }
        for (int64_t v = 0; v < int64_t(moves_.size()) * n_y; ++v) out[v] /= double(m_);
    }

    Line<T> in_space(const Line<T>& A2) const {
        if (!log_odds_) return A2;
        const auto least = broadcast(T(EDGE)), one = broadcast(T(1));
        const auto p = greater(least, lesser(one - least, A2));
        return log(p) - log(one - p);
    }

    // The background's Z1 and all P - Q; the largest |Z1| to which they can lead.
    double begin(const T* P, int k, int64_t b, Memory& memory) const {
        const T* Z1 = Z1_ + (k * blocks_ + b) * n_ * L;
        const T* Q = Q_ + (k * blocks_ + b) * columns_ * n_ * L;
        auto most = broadcast(T(0));
        for (int u = 0; u < units_; ++u) {
            auto reach = magnitude(load(Z1 + u * L));
            store(memory.states + u * L, load(Z1 + u * L));
            for (int c = 0; c < columns_; ++c) {
                const int64_t at = (int64_t(c) * n_ + u) * L;
                const auto step = broadcast(P[c * units_ + u]) - load(Q + at);
                store(memory.steps + at, step);
                reach = reach + magnitude(step);
            }
            most = greater(most, reach);
        }
        // The units without weight share a denominator with others: what is left in them from before would count.
        for (int u = units_; u < n_; ++u) {
            store(memory.states + u * L, broadcast(T(0)));
            for (int c = 0; c < columns_; ++c) store(memory.steps + (int64_t(c) * n_ + u) * L, broadcast(T(0)));
        }
        alignas(LINE_BYTES) T lanes[L];
        store(lanes, most);
        T largest = lanes[0];
        for (int r = 1; r < L; ++r) largest = lanes[r] > largest || lanes[r] != lanes[r] ? lanes[r] : largest;
        return double(largest);
    }

    void exponentials(Memory& memory) const {
        const auto c = broadcast(T(numerator()));
        const auto f = [&](const Line<T>& x) __attribute__((always_inline)) { return exp(c * x); };
        each_line(memory.states + 0, n_, f);
        each_line(memory.steps + 0, columns_ * n_, f);
    }

    template <bool multiply>
    void walk(int k, Memory& memory) const {
        const int n_y = shape_.n_y;
        const T* W2 = (multiply ? inverse_ : second_) + int64_t(k) * n_y * n_;
        const T* b2 = (multiply ? inverse_bias_ : bias_) + k * n_y;
        T* sum = memory.sums;
        for (const Move& move : moves_) {
            const T *from = memory.states + int64_t(move.from) * n_ * L, *by = memory.steps + int64_t(move.column) * n_ * L;
            T* to = memory.states + int64_t(move.to) * n_ * L;
            if constexpr (multiply) {
                if (n_y == 1)
                    store<T>(memory.Z2, broadcast(b2[0]) + weighted_reciprocals(W2, from, by, to));
                else
                    reciprocals(from, by, to, memory.values);
            } else {
                for (int64_t u = 0; u < int64_t(n_) * L; u += L) store(to + u, load(from + u) + load(by + u));
                std::copy(to, to + int64_t(n_) * L, memory.values + 0);
                if (shape_.n_h) activate<T>(shape_.g, memory.values, n_);
            }
            if (shape_.n_h && !(multiply && n_y == 1))
                for (int y = 0; y < n_y; ++y) store(memory.Z2 + y * L, broadcast(b2[y]) + weighted(W2 + int64_t(y) * n_, memory.values));
            output<T, false>(shape_.sigma, n_y, shape_.n_h ? memory.Z2 : memory.values, nullptr, memory.A2, nullptr);
            for (int y = 0; y < n_y; ++y, sum += L) store(sum, load(sum) + load(memory.A2 + y * L));
        }
    }

    // State := state × step of four units, and 1 + state.
    SHOAL_INLINE static void step(const T* from, const T* by, T* to, Line<T> (&x)[TOGETHER]) {
        const auto one = broadcast(T(1)), most = broadcast(MOST);
        unrolled<TOGETHER>([&](auto j) __attribute__((always_inline)) {
            const auto e = load(from + j * L) * load(by + j * L);
            store(to + j * L, e);
            x[j] = one + lesser(e, most);
        });
    }

    // State := state × step, and of each unit 1 / (1 + state).
    void reciprocals(const T* from, const T* by, T* to, T* values) const {
        for (int64_t at = 0; at < int64_t(n_) * L; at += TOGETHER * L) {
            Line<T> x[TOGETHER];
            step(from + at, by + at, to + at, x);
            const auto first = x[0] * x[1], second = x[2] * x[3], all = broadcast(T(1)) / (first * second);
            const auto of_first = all * second, of_second = all * first;
            store(values + at, of_first * x[1]), store(values + at + L, of_first * x[0]);
            store(values + at + 2 * L, of_second * x[3]), store(values + at + 3 * L, of_second * x[2]);
        }
    }

    // The same for a single output [3]: Σ w / (1 + state), four units over one denominator.
    Line<T> weighted_reciprocals(const T* w, const T* from, const T* by, T* to) const {
        auto sum = broadcast(T(0));
        for (int64_t u = 0; u < n_; u += TOGETHER) {
            Line<T> x[TOGETHER];
            step(from + u * L, by + u * L, to + u * L, x);
            const auto first = fma(broadcast(w[u]), x[1], broadcast(w[u + 1]) * x[0]), second = fma(broadcast(w[u + 2]), x[3], broadcast(w[u + 3]) * x[2]);
            const auto of_first = x[0] * x[1], of_second = x[2] * x[3];
            sum = sum + fma(first, of_second, second * of_first) / (of_first * of_second);
        }
        return sum;
    }

    // Σ w a over units [3].
    Line<T> weighted(const T* w, const T* a) const {
        Line<T> sum[TOGETHER] = {};
        for (int u = 0; u < n_; u += TOGETHER) unrolled<TOGETHER>([&](auto j) __attribute__((always_inline)) { sum[j] = fma(broadcast(w[u + j]), load(a + int64_t(u + j) * L), sum[j]); });
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }

    Shape shape_;
    int members_, columns_, units_, n_;  // n_: units, and some without weight
    int64_t m_, blocks_;
    std::vector<Move> moves_;
    bool log_odds_;
    int states_ = 1;
    Buffer<T> Z1_, Q_, second_, bias_, inverse_, inverse_bias_;
};

}  // namespace shoal
