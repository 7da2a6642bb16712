// The layer that sees coded columns or sparse rows, and what depends on it. Here lanes are units,
// not examples: each line of units has a line for every example of the block, so that [1] adds
// whole lines of weights and [9] whole lines of dZ1. The equations are those of equations.hpp.
//
//   A1, Z1, dZ1   line of units after line of units, in each one line an example; they share memory
//   W1            in the kernel's layout: line of units after line of units, in each column after
//                 column: see `turn`
#pragma once

#include "activations.hpp"
#include "dropout.hpp"

namespace shoal {

// The layer's weights as tables, one for each line of units, and the output layer's, line by line.
template <class T>
class Tables {
  public:
    static constexpr int L = LANES<T>;

    Tables() = default;
    explicit Tables(const Shape& shape) : shape_(shape), coding_(shape.groups, shape.n_numbers()) {
        if (shape.groups.empty()) return;
        first_ = Buffer<T>(int64_t(coding_.lines()) * shape.lines_of_units<T>() * L);
        if (shape.n_h) W2_ = Buffer<T>(int64_t(shape.n_y) * shape.lines_of_units<T>() * L);
    }

    // Takes the weights of units first … last (whole lines of them), in the kernel's layout.
    void take(const T* parameters, int first, int last) {
        for (int i = first; i < last; i += L) {
            const int units = std::min(L, shape_.n_units() - i);
            const T* column = parameters + shape_.first_layer() + int64_t(i) * shape_.n_x;
            take_line(parameters, i, [&]() __attribute__((always_inline)) { return column += units, load_lanes(column - units, units); });
        }
    }

    // The same of one line of units, from unit i on; `next` gives their columns.
    template <class F>
    SHOAL_INLINE void take_line(const T* parameters, int i, F&& next) {
        const int units = std::min(L, shape_.n_units() - i);
        coding_.spread(load_lanes(parameters + shape_.first_biases() + i, units), next, static_cast<T*>(first_) + int64_t(i) * coding_.lines());
        for (int k = 0; W2_ && k < shape_.n_y; ++k)
            store(W2_ + (int64_t(i) * shape_.n_y + k * L), load_lanes(parameters + shape_.W2() + int64_t(k) * shape_.n_h + i, units));
    }

    const T* of(int line) const { return first_ + int64_t(line) * L * coding_.lines(); }
    const T* W2(int line) const { return W2_ + int64_t(line) * L * shape_.n_y; }

  private:
    Shape shape_{};
    Coding coding_;
    Buffer<T> first_, W2_;
};

template <class T>
class CodedLayer {
  public:
    static constexpr int L = LANES<T>;

    CodedLayer() = default;
    CodedLayer(const Shape& shape, int64_t n_panels)
        : shape_(shape), coding_(shape.groups, shape.n_numbers()), n_lines_(shape.lines_of_units<T>()), rows_(n_panels * L), apart_((rows_ + 1) * L), A1_(n_lines_ * apart_) {
        if (shape.entries)
            sparse_ = SparseRows<T>(rows_);
        else
            codes_ = Codes<T>(coding_, rows_);
    }

    // Example r of the block is this row of all; -1: it is empty.
    void gather(int64_t r, const Examples<T>& from, int64_t row) {
        if (shape_.entries)
            sparse_.gather(r, from.entries, row, row >= 0);
        else if (row < 0)
            codes_.gather(r, nullptr, nullptr, nullptr);
        else
            codes_.gather(r, from.X + row * coding_.numbers(), from.codes + row * coding_.groups(), from.places + row * coding_.binned());
    }

    Codes<T>& codes() { return codes_; }

    // The first of L examples from r on with a number that is not finite, or -1.
    int first_not_finite(int64_t r) const {
        for (int k = 0; k < L; ++k)
            for (int i = 0; i < coding_.numbers(); ++i)
                if (const T x = codes_.numbers(r + k)[i]; x - x != 0) return k;
        return -1;
    }

