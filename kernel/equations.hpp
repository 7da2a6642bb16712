// The ten equations on one block of at most 512 examples, in the lecture's letters:
//
//   X (n_x, m)   A1, Z1, dZ1 (n_h, m)   Y, A2, Z2, dZ2 (n_y, m)   one column is one example
//
// Matrices of examples lie in panels (see products.hpp). Lanes behind the last example
// hold zeros and have weight 0, so they add nothing to any sum. With n_h = 0 there is no
// [1] and [2]: X takes the place of A1.
//
// The specification is src/shoal/network/equations.py; the marks [1] … [10] are the same.
#pragma once

#include "codes.hpp"
#include "dropout.hpp"
#include "functions.hpp"
#include "products.hpp"
#include "sparse.hpp"

namespace shoal {

constexpr int BLOCK_ROWS = 512;  // fixes every bit of a sum: never change it lightly

enum class Activation { tanh, relu, leaky_relu, sigmoid, identity };
enum class Output { sigmoid, softmax, identity };

struct Shape {
    int n_x, n_h, n_y;
    Activation g;
    Output sigma;
    std::vector<Group> groups{};  // of coded columns, the last ones of n_x
    int entries = 0;  // of a sparse row, about; then all columns are one group, and given as Entries

    int n_coded() const {
        int n = 0;
        for (const Group& group : groups) n += group.columns;
        return n;
    }
    int n_in() const { return n_h ? n_h : n_x; }     // what the output layer sees
    int n_units() const { return n_h ? n_h : n_y; }  // what the first layer computes
    // All parameters lie in one vector: W1 by rows, b1, W2 by rows, b2.
    int64_t W1() const { return 0; }
    int64_t b1() const { return int64_t(n_h) * n_x; }
    int64_t W2() const { return b1() + n_h; }
    int64_t b2() const { return W2() + int64_t(n_y) * n_in(); }
    int64_t size() const { return b2() + n_y; }
    int64_t first_layer() const { return n_h ? W1() : W2(); }  // the matrix that sees X
    int64_t coded() const { return first_layer() + int64_t(n_units()) * (n_x - n_coded()); }  // at work: its coded columns
};

// Parameters, a gradient or an optimiser's state as the kernel works with them: with coded columns
// the matrix that sees X is turned (codes.hpp). At the end what was given has what became of it.
template <class T>
class AtWork {
  public:
    AtWork(const Shape& shape, T* given) : shape_(shape), given_(given), at_(given) { begin(given); }
    AtWork(const Shape& shape, const T* given) : shape_(shape), at_(const_cast<T*>(given)) { begin(given); }
    ~AtWork() {
        if (turned_ && given_) move<true>(turned_, given_);
    }
    AtWork(const AtWork&) = delete;
    operator T*() { return at_; }

  private:
    void begin(const T* given) {
        if (shape_.groups.empty()) return;
        turned_ = Buffer<T>(shape_.size());
        move<false>(given, turned_);
        at_ = turned_;
    }

    template <bool back>
    void move(const T* from, T* to) const {
        const int64_t start = shape_.first_layer(), end = start + int64_t(shape_.n_units()) * shape_.n_x;
        std::copy(from, from + start, to), std::copy(from + end, from + shape_.size(), to + end);
        turn<back, LANES<T>>(shape_.n_units(), shape_.n_x, shape_.n_coded(), from + start, to + start);
    }

