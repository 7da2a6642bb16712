// Normal draws by counting: + - * / and √ alone, each rounded by itself, so that they have the bits of NumPy.
// Twin, with the sources: `normal` in src/shoal/network/draws.py.
#pragma once

#include <algorithm>
#include <cmath>

#include "random.hpp"

namespace shoal {

// c[0] + c[1] x + c[2] x² …
template <size_t n>
double polynomial(double x, const double (&c)[n]) {
    double value = c[n - 1];
    for (size_t i = n - 1; i-- > 0;) value = value * x + c[i];
    return value;
}

// As `_log`: not the `log` of functions.hpp, whose last bits are others.
inline double log_of_draw(double x) {
    int exponent;
    double fraction = std::frexp(x, &exponent);  // in [½, 1)
    if (fraction < std::sqrt(0.5)) fraction = 2 * fraction, --exponent;
    const double s = (fraction - 1) / (fraction + 1), square = s * s;
    double series = 1.0 / 23;  // artanh
    for (int n = 10; n >= 0; --n) series = series * square + 1.0 / (2 * n + 1);
    return exponent * 0.6931471805599453 + 2 * s * series;
}

inline double quantile_of_centre(double q) {  // q = p - ½, |q| ≤ 0.425
    // clang-format off
    static constexpr double over[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
    static constexpr double under[] = {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3};
    // clang-format on
    const double r = 0.180625 - q * q;
    return q * polynomial(r, over) / polynomial(r, under);
}

inline double quantile_of_tail(double p) {
    // clang-format off
    static constexpr double near_over[] = {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static constexpr double near_under[] = {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static constexpr double far_over[] = {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static constexpr double far_under[] = {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15};
    // clang-format on
    const double r = std::sqrt(-log_of_draw(std::min(p, 1 - p)));
    const double tail = r <= 5 ? polynomial(r - 1.6, near_over) / polynomial(r - 1.6, near_under) : polynomial(r - 5, far_over) / polynomial(r - 5, far_under);
    return p - 0.5 < 0 ? -tail : tail;
}

// The first n numbers of a stream, from the standard normal distribution.
inline void normal(uint64_t key, uint64_t stream, double* out, int64_t n) {
    constexpr int64_t SOME = 512;  // at a time: the loop over the centre has no branch, and goes through vectors
    double p[SOME];
    for (int64_t first = 0; first < n; first += SOME) {
        const int64_t some = std::min(SOME, n - first);
        for (int64_t i = 0; i < some; i += 2) {
            const Philox four = philox(key, uint64_t(first + i) / 2, stream);
            for (int k = 0; k < 2; ++k) {
                const uint64_t word = uint64_t(four[2 * k]) << 32 | four[2 * k + 1];
                p[i + k] = (double(int64_t(word >> 12)) + 0.5) * 0x1p-52;
            }
        }
        for (int64_t i = 0; i < some; ++i) out[first + i] = quantile_of_centre(p[i] - 0.5);
        for (int64_t i = 0; i < some; ++i)
            if (!(std::abs(p[i] - 0.5) <= 0.425)) out[first + i] = quantile_of_tail(p[i]);
    }
}

}  // namespace shoal