    // [1] Z1 = W1 X + b1 for panels first … last, and where wanted [2] A1 = g(Z1), which computes while
    // [1] waits for its loads.
    void weighted_inputs(const Tables<T>& tables, int64_t first, int64_t last, bool activated) {
        constexpr int TOGETHER = Codes<T>::TOGETHER;
        const int64_t table_apart = int64_t(L) * coding_.lines();
        with_activation<T>(activated ? shape_.g : Activation::identity, [&](const auto& g) __attribute__((always_inline)) {
            for (int line = 0; shape_.entries && line < n_lines_; ++line)
                for (int64_t r = first * L; r < last * L; r += TOGETHER) sparse_.template weighted_inputs<TOGETHER>(tables.of(line), r, A1(line, r), g);
            if (shape_.entries) return;
            in_groups<TILE_LINES>(0, n_lines_, [&](auto V, int line) {
                for (int span = 0; span < coding_.spans(); ++span)
                    for (int64_t r = first * L; r < last * L; r += TOGETHER) codes_.template weighted_inputs<V>(tables.of(line), table_apart, span, r, A1(line, r), apart_, g);
            });
        });
    }

    void activate_hidden(int64_t first, int64_t last) {  // [2]
        for (int line = 0; line < n_lines_; ++line) activate(shape_.g, A1(line, first * L), int(last - first) * L);
    }

    void allow_dropout() { kept_ = Buffer<T>(n_lines_ * apart_); }

    void drop(const Dropout& dropout, int64_t place, int64_t p) {  // after [2]
        alignas(LINE_BYTES) T drawn[L * L];
        for (int line = 0; line < n_lines_; ++line) {
            T *a = A1(line, p * L), *kept = kept_ + (a - A1_);
            draw_kept(dropout, place, line * L, line * L + units_of(line), drawn);
            turn_panel(drawn, units_of(line), kept);
            multiply_lines(a, kept, L);
        }
    }

    // [3] Z2 = W2 A1 + b2 for panel p; with n_h = 0 what [1] gave.
    void weighted_activations(const Tables<T>& tables, const T* b2, int64_t p, T* z2) const {
        if (shape_.n_h == 0) return panel(p, z2);
        dot<T>(0, shape_.n_y, shape_.n_y, tables.W2(0), 0, L, int(apart_ / L), A1(0, p * L), n_lines_, z2, L);
        for (int k = 0; k < shape_.n_y; ++k) store(z2 + k * L, load(z2 + k * L) + broadcast(b2[k]));
    }

    // Panel p of the layer's A1 (or Z1): a line for each unit.
    void panel(int64_t p, T* lines) const {
        alignas(LINE_BYTES) T turned[L * L];
        for (int line = 0; line < n_lines_; ++line) {
            turn_panel(A1(line, p * L), L, turned);
            std::copy(turned, turned + L * units_of(line), lines + line * L * L);
        }
    }

    // The sums of units first … last (whole lines of them), from the n panels of dZ2.
    void gradients(const Tables<T>& tables, const T* dz2, int64_t n, T share, int first, int last, T* sums, Sorted<T>& sorted) {
        if (!shape_.entries) codes_.sort(n * L, sorted);
        for (int line = first / L; line * L < last; ++line) gradients_of_line(tables, dz2, n, share, line, sums, sorted);
    }

  private:
    T* A1(int line, int64_t r) { return A1_ + line * apart_ + r * L; }
    const T* A1(int line, int64_t r) const { return A1_ + line * apart_ + r * L; }
    int units_of(int line) const { return std::min(L, shape_.n_units() - line * L); }

    // The transpose of a square of lines, of which the first `given` exist; the others are zeros.
    static void turn_panel(const T* lines, int given, T* turned) {
        alignas(LINE_BYTES) static constexpr T zeros[L] = {};
        const T* row[L];
        for (int i = 0; i < L; ++i) row[i] = i < given ? lines + i * L : zeros;
        transpose_rows(row, L, turned);
    }

