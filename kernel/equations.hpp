// The ten equations on one block of at most 512 examples, in the lecture's letters:
//
//   X (n_x, m)   A1, Z1, dZ1 (n_h, m)   Y, A2, Z2, dZ2 (n_y, m)   one column is one example
//
// Matrices of examples lie in panels (see products.hpp). Lanes after the last example
// hold zeros and have weight 0, so they add nothing to any sum. With n_h = 0 there is no
// [1] and [2]: X takes the place of A1. With coded columns or sparse rows the first layer is
// in coded_layer.hpp, with the same marks.
//
// The specification is src/shoal/network/equations.py; the marks [1] … [10] are the same.
#pragma once

#include "coded_layer.hpp"
#include "tree_sum.hpp"

namespace shoal {

static_assert(BLOCK_ROWS * LINE_BYTES <= UINT16_MAX);  // Sorted's 16 bits say where any example's line begins

template <class T>
class Block {
  public:
    static constexpr int L = LANES<T>;

    Block() = default;
    Block(const Shape& shape, int64_t rows, bool training)
        : shape_(shape), coded_(!shape.groups.empty()), correlates_(shape.n_x >= L), panels_(panels(std::min<int64_t>(rows, BLOCK_ROWS))) {
        const int64_t n = panels_ * L;
        Z2_ = Buffer<T>(shape.n_y * n);
        A2_ = Buffer<T>(shape.n_y * n);
        if (training) {
            Y_ = Buffer<T>(shape.n_y * n);
            weights_ = Buffer<T>(n);
            losses_ = Buffer<T>(n);
        }
        if (coded_) {
            layer_ = CodedLayer<T>(shape, panels_);
            if (!training) A1_ = Buffer<T>(shape.n_h * L);
            return;
        }
        zeros_ = Buffer<T>(shape.n_x);
        X_ = Buffer<T>(shape.n_x * n);
        A1_ = Buffer<T>(shape.n_h * n);
        if (!training) return;
        if (correlates_) strips_ = Buffer<T>((shape.n_x + L - 1) / L * n * L);
        dZ1_ = Buffer<T>(shape.n_h * n);
    }

    static int64_t panels(int64_t rows) { return (rows + L - 1) / L; }

    // Copies panel p of the rows: features as lines for [1], and for [9] examples as lines.
    void gather_X(const Examples<T>& from, const Rows& rows, int64_t n_rows, int64_t p) {
        const int n = shape_.n_x, present = int(std::min<int64_t>(L, n_rows - p * L));
        if (coded_) {
            for (int r = 0; r < L; ++r) layer_.gather(p * L + r, from, r < present ? rows[p * L + r] : -1);
            return;
        }
        const T* row[L];
        for (int r = 0; r < L; ++r) row[r] = r < present ? from.X + rows[p * L + r] * n : static_cast<const T*>(zeros_);
        transpose_rows(row, n, X(p));
        if (!strips_) return;
        T* line = strips_ + p * L * L;
        for (int i = 0; i < n; i += L, line += panels_ * L * L)
            for (int r = 0; r < L; ++r) store(line + r * L, load_anywhere(row[r] + strip_start(i, n, L)));
    }

