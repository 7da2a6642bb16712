// One step of an optimiser on a run of parameters: W, its state and the sums of its gradient.
//
// `inverse_m` turns the sums into means, and `alpha` is the penalty's, ½ α Σ W² / m (0 for biases).
// `shrink` is 1 - rate · decay: the decay that is decoupled from the gradient (Loshchilov and Hutter,
// "Decoupled weight decay regularization", ICLR 2019; 1 for biases).
// Twin: src/shoal/compute/plain.py.
#pragma once

#include "simd.hpp"

namespace shoal {

// Runs of parameters, of their state and of the sums of their gradient, which take a step line after line.
// (What f(sum, x) is given must stay in registers, so it must be inlined: as a call it took three times as long.)
template <int K, class T>
struct Runs {
    const T* sums;
    T* at[K];

    // All n.
    template <class F>
    void step(int64_t n, const F& f) {
        constexpr int L = LANES<T>;
        for (; n >= L; n -= L) next(L, f);
        if (n > 0) next(int(n), f);
    }

    // The next ones, up to a line of them. Returns the new values of the first run.
    template <class F>
    SHOAL_INLINE Line<T> next(int n, const F& f) {
        Line<T> x[K];
        unrolled<K>([&](auto k) __attribute__((always_inline)) { x[k] = load_lanes(at[k], n); });
        f(load_lanes(sums, n), x);
        unrolled<K>([&](auto k) __attribute__((always_inline)) { store_lanes(at[k], x[k], n), at[k] += n; });
        sums += n;
        return x[0];
    }
};

// Moving averages that only decay become denormal numbers, which are slow on many
// machines: below 1e-30 they are set to 0.
template <class T>
SHOAL_INLINE Line<T> flush_tiny(const Line<T>& x) {
    return where_greater(magnitude(x), broadcast(T(1e-30)), x, broadcast(T(0)));
}

template <class T>
struct Rule {
    T learning_rate, momentum, beta1, beta2, epsilon, inverse_m;
    // Adam's corrections for its start from 0: 1/(1 - β1ᵗ) and 1/(1 - β2ᵗ).
    T correct1, correct2;

    // v := μ v + dW, W := W - α v, for W and v. With μ = 0 this is the lecture's update.
    auto momentum_step(T alpha, T shrink) const {
        return [rule = *this, alpha, shrink](const auto& sum, auto& x) __attribute__((always_inline)) {
            auto& [w, a] = x;
            a = flush_tiny(fma(broadcast(rule.momentum), a, rule.gradient(sum, w, alpha)));
            w = fma(broadcast(-rule.learning_rate), a, w * broadcast(shrink));
        };
    }

    // Kingma & Ba 2015, algorithm 1, for W and the averages of its gradient and of the square.
    auto adam_step(T alpha, T shrink) const {
        return [rule = *this, alpha, shrink](const auto& sum, auto& x) __attribute__((always_inline)) {
            auto& [w, a, b] = x;
            const auto g = rule.gradient(sum, w, alpha);
            a = flush_tiny(fma(broadcast(rule.beta1), a, broadcast(1 - rule.beta1) * g));
            b = flush_tiny(fma(broadcast(rule.beta2), b, (broadcast(1 - rule.beta2) * g) * g));
            const auto length = sqrt(b * broadcast(rule.correct2)) + broadcast(rule.epsilon);
            w = fma(broadcast(-rule.learning_rate), (a * broadcast(rule.correct1)) / length, w * broadcast(shrink));
        };
    }

  private:
    SHOAL_INLINE Line<T> gradient(const Line<T>& sum, const Line<T>& W, T alpha) const {
        return fma(broadcast(alpha), W, sum) * broadcast(inverse_m);
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