    Shape shape_;
    T *given_ = nullptr, *at_;
    Buffer<T> turned_;
};

template <class T>
struct Examples {  // as they come: one row is one example
    const T* X;             // (rows, n_x), but for the coded columns
    const T* Y;             // (rows, n_y), or null when there are labels
    const int32_t* labels;  // (rows,), the class of each; or null
    const T* weights;       // (rows,), or null: all 1
    const uint16_t* codes = nullptr;  // (rows, groups)
    const T* places = nullptr;        // (rows, groups with bins): in their bins
    Entries<T> entries{};             // in place of all columns
};

struct Rows {  // which rows of the examples, in which order
    const uint32_t* index;  // or null: consecutive
    int64_t first;
    int64_t operator[](int64_t i) const { return index ? index[first + i] : first + i; }
};

// --- the functions of a panel -------------------------------------------------------

template <class T, class F>
SHOAL_INLINE void each_line(T* lines, int n, F&& f) {
    for (int i = 0; i < n; ++i, lines += LANES<T>) store(lines, f(load(lines)));
}

constexpr double LEAK = 0.01;  // slope of leaky_relu below 0 (Maas et al. 2013)

template <class T>
void activate(Activation g, T* z, int n) {  // [2]
    const auto zero = broadcast(T(0)), leak = broadcast(T(LEAK));
    switch (g) {
        case Activation::tanh: return each_line(z, n, [](auto x) { return tanh(x); });
        // x is kept unless 0 > x, so a NaN stays a NaN.
        case Activation::relu: return each_line(z, n, [&](auto x) { return greater(zero, x); });
        case Activation::leaky_relu: return each_line(z, n, [&](auto x) { return where_greater(zero, x, leak * x, x); });
        case Activation::sigmoid: return each_line(z, n, [](auto x) { return sigmoid(x); });
        case Activation::identity: return;
    }
}

// Calls f(i, g'(Z1)) for the n lines of a panel; g' is known from A1 alone: `a`, or so many times
// `a` after dropout.
template <class T, class F>
SHOAL_INLINE void each_slope(Activation g, const T* a, T times, int n, F&& f) {
    const auto zero = broadcast(T(0)), one = broadcast(T(1)), leak = broadcast(T(LEAK));
    const auto all = [&](auto&& slope) __attribute__((always_inline)) {
        for (int i = 0; i < n; ++i) f(i, slope(load(a + i * LANES<T>) * broadcast(times)));
    };
    switch (g) {
        case Activation::tanh: return all([&](auto A) __attribute__((always_inline)) { return fma(zero - A, A, one); });
        case Activation::relu: return all([&](auto A) __attribute__((always_inline)) { return where_greater(A, zero, one, zero); });
        case Activation::leaky_relu: return all([&](auto A) __attribute__((always_inline)) { return where_greater(A, zero, one, leak); });
        case Activation::sigmoid: return all([&](auto A) __attribute__((always_inline)) { return fma(zero - A, A, A); });
        case Activation::identity: return all([&](auto) __attribute__((always_inline)) { return one; });
    }
}

// A2 = σ(Z2) [4]. Where `loss` is given it receives L(A2, Y) of each example, computed
// from Z2, so that it stays finite for a confident mistake.
template <class T, bool with_loss>
void output(Output sigma, int n_y, const T* z, const T* y, T* a, Line<T>* loss) {
    constexpr int L = LANES<T>;
    const auto zero = broadcast(T(0));
    Line<T> sum = zero;
    if (sigma == Output::sigmoid) {
        for (int k = 0; k < n_y; ++k) {
            const auto Z = load(z + k * L);
            store(a + k * L, sigmoid(Z));
            // log(1 + exp Z) - Y Z; the first bracket is exact for Y = 0 or 1.
            if constexpr (with_loss)
                sum = sum + (greater(Z, zero) - load(y + k * L) * Z) +
                      log1p_of_unit(exp_of_negative(zero - magnitude(Z)));
        }
    } else if (sigma == Output::softmax) {
        auto top = load(z);
        for (int k = 1; k < n_y; ++k) {
            const auto Z = load(z + k * L);
            top = greater(Z, top);
        }
        auto total = zero;
        auto right = zero;
        for (int k = 0; k < n_y; ++k) {
            const auto below = load(z + k * L) - top;
            const auto e = exp_of_negative(below);
            store(a + k * L, e);
            total = total + e;
            if constexpr (with_loss) right = fma(load(y + k * L), below, right);
        }
        for (int k = 0; k < n_y; ++k) store(a + k * L, load(a + k * L) / total);
        if constexpr (with_loss) sum = log(total) - right;
    } else {
        for (int k = 0; k < n_y; ++k) {
            const auto Z = load(z + k * L);
            store(a + k * L, Z);
            if constexpr (with_loss) {
                const auto d = Z - load(y + k * L);
                sum = fma(broadcast(T(0.5)) * d, d, sum);
            }
        }
    }
    if constexpr (with_loss) *loss = sum;
}

// --- a block ------------------------------------------------------------------------

template <class T>
class Block {
  public:
    static constexpr int L = LANES<T>;