    // The same column by column (see NumberColumns): values of number i, or codes and places of group g, of m rows from r on,
    // which begin a panel. The block is to hold n_rows; what stands after them is of no meaning.
    void begin(int64_t n_rows) {
        if (n_rows % L == 0) return;
        const int64_t p = n_rows / L;
        if (!coded_) return void(std::fill(X(p), X(p + 1), T(0)));
        for (int r = 0; r < L; ++r) layer_.gather(p * L + r, {}, -1);
    }
    void numbers(int i, int64_t r, int64_t m, const T* values) {
        if (coded_) return layer_.codes().numbers(i, r, m, values);
        for (int64_t at = 0; at < m; at += L) std::copy(values + at, values + std::min<int64_t>(at + L, m), X((r + at) / L) + i * L);
    }
    void codes(int g, int64_t r, int64_t m, const int32_t* codes) { layer_.codes().put(g, r, m, codes); }
    void places(int g, int64_t r, int64_t m, const T* places) { layer_.codes().put_places(g, r, m, places); }

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
        if (coded_) return layer_.first_not_finite(p * L);
        const auto zero = broadcast(T(0));
        Line<T> sums[4] = {zero, zero, zero, zero};  // 0 · x is 0, or NaN for a number that is not finite
        for (int i = 0; i < shape_.n_x; ++i) sums[i % 4] = fma(load(X(p) + i * L), zero, sums[i % 4]);
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
            multiply<V, T>(shape_.n_h, shape_.n_x, W1, shape_.n_x, 1, b1, X(p), A1(p));
        });
    }

    // [2] A1 = g(Z1) for panels first … last, or for one of some equal parts of their lines.
    void activate_hidden(int64_t first, int64_t last, int part = 0, int parts = 1) {
        if (coded_) return layer_.activate_hidden(first, last);
        const int64_t lines = (last - first) * shape_.n_h, begin = lines * part / parts;
        activate(shape_.g, A1(first) + begin * L, int(lines * (part + 1) / parts - begin));
    }

    // [3] Z2 = W2 A1 + b2 for panels first … last: several at once, as one row's sum is too
    // short a chain of work.
    void weighted_activations(const T* parameters, const Tables<T>& tables, int64_t first, int64_t last) {
        const T *W2 = parameters + shape_.W2(), *b2 = parameters + shape_.b2();
        const int n_y = shape_.n_y, depth = shape_.n_in();
        for (int64_t p = first; coded_ && p < last; ++p) layer_.weighted_activations(tables, b2, p, Z2(p));
        if (coded_) return;
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
        if (shape_.n_h == 0 || coded_) return;
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
    void allow_dropout(double share) {
        share_ = T(share);
        coded_ ? layer_.allow_dropout() : void(kept_ = Buffer<T>(shape_.n_h * panels_ * L));
    }

    void drop(const Dropout& dropout, int64_t place, int64_t p) {  // after [2]
        if (coded_) return layer_.drop(dropout, place, p);
        draw_kept(dropout, place, 0, shape_.n_h, kept(p));
        multiply_lines(A1(p), kept(p), shape_.n_h);
    }

    // Sums over the block, for units first … last of the first layer (with n_h = 0: outputs);
    // one member of a team adds the output layer's biases.
    void gradients(const Tables<T>& tables, int64_t n, int first, int last, bool with_b2, T* sums, Sorted<T>& sorted) {
        const int n_x = shape_.n_x, n_h = shape_.n_h, n_y = shape_.n_y, units = shape_.n_units();
        if (n_h && with_b2) sum_rows<T>(0, n_y, n_y, dZ2(0), n, sums + shape_.b2());  // [7] db2 = Σ dZ2
        if (coded_) return layer_.gradients(tables, dZ2(0), n, share_, first, last, sums, sorted);
        const T* dz = n_h ? dZ1(0) : dZ2(0);
        T* dW = sums + shape_.first_layer();
        if (correlates_)
            correlate<T>(first, last, units, n, dz, n_x, strips_, panels_ * L * L, dW, n_x);  // [9] dW1 = dZ1 Xᵀ
        else
            dot<T>(first, last, units, dz, 0, n_x, n_x, X(0), n, dW, n_x);  // [9], for few features
        sum_rows<T>(first, last, units, dz, n, sums + shape_.first_biases());  // [10] db1 = Σ dZ1
        if (n_h) dot<T>(0, n_y, n_y, dZ2(0), first, last, n_h, A1(0), n, sums + shape_.W2(), n_h);  // [6] dW2 = dZ2 A1ᵀ
        // With n_h = 0, [9] and [10] were [6] and [7].
    }

    T loss(int64_t n) const { return sum_lines(losses_, n); }
    T weight(int64_t n) const { return sum_lines(weights_, n); }

    bool coded() const { return coded_; }
    CodedLayer<T>& layer() { return layer_; }
    // Panel p of the hidden layer's A1 (or Z1), for a prediction's results.
    const T* hidden(int64_t p) {
        if (!coded_) return A1(p);
        layer_.panel(p, A1_);
        return A1_;
    }
    T* X(int64_t p) { return X_ + p * shape_.n_x * L; }
    T* Y(int64_t p) { return Y_ + p * shape_.n_y * L; }
    T* A1(int64_t p) { return A1_ + p * shape_.n_h * L; }
    T* kept(int64_t p) { return kept_ + p * shape_.n_h * L; }
    T* Z2(int64_t p) { return Z2_ + p * shape_.n_y * L; }
    T* A2(int64_t p) { return A2_ + p * shape_.n_y * L; }
    T* dZ1(int64_t p) { return dZ1_ + p * shape_.n_h * L; }
    T* dZ2(int64_t p) { return Z2(p); }  // Z2 is not needed any more
    const T* weights(int64_t p) const { return weights_ + p * L; }

  private:
    static T sum_lines(const T* lines, int64_t n) {
        auto sum = broadcast(T(0));
        for (int64_t i = 0; i < n; ++i) sum = sum + load(lines + i * L);
        return sum_lanes(sum);
    }

    Shape shape_{};
    bool coded_ = false;       // the first layer is `layer_`
    bool correlates_ = false;  // [9] over features; with less than a line of them, over examples
    int64_t panels_ = 0;
    CodedLayer<T> layer_;
    Buffer<T> X_, strips_, Y_, A1_, Z2_, A2_, dZ1_, kept_, weights_, losses_, zeros_;
    T share_ = 1;  // of the hidden units that dropout keeps
};

}  // namespace shoal
