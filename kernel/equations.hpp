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

#include <cstdlib>
#include <memory>
#include <new>

#include "functions.hpp"
#include "products.hpp"

namespace shoal {

constexpr int BLOCK_ROWS = 512;  // fixes every bit of a sum: never change it lightly

enum class Activation { tanh, relu, leaky_relu, sigmoid, identity };
enum class Output { sigmoid, softmax, identity };

struct Shape {
    int n_x, n_h, n_y;
    Activation g;
    Output sigma;

    int n_in() const { return n_h ? n_h : n_x; }     // what the output layer sees
    int n_units() const { return n_h ? n_h : n_y; }  // what the first layer computes
    // All parameters lie in one vector: W1 by rows, b1, W2 by rows, b2.
    int64_t W1() const { return 0; }
    int64_t b1() const { return int64_t(n_h) * n_x; }
    int64_t W2() const { return b1() + n_h; }
    int64_t b2() const { return W2() + int64_t(n_y) * n_in(); }
    int64_t size() const { return b2() + n_y; }
};

template <class T>
struct Examples {  // as they come: one row is one example
    const T* X;             // (rows, n_x)
    const T* Y;             // (rows, n_y), or null when there are labels
    const int32_t* labels;  // (rows,), the class of each; or null
    const T* weights;       // (rows,), or null: all 1
};

struct Rows {  // which rows of the examples, in which order
    const uint32_t* index;  // or null: consecutive
    int64_t first;
    int64_t operator[](int64_t i) const { return index ? index[first + i] : first + i; }
};

template <class T>
class Buffer {  // aligned numbers, zero at first
  public:
    Buffer() = default;
    explicit Buffer(int64_t size) {
        const size_t bytes = (size_t(size) * sizeof(T) + LINE_BYTES) / LINE_BYTES * LINE_BYTES;
        data_.reset(static_cast<T*>(std::aligned_alloc(LINE_BYTES, bytes)));
        if (!data_) throw std::bad_alloc();
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    operator T*() { return data_.get(); }
    operator const T*() const { return data_.get(); }

  private:
    struct Free {
        void operator()(T* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Free> data_;
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
        case Activation::relu: return each_line(z, n, [&](auto x) { return where_greater(zero, x, zero, x); });
        case Activation::leaky_relu: return each_line(z, n, [&](auto x) { return where_greater(zero, x, leak * x, x); });
        case Activation::sigmoid: return each_line(z, n, [](auto x) { return sigmoid(x); });
        case Activation::identity: return;
    }
}

// dZ1 *= g'(Z1), where g' is known from A1 alone.
template <class T>
void multiply_by_slope(Activation g, const T* a, T* dz, int n) {
    const auto zero = broadcast(T(0)), one = broadcast(T(1)), leak = broadcast(T(LEAK));
    const auto by = [&](auto&& slope) {
        for (int i = 0; i < n; ++i, a += LANES<T>, dz += LANES<T>) store(dz, load(dz) * slope(load(a)));
    };
    switch (g) {
        case Activation::tanh: return by([&](auto A) { return fma(zero - A, A, one); });
        case Activation::relu: return by([&](auto A) { return where_greater(A, zero, one, zero); });
        case Activation::leaky_relu: return by([&](auto A) { return where_greater(A, zero, one, leak); });
        case Activation::sigmoid: return by([&](auto A) { return fma(zero - A, A, A); });
        case Activation::identity: return;
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
                sum = sum + (where_greater(Z, zero, Z, zero) - load(y + k * L) * Z) +
                      log1p_of_unit(exp_of_negative(zero - magnitude(Z)));
        }
    } else if (sigma == Output::softmax) {
        auto top = load(z);
        for (int k = 1; k < n_y; ++k) {
            const auto Z = load(z + k * L);
            top = where_greater(Z, top, Z, top);
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

// A square of numbers, as many rows as one 32-byte vector has numbers, is turned over.
typedef float Eight __attribute__((vector_size(32)));
typedef double Four __attribute__((vector_size(32)));
typedef float EightAnywhere __attribute__((vector_size(32), aligned(4), may_alias));
typedef double FourAnywhere __attribute__((vector_size(32), aligned(8), may_alias));

SHOAL_INLINE void transpose(Eight (&r)[8]) {
    Eight a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; ++k) {
            b[i + 2 * k] = __builtin_shufflevector(a[i + k], a[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + 2 * k + 1] = __builtin_shufflevector(a[i + k], a[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; ++i) {
        r[i] = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

SHOAL_INLINE void transpose(Four (&r)[4]) {
    const Four a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6), b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    const Four c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6), d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5), r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

template <class T>
struct SquareOf;
template <>
struct SquareOf<float> {
    static constexpr int side = 8;
    typedef Eight Row;
    typedef EightAnywhere Anywhere;
};
template <>
struct SquareOf<double> {
    static constexpr int side = 4;
    typedef Four Row;
    typedef FourAnywhere Anywhere;
};

// Rows of n features each become n lines of a panel.
template <class T>
SHOAL_INLINE void transpose_rows(const T* const* row, int n, T* lines) {
    constexpr int L = LANES<T>, S = SquareOf<T>::side;
    if (n < S) {
        for (int i = 0; i < n; ++i)
            for (int r = 0; r < L; ++r) lines[i * L + r] = row[r][i];
        return;
    }
    for (int i = 0; i < n; i += S) {
        const int at = std::min(i, n - S);  // the last square overlaps the one before: no rest
        for (int r = 0; r < L; r += S) {
            typedef typename SquareOf<T>::Anywhere Anywhere;
            typename SquareOf<T>::Row square[S];
            unrolled<S>([&](auto k) { square[k] = *reinterpret_cast<const Anywhere*>(row[r + k] + at); });
            transpose(square);
            unrolled<S>([&](auto k) { *reinterpret_cast<Anywhere*>(lines + (at + k) * L + r) = square[k]; });
        }
    }
}

template <class T>
class Block {
  public:
    static constexpr int L = LANES<T>;

    Block() = default;
    Block(const Shape& shape, int64_t rows, bool training)
        : shape_(shape), correlates_(shape.n_x >= L), panels_(panels(std::min<int64_t>(rows, BLOCK_ROWS))) {
        const int64_t n = panels_ * L;
        zeros_ = Buffer<T>(shape.n_x);
        X_ = Buffer<T>(shape.n_x * n);
        A1_ = Buffer<T>(shape.n_h * n);
        Z2_ = Buffer<T>(shape.n_y * n);
        A2_ = Buffer<T>(shape.n_y * n);
        if (!training) return;
        if (correlates_) strips_ = Buffer<T>((shape.n_x + L - 1) / L * n * L);
        Y_ = Buffer<T>(shape.n_y * n);
        dZ1_ = Buffer<T>(shape.n_h * n);
        weights_ = Buffer<T>(n);
        losses_ = Buffer<T>(n);
    }

    static int64_t panels(int64_t rows) { return (rows + L - 1) / L; }

    // Copies panel p of the rows: features as lines for [1], and for [9] examples as lines.
    void gather_X(const Examples<T>& from, const Rows& rows, int64_t n_rows, int64_t p) {
        const int n_x = shape_.n_x, present = int(std::min<int64_t>(L, n_rows - p * L));
        const T* row[L];
        for (int r = 0; r < L; ++r) row[r] = r < present ? from.X + rows[p * L + r] * n_x : static_cast<const T*>(zeros_);
        transpose_rows(row, n_x, X(p));
        if (!strips_) return;
        T* line = strips_ + p * L * L;
        for (int i = 0; i < n_x; i += L, line += panels_ * L * L)
            for (int r = 0; r < L; ++r) store(line + r * L, load_anywhere(row[r] + strip_start(i, n_x, L)));
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
        auto sum = zero;  // 0 · x is 0, or NaN for a number that is not finite
        for (int i = 0; i < shape_.n_x; ++i) sum = fma(load(X(p) + i * L), zero, sum);
        alignas(LINE_BYTES) T lanes[L];
        store(lanes, sum);
        for (int r = 0; r < L; ++r)
            if (lanes[r] != 0) return r;
        return -1;
    }

    void weighted_inputs(const T* parameters, int64_t p) {
        if (shape_.n_h == 0) return;
        const T *W1 = parameters + shape_.W1(), *b1 = parameters + shape_.b1();
        multiply<1, T>(shape_.n_h, shape_.n_x, W1, shape_.n_x, 1, b1, X(p), A1(p));  // [1] Z1 = W1 X + b1
    }

    void activate_hidden(int64_t p) { activate(shape_.g, A1(p), shape_.n_h); }  // [2] A1 = g(Z1)

    // [3] Z2 = W2 A1 + b2 for panels first … last: several at once, as one row's sum is too
    // short a chain of work.
    void weighted_activations(const T* parameters, int64_t first, int64_t last) {
        const T *W2 = parameters + shape_.W2(), *b2 = parameters + shape_.b2();
        const int n_in = shape_.n_in(), n_y = shape_.n_y;
        const auto panels = [&](auto V, int64_t p) {
            multiply<V, T>(n_y, n_in, W2, n_in, 1, b2, shape_.n_h ? A1(p) : X(p), Z2(p));
        };
        int64_t p = first;
        if (n_y <= 3)
            for (; p + 3 < last; p += 4) panels(std::integral_constant<int, 4>{}, p);
        for (; p < last; ++p) panels(std::integral_constant<int, 1>{}, p);
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
        multiply<1, T>(shape_.n_h, shape_.n_y, W2, 1, shape_.n_h, nullptr, dz2, dz1);  // [8] dZ1 = W2ᵀ dZ2 ∗ g'(Z1)
        multiply_by_slope(shape_.g, A1(p), dz1, shape_.n_h);
    }

    // Sums over the block, for units first … last of the first layer (with n_h = 0: outputs);
    // one member of a team adds the output layer's biases.
    void gradients(int64_t n, int first, int last, bool with_b2, T* sums) {
        const int n_h = shape_.n_h, n_x = shape_.n_x, n_y = shape_.n_y, units = shape_.n_units();
        const T* dz = n_h ? dZ1(0) : dZ2(0);
        T* dW = sums + (n_h ? shape_.W1() : shape_.W2());
        if (correlates_)
            correlate<T>(first, last, units, n, dz, n_x, strips_, panels_ * L * L, dW);  // [9] dW1 = dZ1 Xᵀ
        else
            dot<T>(first, last, units, dz, 0, n_x, n_x, X(0), n, dW, n_x);  // [9], for few features
        sum_rows<T>(first, last, units, dz, n, sums + (n_h ? shape_.b1() : shape_.b2()));  // [10] db1 = Σ dZ1
        if (n_h == 0) return;  // then these were [6] and [7]
        dot<T>(0, n_y, n_y, dZ2(0), first, last, n_h, A1(0), n, sums + shape_.W2(), n_h);  // [6] dW2 = dZ2 A1ᵀ
        if (with_b2) sum_rows<T>(0, n_y, n_y, dZ2(0), n, sums + shape_.b2());  // [7] db2 = Σ dZ2
    }

    T loss(int64_t n) const { return sum_lines(losses_, n); }
    T weight(int64_t n) const { return sum_lines(weights_, n); }

    T* X(int64_t p) { return X_ + p * shape_.n_x * L; }
    T* Y(int64_t p) { return Y_ + p * shape_.n_y * L; }
    T* A1(int64_t p) { return A1_ + p * shape_.n_h * L; }
    T* Z2(int64_t p) { return Z2_ + p * shape_.n_y * L; }
    T* A2(int64_t p) { return A2_ + p * shape_.n_y * L; }
    T* dZ1(int64_t p) { return dZ1_ + p * shape_.n_h * L; }
    T* dZ2(int64_t p) { return Z2(p); }  // Z2 is not needed any more

  private:
    static T sum_lines(const T* lines, int64_t n) {
        auto sum = broadcast(T(0));
        for (int64_t i = 0; i < n; ++i) sum = sum + load(lines + i * L);
        return sum_lanes(sum);
    }

    Shape shape_{};
    bool correlates_ = false;  // [9] over features; with less than a line of them, over examples
    int64_t panels_ = 0;
    Buffer<T> X_, strips_, Y_, A1_, Z2_, A2_, dZ1_, weights_, losses_, zeros_;
};

}  // namespace shoal