    Block() = default;
    Block(const Shape& shape, int64_t rows, bool training)
        : shape_(shape), coding_(shape.groups), n_numbers_(shape.n_x - coding_.columns()), correlates_(n_numbers_ >= L),
          panels_(panels(std::min<int64_t>(rows, BLOCK_ROWS))), codes_(coding_, shape.n_units(), panels_) {
        if (shape.entries) sparse_ = SparseRows<T>(shape.n_units(), panels_);
        const int64_t n = panels_ * L;
        zeros_ = Buffer<T>(n_numbers_);
        X_ = Buffer<T>(n_numbers_ * n);
        A1_ = Buffer<T>(shape.n_h * n);
        Z2_ = Buffer<T>(shape.n_y * n);
        A2_ = Buffer<T>(shape.n_y * n);
        if (!training) return;
        if (correlates_) strips_ = Buffer<T>((n_numbers_ + L - 1) / L * n * L);
        Y_ = Buffer<T>(shape.n_y * n);
        dZ1_ = Buffer<T>(shape.n_h * n);
        weights_ = Buffer<T>(n);
        losses_ = Buffer<T>(n);
    }

    static int64_t panels(int64_t rows) { return (rows + L - 1) / L; }

    // Copies panel p of the rows: features as lines for [1], and for [9] examples as lines.
    void gather_X(const Examples<T>& from, const Rows& rows, int64_t n_rows, int64_t p) {
        const int n = n_numbers_, present = int(std::min<int64_t>(L, n_rows - p * L));
        const T* row[L];
        for (int r = 0; r < L; ++r) row[r] = r < present ? from.X + rows[p * L + r] * n : static_cast<const T*>(zeros_);
        transpose_rows(row, n, X(p));
        if (coded()) gather_codes(from, rows, present, p);
        if (!strips_) return;
        T* line = strips_ + p * L * L;
        for (int i = 0; i < n; i += L, line += panels_ * L * L)
            for (int r = 0; r < L; ++r) store(line + r * L, load_anywhere(row[r] + strip_start(i, n, L)));
    }

    void gather_codes(const Examples<T>& from, const Rows& rows, int present, int64_t p) {
        for (int r = 0; r < L; ++r) {
            const int64_t row = r < present ? rows[p * L + r] : 0;
            if (shape_.entries) {
                sparse_.gather(p * L + r, from.entries, row, r < present);
                continue;
            }
            codes_.gather(p * L + r, r < present ? from.codes + row * coding_.groups() : nullptr, from.places + row * coding_.binned());
        }
    }

    void gather_Y(const Examples<T>& from, const Rows& rows, int64_t n_rows, int64_t p) {
        const int n_y = shape_.n_y, present = int(std::min<int64_t>(L, n_rows - p * L));
        T *y = Y_ + p * n_y * L, *w = weights_ + p * L;
        std::memset(y, 0, sizeof(T) * n_y * L);
        std::memset(w, 0, sizeof(T) * L);
        for (int r = 0; r < present; ++r) {
            const int64_t at = rows[p * L + r];
            w[r] = from.weights ? from.weights[at] : T(1);
            if (!from.labels)
                for (int k = 0; k < n_y; ++k) y[k * L + r] = from.Y[at * n_y + k];
            else if (n_y == 1)
                y[r] = T(from.labels[at]);
            else
                y[from.labels[at] * L + r] = T(1);
        }
    }

    // The first row of panel p that holds an infinite number or a NaN, or -1.
    int first_not_finite(int64_t p) {
        const auto zero = broadcast(T(0));
        Line<T> sums[4] = {zero, zero, zero, zero};  // 0 · x is 0, or NaN for a number that is not finite
        for (int i = 0; i < n_numbers_; ++i) sums[i % 4] = fma(load(X(p) + i * L), zero, sums[i % 4]);
        const auto sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        alignas(LINE_BYTES) T lanes[L];
        store(lanes, sum);
        for (int r = 0; r < L; ++r)
            if (lanes[r] != 0) return r;
        return -1;
    }

