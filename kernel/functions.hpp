// exp, tanh, log and log1p of a Line, from fma and bit moves alone.
//
// Same bits on every machine; within 2 units in the last place. A NaN stays a NaN;
// exp(-inf) = 0, exp(inf) = inf, tanh(±inf) = ±1, log(0) = -inf.
//
// log is Taylor's series of artanh(s) = Σ s²ⁿ⁺¹/(2n+1), cut where the next term is below a tenth
// of the last place on the reduced range. The other polynomials are those with the smallest
// worst error: tools/minimax.py.
#pragma once

#include "simd.hpp"

namespace shoal {

template <class T>
struct Precision;

template <>
struct Precision<float> {
    static constexpr int mantissa_bits = 23;
    static constexpr int exponent_bias = 127;
    static constexpr int log_terms = 4;  // 0.1716¹⁰/11 = 2e-9
    static constexpr float to_integer = 0x1.8p23f;  // adding it leaves round(x) in the low bits
    static constexpr float exp_floor = -104.0f;     // exp below is 0
    static constexpr float exp_ceiling = 89.0f;     // exp above is infinite
    static constexpr float tanh_ceiling = 9.5f;     // tanh above rounds to 1
    static constexpr float artanh_half = 0.549306144f;
    static constexpr float tanh_near_zero[] = {-0.33333318223913650038f, 0.13332608414555607551f, -0.053854630444375220673f,
                                               0.021081195191428463114f, -0.0062876751481062381211f};
    static constexpr float two_to[] = {1.0f, 0.69314720573710886751f, 0.24022646890405355117f, 0.055503287775097858385f,
                                       0.0096184889852802358852f, 0.0013399931049639334409f, 0.00015345804192248001156f};
    static constexpr float expm1[] = {0.49999993447938378458f, 0.16666520628716584618f, 0.04166838799099402861f,
                                      0.0083687171570959429391f, 0.0013814602457011894247f};
    static constexpr float log1p[] = {0.060930220005485322408f, -0.28852711049065250217f, 0.13260900386064182304f,
                                      -0.067687698728750511042f, 0.036635473928820932465f, -0.020570296219089842562f,
                                      0.011576144197142202497f, -0.0067499063227297471301f, 0.0052533622918820550819f,
                                      -0.0032440374451807454507f};
    // log 2 in two parts; the first has 9 trailing zeros, so k · high is exact for |k| < 512.
    static constexpr float log2_high = 0x1.62e4p-1f;
    static constexpr float log2_low = 0x1.7f7d1cp-20f;
};

template <>
struct Precision<double> {
    static constexpr int mantissa_bits = 52;
    static constexpr int exponent_bias = 1023;
    static constexpr int log_terms = 9;  // 0.1716²⁰/21 = 2e-17
    static constexpr double to_integer = 0x1.8p52;
    static constexpr double exp_floor = -746.0;
    static constexpr double exp_ceiling = 710.0;
    static constexpr double tanh_ceiling = 20.0;
    static constexpr double artanh_half = 0.54930614433405484570;
    // clang-format off
    static constexpr double tanh_near_zero[] = {-0.33333333333333300603, 0.13333333333326984205,   -0.053968253963969489089,
                                                0.021869488391796132825, -0.0088632326984198030103, 0.0035920930087330701577,
                                                -0.00145554914843000396, 0.00058847047067362662731, -0.00023344789852174331762,
                                                0.000083411933654760176593, -0.000019553939313171392731};
    static constexpr double two_to[] = {1.0, 0.69314718055994533046, 0.24022650695910156194, 0.055504108664819921674,
                                        0.0096181291075883374844, 0.0013333558146789910487, 0.0001540353046251262598,
                                        0.000015252733489995966166, 1.3215433090265398333e-6, 1.0178198019834490362e-7,
                                        7.0741055488794161694e-9, 4.435282822400354436e-10};
    static constexpr double expm1[] = {0.50000000000000106266,    0.16666666666666412527,  0.041666666666530162999,  0.0083333333334944643508,
                                       0.0013888888943628944935,  0.00019841269506565721965, 0.000024801493100070696605,
                                       2.7557586388421559987e-6,  2.7630247990262932101e-7,  2.50000567122968159e-8};
    static constexpr double log1p[] = {0.060930216216328765018,  -0.28852709909932388909,  0.13260975375420289721,   -0.067688643310966120741,
                                       0.036611854523158098765,  -0.020548811918991734997, 0.011833792109655042531,  -0.0069453949791256687878,
                                       0.0041361791219296144513, -0.0024918411228450610027, 0.0015153828223275752868, -0.00092885816224979335318,
                                       0.00057306541556121075356, -0.00035481595969453503099, 0.00022107438085062319999,
                                       -0.0001421166128928164611, 0.000089732732153472151074, -0.000044795209801234896171,
                                       0.000027524395971537988138, -0.000038390400951683651567, 0.000025041868561783995518};
    // clang-format on
    static constexpr double log2_high = 0x1.62e42fefa38p-1;
    static constexpr double log2_low = 0x1.ef35793c7673p-45;
};

// 2ᵏ for whole k in the range of normal numbers; k arrives as k + to_integer.
template <class T>
SHOAL_INLINE Line<T> power_of_two(const Line<T>& k_shifted) {
    using I = Vec<typename Bits<T>::type>;
    using P = Precision<T>;
    // The low bits of k + to_integer hold k; the shift drops all others.
    SHOAL_EACH_PART((Vec<T>)(((I)k_shifted.part[i] + P::exponent_bias) << P::mantissa_bits));
}

// x = k log 2 + r with |r| ≤ log(2)/2. Gives r, and k both as it is and as k + to_integer.
// (By reference: a struct of lines would be passed through memory.)
template <class T>
SHOAL_INLINE Line<T> reduce(const Line<T>& x, Line<T>& k, Line<T>& k_shifted) {
    using P = Precision<T>;
    const auto shift = broadcast(P::to_integer);
    k_shifted = fma(x, broadcast(T(1.4426950408889634074)), shift);  // log₂ e
    k = k_shifted - shift;
    return fma(k, broadcast(-P::log2_low), fma(k, broadcast(-P::log2_high), x));
}

// a₀ + a₁ x + a₂ x² + …, by Horner's rule.
template <class T, int n>
SHOAL_INLINE Line<T> polynomial(const T (&a)[n], const Line<T>& x) {
    auto sum = broadcast(a[n - 1]);
    unrolled<n - 1>([&](auto i) { sum = fma(sum, x, broadcast(a[n - 2 - i])); });
    return sum;
}

// exp(r) - 1 for |r| ≤ log(2)/2: r + r² P(r).
template <class T>
SHOAL_INLINE Line<T> small_expm1(const Line<T>& r) {
    return fma(r * r, polynomial(Precision<T>::expm1, r), r);
}

template <class T>
SHOAL_INLINE Line<T> exp(Line<T> x) {
    using P = Precision<T>;
    x = greater(broadcast(P::exp_floor), lesser(broadcast(P::exp_ceiling), x));
    Line<T> k, k_shifted;
    const auto r = reduce(x, k, k_shifted);
    // 2ᵏ in two factors, as k may lie outside the normal exponents.
    const auto shift = broadcast(P::to_integer);
    const auto half_shifted = fma(k, broadcast(T(0.5)), shift);
    const auto half = half_shifted - shift;
    const auto rest_shifted = (k - half) + shift;
    const auto first = power_of_two(half_shifted);
    return fma(first, small_expm1(r), first) * power_of_two(rest_shifted);
}

// exp(x) for x ≤ 0, as in the sigmoid and the softmax; below the normal numbers it is 0.
template <class T>
SHOAL_INLINE Line<T> exp_of_negative(const Line<T>& x) {
    constexpr T lowest = sizeof(T) == 4 ? T(-87.0) : T(-708.0);
    const auto floor = broadcast(lowest);
    Line<T> k, k_shifted;
    const auto r = reduce(greater(floor, x), k, k_shifted);
    const auto scale = power_of_two(k_shifted);
    return where_greater(floor, x, broadcast(T(0)), fma(scale, small_expm1(r), scale));
}

// With e = exp(-|z|) it is q = e/(1 + e) for z < 0, else 1 - q. The quotient is rounded once more
// after the division, so that its error is hardly more than half a unit in the last place: it never falls where e rises.
template <class T>
SHOAL_INLINE Line<T> sigmoid(const Line<T>& z) {
    const auto zero = broadcast(T(0)), one = broadcast(T(1));
    const auto e = exp_of_negative(zero - magnitude(z));
    const auto rough = e / (one + e);
    const auto rest = fma(zero - rough, e, e - rough);  // e - rough (1 + e); the difference is exact
    const auto q = fma(rest, one - rough, rough);       // 1 - rough is 1/(1 + e), roughly
    return where_greater(zero, z, q, one - q);
}

// For a = |x| up to artanh ½ the odd polynomial a + a³ P(a²), and above it 1 - 2/(exp(2a) + 1).
// The first hardly rounds but at its end, and every operation of the second keeps the order of
// what it is given: so tanh never falls where it should rise.
template <class T>
SHOAL_INLINE Line<T> tanh(const Line<T>& x) {
    using P = Precision<T>;
    const auto one = broadcast(T(1)), two = broadcast(T(2)), ceiling = broadcast(P::tanh_ceiling);
    const auto a = lesser(ceiling, magnitude(x));
    const auto s = a * a;
    const auto near = fma(a * s, polynomial(P::tanh_near_zero, s), a);
    const auto to_base_2 = broadcast(T(2.8853900817779268147)), shift = broadcast(P::to_integer);  // 2 log₂ e
    const auto k_shifted = fma(a, to_base_2, shift);
    const auto f = fma(a, to_base_2, shift - k_shifted);  // exp(2a) = 2ᵏ 2ᶠ, |f| ≤ ½
    const auto far = one - two / fma(power_of_two(k_shifted), polynomial(P::two_to, f), one);
    return with_sign_of(where_greater(broadcast(P::artanh_half), a, near, far), x);
}

// 2 artanh(s) = 2s (1 + s²/3 + s⁴/5 + …).
template <int terms, class T>
SHOAL_INLINE Line<T> twice_artanh(const Line<T>& s) {
    const auto s2 = s * s;
    auto sum = broadcast(T(1.0 / (2 * terms + 1)));
    unrolled<terms - 1>([&](auto i) { sum = fma(sum, s2, broadcast(T(1.0 / (2 * (terms - 1 - i) + 1)))); });
    const auto twice = s + s;
    return fma(twice * s2, sum, twice);
}

// log(1 + e) for 0 ≤ e ≤ 1: ¾ e + e P(e - ½), where P is small, so that it hardly rounds but at its end.
template <class T>
SHOAL_INLINE Line<T> log1p_of_unit(const Line<T>& e) {
    const auto small = polynomial(Precision<T>::log1p, e - broadcast(T(0.5)));
    return fma(e, broadcast(T(0.75)), e * small);
}

// log x = k log 2 + 2 artanh((f - 1)/(f + 1)), x = 2ᵏ f with √½ ≤ f < √2; x a normal number.
template <class T>
SHOAL_INLINE Line<T> log(const Line<T>& x) {
    using B = typename Bits<T>::type;
    using I = Vec<B>;
    using P = Precision<T>;
    const I root_half = (I)(T(0.70710678118654752440) - Vec<T>{});
    Line<T> k, f;
    for (int i = 0; i < PARTS; ++i) {
        const I above = (I)x.part[i] - root_half;  // in units of 2^mantissa_bits: k
        const I exponent = above >> P::mantissa_bits;
        k.part[i] = __builtin_convertvector(exponent, Vec<T>);
        f.part[i] = (Vec<T>)((I)x.part[i] - (exponent << P::mantissa_bits));
    }
    const auto one = broadcast(T(1));
    const auto log_f = twice_artanh<P::log_terms>((f - one) / (f + one));
    const auto sum = fma(k, broadcast(P::log2_high), fma(k, broadcast(P::log2_low), log_f));
    const auto tiny = broadcast(sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308));
    const auto huge = broadcast(sizeof(T) == 4 ? T(3.4028234e38) : T(1.7976931348623157e308));
    const auto zero = broadcast(T(0));
    const auto infinity = broadcast(T(__builtin_inf()));
    auto y = where_greater(tiny, x, where_greater(zero, x, broadcast(T(__builtin_nan(""))), zero - infinity), sum);
    y = where_greater(x, huge, infinity, y);
    SHOAL_EACH_PART(x.part[i] == x.part[i] ? y.part[i] : x.part[i]);
}

}  // namespace shoal
