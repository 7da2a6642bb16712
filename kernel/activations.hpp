// The functions g [2] and σ [4], the slope of g [8] and the loss, line by line.
#pragma once

#include <limits>

#include "functions.hpp"
#include "shape.hpp"

namespace shoal {

template <class T, class F>
SHOAL_INLINE void each_line(T* lines, int n, F&& f) {
    for (int i = 0; i < n; ++i, lines += LANES<T>) store(lines, f(load(lines)));
}

template <class T>
void multiply_lines(T* lines, const T* by, int n) {
    for (int i = 0; i < n * LANES<T>; i += LANES<T>) store(lines + i, load(lines + i) * load(by + i));
}

constexpr double LEAK = 0.01;  // slope of leaky_relu below 0 (Maas et al. 2013)

constexpr double LARGEST_LOGARITHM = 30;  // of a rate, see src/shoal/network/outputs.py

// Calls use(g), where g takes a line of Z1.
template <class T, class F>
SHOAL_INLINE void with_activation(Activation g, F&& use) {
    const auto zero = broadcast(T(0)), leak = broadcast(T(LEAK));
    switch (g) {
        case Activation::tanh: return use([](const Line<T>& x) __attribute__((always_inline)) { return tanh(x); });
        // x is kept unless 0 > x, so a NaN stays a NaN.
        case Activation::relu: return use([=](const Line<T>& x) __attribute__((always_inline)) { return greater(zero, x); });
        case Activation::leaky_relu: return use([=](const Line<T>& x) __attribute__((always_inline)) { return where_greater(zero, x, leak * x, x); });
        case Activation::sigmoid: return use([](const Line<T>& x) __attribute__((always_inline)) { return sigmoid(x); });
        case Activation::identity: return use([](const Line<T>& x) __attribute__((always_inline)) { return x; });
    }
}

template <class T>
void activate(Activation g, T* z, int n) {  // [2]
    if (g != Activation::identity) with_activation<T>(g, [&](const auto& f) { each_line(z, n, f); });
}

// Calls f(i, g'(Z1)) for the n lines of a panel; g' is known from A1 alone: `a`, or `times` · `a`
// after dropout.
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
    } else if (sigma == Output::poisson) {
        // exp_of_negative is exp as long as 2ᵏ is a normal number: up to 88 in float32.
        const auto most = broadcast(T(LARGEST_LOGARITHM)), largest = exp_of_negative(most);
        const auto tiny = broadcast(std::numeric_limits<T>::min());
        for (int k = 0; k < n_y; ++k) {
            const auto Z = load(z + k * L), bounded = lesser(most, Z), A = exp_of_negative(bounded);
            store(a + k * L, A);
            if constexpr (with_loss) {  // 0 log 0 is 0
                const auto Y = load(y + k * L);
                sum = sum + (fma(Y, log(greater(tiny, Y)) - Z, A - Y) + (Z - bounded) * largest);
            }
        }
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
}  // namespace shoal