    // [1] Z1 = W1 X + b1 for panels first … last.
    void weighted_inputs(const T* parameters, int64_t first, int64_t last) {
        if (shape_.n_h == 0) return;
        const T *W1 = parameters + shape_.W1(), *b1 = parameters + shape_.b1();
        in_groups<TILE_LINES>(first, last, [&](auto V, int64_t p) {
            multiply<V, T>(shape_.n_h, n_numbers_, W1, n_numbers_, 1, b1, X(p), A1(p));
        });
    }

    // What the coded columns add to [1] (with n_h = 0: to [3]). Some panels at a time, and line
    // of units after line, so that codes and table stay in the nearest cache.
    void add_coded_inputs(const Tables<T>& tables, int64_t first, int64_t last) {
        for (int64_t next; first < last; first = next) {
            next = std::min(first + 16, last);
            for (int i = 0; i < shape_.n_units(); i += L)
                for (int64_t p = first; p < next; ++p) {
                    T* z = shape_.n_h ? A1(p) : Z2(p);
                    shape_.entries ? sparse_.add_to(z, p, i, tables.of(i)) : codes_.add_to(z, p, i, tables.of(i));
                }
        }
    }

    // [2] A1 = g(Z1) for panels first … last, or for one of some equal parts of their lines.
    void activate_hidden(int64_t first, int64_t last, int part = 0, int parts = 1) {
        const int64_t lines = (last - first) * shape_.n_h, begin = lines * part / parts;
        activate(shape_.g, A1(first) + begin * L, int(lines * (part + 1) / parts - begin));
    }

    // [3] Z2 = W2 A1 + b2 for panels first … last: several at once, as one row's sum is too
    // short a chain of work.
    void weighted_activations(const T* parameters, int64_t first, int64_t last) {
        const T *W2 = parameters + shape_.W2(), *b2 = parameters + shape_.b2();
        const int n_y = shape_.n_y, depth = shape_.n_h ? shape_.n_h : n_numbers_;
        const auto panels = [&](auto V, int64_t p) {
            multiply<V, T>(n_y, depth, W2, depth, 1, b2, shape_.n_h ? A1(p) : X(p), Z2(p));
        };
        n_y <= 3 ? in_groups<4>(first, last, panels) : in_groups<TILE_LINES>(first, last, panels);
    }

    void activate_output(int64_t p) { output<T, false>(shape_.sigma, shape_.n_y, Z2(p), nullptr, A2(p), nullptr); }  // [4]

    void activate_output_with_loss(int64_t p) {
        Line<T> loss;
        output<T, true>(shape_.sigma, shape_.n_y, Z2(p), Y(p), A2(p), &loss);  // [4] and L(A2, Y)
        store(losses_ + p * L, load(weights_ + p * L) * loss);
    }

    void backward(const T* parameters, int64_t p) {
        const auto w = load(weights_ + p * L);
        T *dz2 = dZ2(p), *dz1 = dZ1(p);
        for (int k = 0; k < shape_.n_y; ++k)
            store(dz2 + k * L, w * (load(A2(p) + k * L) - load(Y(p) + k * L)));  // [5] dZ2 = w ∗ (A2 - Y)
        if (shape_.n_h == 0) return;
        const T* W2 = parameters + shape_.W2();
        if (shape_.n_y == 1 && !kept_) {  // [8] dZ1 = W2ᵀ dZ2 ∗ g'(Z1)
            const auto dZ2 = load(dz2);
            each_slope(shape_.g, A1(p), T(1), shape_.n_h, [&](int i, auto slope) __attribute__((always_inline)) { store(dz1 + i * L, broadcast(W2[i]) * dZ2 * slope); });
            return;
        }
        multiply<1, T>(shape_.n_h, shape_.n_y, W2, 1, shape_.n_h, nullptr, dz2, dz1);
        if (kept_) multiply_lines(dz1, kept(p), shape_.n_h);
        each_slope(shape_.g, A1(p), share_, shape_.n_h, [&](int i, auto slope) __attribute__((always_inline)) { store(dz1 + i * L, load(dz1 + i * L) * slope); });
    }