    // [6] dW2 = dZ2 A1ᵀ, [8] dZ1 = W2ᵀ dZ2 ∗ g'(Z1) in place of A1, and [10] db1 = Σ dZ1.
    void slopes(const T* W2, const T* dz2, int64_t n, T share, int line, T* dW2, T* db1) {
        const int n_y = shape_.n_y, units = units_of(line);
        if (n_y > 1)
            in_tiles<TILE_ROWS>(0, n_y, [&](auto U, int k) {
                Line<T> sum[U];
                unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
                accumulate<U>(sum, dz2 + k * L, {L, int64_t(n_y) * L, 1}, n, L, A1(line, 0));
                unrolled<U>([&](auto u) { store_lanes(dW2 + int64_t(k + u) * shape_.n_h, sum[u], units); });
            });
        alignas(LINE_BYTES) T dz[L * L];
        const auto zero = broadcast(T(0)), W2_of_one = load(W2);
        auto dW2_of_one = zero, sum = zero;  // with one output they cost nothing more
        for (int64_t p = 0; p < n; ++p, dz2 += n_y * L) {
            T* a = A1(line, p * L);
            const T* kept = kept_ ? kept_ + (a - A1_) : nullptr;
            if (n_y > 1) multiply<1, T>(L, n_y, dz2, 1, L, nullptr, W2, dz);
            each_slope(shape_.g, a, share, L, [&](int r, auto slope) __attribute__((always_inline)) {
                const auto dZ2 = broadcast(dz2[r]);
                auto d = n_y > 1 ? load(dz + r * L) : fma(dZ2, W2_of_one, zero);
                if (kept) d = d * load(kept + r * L);
                d = d * slope;
                sum = sum + d;
                dW2_of_one = fma(dZ2, load(a + r * L), dW2_of_one);
                store(a + r * L, d);
            });
        }
        store_lanes(db1, sum, units);
        if (n_y == 1) store_lanes(dW2, dW2_of_one, units);
    }

    void gradients_of_line(const Tables<T>& tables, const T* dz2, int64_t n, T share, int line, T* sums, Sorted<T>& sorted) {
        const int n_x = shape_.n_x, n_numbers = coding_.numbers(), first = line * L, units = units_of(line);
        if (shape_.n_h)
            slopes(tables.W2(line), dz2, n, share, line, sums + shape_.W2() + first, sums + shape_.b1() + first);
        else {  // [7]
            for (int64_t p = 0; p < n; ++p) turn_panel(dz2 + (p * shape_.n_y + first) * L, units, A1(line, p * L));
            sum_rows<T>(first, first + units, shape_.n_y, dz2, n, sums + shape_.b2());
        }
        const T* dz = A1(line, 0);
        T* dW = sums + shape_.first_layer() + int64_t(first) * n_x;
        // [9] dW1 = dZ1 Xᵀ
        if (shape_.entries) return sparse_.gradients(dz, n * L, n_x, units, dW);
        in_tiles<TILE_ROWS>(0, n_numbers, [&](auto U, int i) {
            Line<T> sum[U];
            unrolled<U>([&](auto u) { sum[u] = broadcast(T(0)); });
            accumulate<U>(sum, codes_.numbers(0) + i, {1, 0, n_numbers}, 1, int(n) * L, dz);
            unrolled<U>([&](auto u) { store_lanes(dW + (i + u) * units, sum[u], units); });
        });
        dW += n_numbers * units;
        if (units == L) return codes_.gradients(dz, sorted, dW);
        codes_.gradients(dz, sorted, sorted.dW);
        for (int i = 0; i < coding_.columns(); ++i) store_some(dW + i * units, load(sorted.dW + i * L), units);
    }

    Shape shape_{};
    Coding coding_;
    int n_lines_ = 0;
    int64_t rows_ = 0, apart_ = 0;  // apart: from one line of units to the next; after the rows there is a line of zeros
    Codes<T> codes_;
    SparseRows<T> sparse_;
    Buffer<T> A1_, kept_;
};

}  // namespace shoal
