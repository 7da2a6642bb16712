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

template <class T>
SHOAL_INLINE Line<T> sigmoid(const Line<T>& z) {
    const auto zero = broadcast(T(0)), one = broadcast(T(1));
    const auto e = exp_of_negative(zero - magnitude(z));
    return where_greater(zero, z, e, one) / (one + e);
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
    const auto zero = broadcast(T(0)), one = broadcast(T(1));
    Line<T> sum = zero;
    if (sigma == Output::sigmoid) {
        for (int k = 0; k < n_y; ++k) {
            const auto Z = load(z + k * L);
            const auto e = exp_of_negative(zero - magnitude(Z));
            store(a + k * L, where_greater(zero, Z, e, one) / (one + e));
            // log(1 + exp Z) - Y Z; the first bracket is exact for Y = 0 or 1.
            if constexpr (with_loss)
                sum = sum + (where_greater(Z, zero, Z, zero) - load(y + k * L) * Z) + log1p_of_unit(e);
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

// Four rows of four numbers become four columns.
template <class T>
SHOAL_INLINE void transpose_quad(const T* const* row, int column, T* lines) {
    typedef T Quad __attribute__((vector_size(4 * sizeof(T))));
    Quad r[4];
    for (int i = 0; i < 4; ++i) std::memcpy(&r[i], row[i] + column, sizeof(Quad));
    const Quad a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5), b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    const Quad c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7), d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    const Quad out[4] = {__builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
                         __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
    for (int i = 0; i < 4; ++i) std::memcpy(lines + i * LANES<T>, &out[i], sizeof(Quad));
}

// --- a block ------------------------------------------------------------------------

// What one thread needs of one panel only while it works on that panel.
template <class T>
struct Desk {
    Buffer<T> X, Y, Z2, A2;
    Desk(const Shape& shape)
        : X(int64_t(shape.n_x) * LANES<T>), Y(shape.n_y * LANES<T>), Z2(shape.n_y * LANES<T>), A2(shape.n_y * LANES<T>) {}
};

template <class T>
class Block {
  public:
    static constexpr int L = LANES<T>;

    Block() = default;
    Block(const Shape& shape, int64_t rows, bool training)
        : shape_(shape), capacity_((std::min<int64_t>(rows, BLOCK_ROWS) + L - 1) / L), training_(training),
          // Narrow inputs waste no lane of X over examples, wide ones none over features.
          correlates_(shape.n_x >= L / 2), strip_(capacity_ * L * L) {
        const int64_t n = capacity_ * L, strips = (shape.n_x + L - 1) / L;
        A1_ = Buffer<T>(shape.n_h * (training ? n : L));
        zeros_ = Buffer<T>(shape.n_x);
        if (!training) return;
        if (correlates_)
            strips_ = Buffer<T>(strips * strip_);
        else
            X_ = Buffer<T>(int64_t(shape.n_x) * n);
        dZ1_ = Buffer<T>(shape.n_h * n);
        dZ2_ = Buffer<T>(shape.n_y * n);
        weights_ = Buffer<T>(n);
        losses_ = Buffer<T>(n);
    }

    int64_t panels(int64_t rows) const { return (rows + L - 1) / L; }

    // Copies panel p of the rows: X across, once by features and once by examples.
    void gather(const Examples<T>& from, const Rows& rows, int64_t n_rows, int64_t p, Desk<T>& desk) {
        const int n_x = shape_.n_x, n_y = shape_.n_y, present = int(std::min<int64_t>(L, n_rows - p * L));
        int64_t at[L];
        const T* row[L];
        for (int r = 0; r < L; ++r) {
            at[r] = r < present ? rows[p * L + r] : 0;
            row[r] = r < present ? from.X + at[r] * n_x : static_cast<const T*>(zeros_);
        }
        T* x = X(p, desk);
        T* strip = strips_ + p * L * L;
        const int quads = n_x / 4 * 4;
        for (int i = 0; i < quads; i += 4)
            for (int r = 0; r < L; r += 4) {
                transpose_quad(row + r, i, x + i * L + r);
                if (strips_)
                    for (int k = r; k < r + 4; ++k) std::memcpy(strip + i / L * strip_ + k * L + i % L, row[k] + i, 4 * sizeof(T));
            }
        for (int i = quads; i < n_x; ++i)
            for (int r = 0; r < L; ++r) {
                x[i * L + r] = row[r][i];
                if (strips_) strip[i / L * strip_ + r * L + i % L] = row[r][i];
            }
        if (!training_) return;
        T *y = desk.Y, *w = weights_ + p * L;
        for (int r = 0; r < L; ++r) w[r] = r >= present ? T(0) : from.weights ? from.weights[at[r]] : T(1);
        if (from.labels && n_y == 1)
            for (int r = 0; r < L; ++r) y[r] = r < present ? T(from.labels[at[r]]) : T(0);
        else if (from.labels) {
            std::memset(y, 0, sizeof(T) * n_y * L);
            for (int r = 0; r < present; ++r) y[from.labels[at[r]] * L + r] = T(1);
        } else
            for (int r = 0; r < L; ++r)
                for (int k = 0; k < n_y; ++k) y[k * L + r] = r < present ? from.Y[at[r] * n_y + k] : T(0);
    }

    // The first row of panel p that holds an infinite number or a NaN, or -1.
    int first_not_finite(int64_t p, Desk<T>& desk) {
        const auto zero = broadcast(T(0));
        auto sum = zero;  // 0 · x is 0, or NaN for a number that is not finite
        const T* x = X(p, desk);
        for (int i = 0; i < shape_.n_x; ++i) sum = fma(load(x + i * L), zero, sum);
        alignas(LINE_BYTES) T lanes[L];
        store(lanes, sum);
        for (int r = 0; r < L; ++r)
            if (lanes[r] != 0) return r;
        return -1;
    }

    void hidden_layer(const T* parameters, int64_t p, Desk<T>& desk) {  // of panel p; Z1 may be looked at in between
        if (shape_.n_h == 0) return;
        weighted_inputs(parameters, p, desk);
        activate(shape_.g, A1(p), shape_.n_h);  // [2]
    }

    void weighted_inputs(const T* parameters, int64_t p, Desk<T>& desk) {
        const T *W1 = parameters + shape_.W1(), *b1 = parameters + shape_.b1();
        multiply(shape_.n_h, shape_.n_x, W1, shape_.n_x, 1, b1, static_cast<const T*>(X(p, desk)), A1(p));  // [1] Z1 = W1 X + b1
    }

    void output_layer(const T* parameters, int64_t p, Desk<T>& desk) {
        const T *W2 = parameters + shape_.W2(), *b2 = parameters + shape_.b2();
        const int n_in = shape_.n_in();
        multiply(shape_.n_y, n_in, W2, n_in, 1, b2, inputs(p, desk), static_cast<T*>(desk.Z2));  // [3] Z2 = W2 A1 + b2
    }

    void forward(const T* parameters, int64_t p, Desk<T>& desk) {
        hidden_layer(parameters, p, desk);
        output_layer(parameters, p, desk);
        output<T, false>(shape_.sigma, shape_.n_y, desk.Z2, nullptr, desk.A2, nullptr);  // [4]
    }

    void forward_with_loss(const T* parameters, int64_t p, Desk<T>& desk) {
        hidden_layer(parameters, p, desk);
        output_layer(parameters, p, desk);
        Line<T> loss;
        output<T, true>(shape_.sigma, shape_.n_y, desk.Z2, desk.Y, desk.A2, &loss);  // [4] and L(A2, Y)
        store(losses_ + p * L, load(weights_ + p * L) * loss);
    }

    void backward(const T* parameters, int64_t p, Desk<T>& desk) {
        const auto w = load(weights_ + p * L);
        T *dz2 = dZ2(p), *dz1 = dZ1(p);
        for (int k = 0; k < shape_.n_y; ++k)
            store(dz2 + k * L, w * (load(desk.A2 + k * L) - load(desk.Y + k * L)));  // [5] dZ2 = w ∗ (A2 - Y)
        if (shape_.n_h == 0) return;
        const T* W2 = parameters + shape_.W2();
        multiply<T>(shape_.n_h, shape_.n_y, W2, 1, shape_.n_h, nullptr, dz2, dz1);  // [8] dZ1 = W2ᵀ dZ2 ∗ g'(Z1)
        multiply_by_slope(shape_.g, A1(p), dz1, shape_.n_h);
    }

    // Sums over the block, for units first … last of the first layer (with n_h = 0: outputs).
    void gradients(int64_t n_panels, int first, int last, T* sums) {
        const int n_h = shape_.n_h, n_x = shape_.n_x, n_y = shape_.n_y;
        const T* dz = n_h ? dZ1(0) : dZ2(0);
        const int n = shape_.n_units();
        T* dW = sums + (n_h ? shape_.W1() : shape_.W2());
        if (correlates_)
            correlate(first, last, n, n_panels, dz, n_x, static_cast<const T*>(strips_), strip_, dW);  // [9] dW1 = dZ1 Xᵀ
        else
            dot(first, last, n, dz, 0, n_x, n_x, static_cast<const T*>(X_), n_panels, dW, n_x);  // [9], for few features
        sum_rows(first, last, n, dz, n_panels, sums + (n_h ? shape_.b1() : shape_.b2()));  // [10] db1 = Σ dZ1
        if (n_h == 0) return;  // then these were [6] and [7]
        dot(0, n_y, n_y, static_cast<const T*>(dZ2_), first, last, n_h, static_cast<const T*>(A1_), n_panels, sums + shape_.W2(), n_h);  // [6] dW2 = dZ2 A1ᵀ
        if (first == 0) sum_rows(0, n_y, n_y, static_cast<const T*>(dZ2_), n_panels, sums + shape_.b2());  // [7] db2 = Σ dZ2
    }

    T loss(int64_t n_panels) const { return sum_lines(losses_, n_panels); }
    T weight(int64_t n_panels) const { return sum_lines(weights_, n_panels); }

    T* X(int64_t p, Desk<T>& desk) { return training_ && !correlates_ ? X_ + p * shape_.n_x * L : desk.X + 0; }
    T* A1(int64_t p) { return A1_ + (training_ ? p * shape_.n_h * L : 0); }
    T* dZ1(int64_t p) { return dZ1_ + p * shape_.n_h * L; }
    T* dZ2(int64_t p) { return dZ2_ + p * shape_.n_y * L; }

  private:
    const T* inputs(int64_t p, Desk<T>& desk) { return shape_.n_h ? A1(p) : X(p, desk); }

    static T sum_lines(const T* lines, int64_t n) {
        auto sum = broadcast(T(0));
        for (int64_t i = 0; i < n; ++i) sum = sum + load(lines + i * L);
        return sum_lanes(sum);
    }

    Shape shape_{};
    int64_t capacity_ = 0;
    bool training_ = false, correlates_ = false;
    int64_t strip_ = 0;
    // All panels of each, but A1 where only predictions are wanted: then one.
    Buffer<T> X_, strips_, A1_, dZ1_, dZ2_, weights_, losses_, zeros_;
};

}  // namespace shoal