    // Room for the factors of dropout; from then on every step of training draws some.
    void allow_dropout(double share) { kept_ = Buffer<T>(shape_.n_h * panels_ * L), share_ = T(share); }

    void drop(const Dropout& dropout, int64_t place, int64_t p) {  // after [2]
        draw_kept(dropout, place, shape_.n_h, kept(p));
        multiply_lines(A1(p), kept(p), shape_.n_h);
    }

    // Sums over the block, for units first … last of the first layer (with n_h = 0: outputs);
    // one member of a team adds the output layer's biases.
    void gradients(int64_t n, int first, int last, bool with_b2, T* sums, Desk<T>& desk) {
        const int n_h = shape_.n_h, n_y = shape_.n_y, units = shape_.n_units();
        const T* dz = n_h ? dZ1(0) : dZ2(0);
        T *dW = sums + shape_.first_layer(), *coded_dW = sums + shape_.coded();
        if (correlates_)
            correlate<T>(first, last, units, n, dz, n_numbers_, strips_, panels_ * L * L, dW, n_numbers_);  // [9] dW1 = dZ1 Xᵀ
        else
            dot<T>(first, last, units, dz, 0, n_numbers_, n_numbers_, X(0), n, dW, n_numbers_);  // [9], for few features
        if (shape_.entries)
            sparse_.gradients(dz, n, first, last, coded_dW, shape_.n_x, desk);
        else if (coded())
            codes_.gradients(dz, n, first, last, coded_dW, desk);
        sum_rows<T>(first, last, units, dz, n, sums + (n_h ? shape_.b1() : shape_.b2()));  // [10] db1 = Σ dZ1
        if (n_h == 0) return;  // then these were [6] and [7]
        dot<T>(0, n_y, n_y, dZ2(0), first, last, n_h, A1(0), n, sums + shape_.W2(), n_h);  // [6] dW2 = dZ2 A1ᵀ
        if (with_b2) sum_rows<T>(0, n_y, n_y, dZ2(0), n, sums + shape_.b2());  // [7] db2 = Σ dZ2
    }

    T loss(int64_t n) const { return sum_lines(losses_, n); }
    T weight(int64_t n) const { return sum_lines(weights_, n); }

    bool coded() const { return coding_.groups() > 0; }
    int n_numbers() const { return n_numbers_; }
    int binned() const { return coding_.binned(); }
    T* X(int64_t p) { return X_ + p * n_numbers_ * L; }
    T* Y(int64_t p) { return Y_ + p * shape_.n_y * L; }
    T* A1(int64_t p) { return A1_ + p * shape_.n_h * L; }
    T* kept(int64_t p) { return kept_ + p * shape_.n_h * L; }
    T* Z2(int64_t p) { return Z2_ + p * shape_.n_y * L; }
    T* A2(int64_t p) { return A2_ + p * shape_.n_y * L; }
    T* dZ1(int64_t p) { return dZ1_ + p * shape_.n_h * L; }
    T* dZ2(int64_t p) { return Z2(p); }  // Z2 is not needed any more

  private:
    static void multiply_lines(T* lines, const T* by, int n) {
        for (int i = 0; i < n * L; i += L) store(lines + i, load(lines + i) * load(by + i));
    }

    static T sum_lines(const T* lines, int64_t n) {
        auto sum = broadcast(T(0));
        for (int64_t i = 0; i < n; ++i) sum = sum + load(lines + i * L);
        return sum_lanes(sum);
    }

    Shape shape_{};
    Coding coding_;
    int n_numbers_ = 0;        // features that are not coded
    bool correlates_ = false;  // [9] over features; with less than a line of them, over examples
    int64_t panels_ = 0;
    Codes<T> codes_;
    SparseRows<T> sparse_;
    Buffer<T> X_, strips_, Y_, A1_, Z2_, A2_, dZ1_, kept_, weights_, losses_, zeros_;
    T share_ = 1;  // of the hidden units that dropout keeps
};

}  // namespace shoal
