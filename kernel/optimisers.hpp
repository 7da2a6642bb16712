// One step of an optimiser on a run of parameters: W, its state and the sums of its gradient.
//
// `inverse_m` turns the sums into means, and `alpha` is the penalty's, ½ α Σ W² / m (0 for biases).
// `shrink` is 1 - rate · decay: the decay that is decoupled from the gradient (Loshchilov and Hutter,
// "Decoupled weight decay regularization", ICLR 2019; 1 for biases).
// Twin: src/shoal/compute/plain.py.
#pragma once

#include "simd.hpp"

namespace shoal {

// Loops over the lines of up to three vectors at once, the last line possibly a part.
template <class T, class F>
SHOAL_INLINE void update_lines(int64_t n, const T* sums, T* W, T* s1, T* s2, F&& f) {
    constexpr int L = LANES<T>;
    int64_t i = 0;
    for (; i + L <= n; i += L) {
        auto w = load_anywhere(W + i), a = load_anywhere(s1 + i), b = load_anywhere(s2 + i);
        f(load_anywhere(sums + i), w, a, b);
        store_anywhere(W + i, w), store_anywhere(s1 + i, a), store_anywhere(s2 + i, b);
    }
    if (const int rest = int(n - i)) {
        auto w = load_some(W + i, rest), a = load_some(s1 + i, rest), b = load_some(s2 + i, rest);
        f(load_some(sums + i, rest), w, a, b);
        store_some(W + i, w, rest), store_some(s1 + i, a, rest), store_some(s2 + i, b, rest);
    }
}

// Moving averages that decay for ever end in denormal numbers, which are slow on many
// machines: below 1e-30 they count as 0.
template <class T>
SHOAL_INLINE Line<T> without_dust(const Line<T>& x) {
    return where_greater(magnitude(x), broadcast(T(1e-30)), x, broadcast(T(0)));
}

template <class T>
struct Rule {
    T learning_rate, momentum, beta1, beta2, epsilon, inverse_m;
    // Adam's corrections for its start from 0: 1/(1 - β1ᵗ) and 1/(1 - β2ᵗ).
    T correct1, correct2;

    SHOAL_INLINE Line<T> gradient(const Line<T>& sum, const Line<T>& W, T alpha) const {
        return fma(broadcast(alpha), W, sum) * broadcast(inverse_m);
    }

    // v := μ v + dW, W := W - α v. With μ = 0 this is the lecture's update.
    void momentum_step(int64_t n, T alpha, T shrink, const T* sums, T* W, T* v) const {
        update_lines(n, sums, W, v, v, [&](auto sum, auto& w, auto& a, auto& b) {
            a = without_dust(fma(broadcast(momentum), a, gradient(sum, w, alpha)));
            b = a;
            w = fma(broadcast(-learning_rate), a, w * broadcast(shrink));
        });
    }

    // Kingma & Ba 2015, algorithm 1.
    void adam_step(int64_t n, T alpha, T shrink, const T* sums, T* W, T* first, T* second) const {
        const auto one = broadcast(T(1));
        update_lines(n, sums, W, first, second, [&](auto sum, auto& w, auto& a, auto& b) {
            const auto g = gradient(sum, w, alpha);
            a = without_dust(fma(broadcast(beta1), a, (one - broadcast(beta1)) * g));
            b = without_dust(fma(broadcast(beta2), b, ((one - broadcast(beta2)) * g) * g));
            const auto length = sqrt(b * broadcast(correct2)) + broadcast(epsilon);
            w = fma(broadcast(-learning_rate), (a * broadcast(correct1)) / length, w * broadcast(shrink));
        });
    }
};

// Half a wave of the cosine, from 1 at the start to 0 at the end: ½ (1 + cos πu), for u ≥ 0.
// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.) By its series, as
// the cosines of two libraries differ in the last bit; 10 terms leave 3e-16.
inline double half_cosine(double u) {
    if (u >= 1) return 0;
    const double x = 3.141592653589793 * (0.5 - u);  // cos πu = sin x
    double series = 1;
    for (int n = 9; n > 0; --n) series = 1 - x * x / double(2 * n * (2 * n + 1)) * series;
    return 0.5 * (1 + x * series);
}

}  // namespace shoal
