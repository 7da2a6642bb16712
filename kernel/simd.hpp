// The vocabulary of the kernel: one cache line of numbers, and what can be done to it.
//
//   Line<T>   64 bytes: 16 float or 8 double, whatever the machine. One lane is one
//             example (or one feature), and lanes are never combined except in `sum_lanes`,
//             whose order is fixed. That is why every build gives the same bits.
//   Vec<T>    what one instruction holds here: 16 bytes (NEON), 32 (AVX2) or 64 (AVX-512).
//
// Everything is an IEEE operation, rounded once: + - * / sqrt and the explicit fma.
// The compiler never fuses by itself (-ffp-contract=off).
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define SHOAL_INLINE inline __attribute__((always_inline))

namespace shoal {

constexpr int LINE_BYTES = 64;

#if defined(__AVX512F__)
constexpr int VEC_BYTES = 64;
constexpr int TILE_ROWS = 12;
constexpr int TILE_LINES = 2;  // 12 × 2 accumulators + 2 lines + 1 broadcast, of 32 registers
constexpr int DOT_SIDE = 4;    // 4 × 4 accumulators + 4 lines + 1, of 32 registers
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int VEC_BYTES = 32;
constexpr int TILE_ROWS = 6;
constexpr int TILE_LINES = 1;  // 6 × 2 accumulators + 2 of a line + 1 broadcast, of 16 registers
constexpr int DOT_SIDE = 2;   // 2 × 2 × 2 accumulators + 2 × 2 of lines + 2
#elif defined(__aarch64__)
constexpr int VEC_BYTES = 16;
constexpr int TILE_ROWS = 6;
constexpr int TILE_LINES = 1;  // 6 × 4 accumulators + 4 of a line + 1 broadcast, of 32 registers
constexpr int DOT_SIDE = 2;   // 2 × 2 × 4 accumulators + 2 × 4 of lines + 4
#else
#error "the kernel needs fused multiply-add: build for x86-64-v3, x86-64-v4 or aarch64"
#endif

constexpr int PARTS = LINE_BYTES / VEC_BYTES;

template <class T>
constexpr int LANES = LINE_BYTES / int(sizeof(T));

template <class T>
struct Bits;
template <>
struct Bits<float> {
    using type = int32_t;
};
template <>
struct Bits<double> {
    using type = int64_t;
};

template <class T>
struct VecOf {
    typedef T type __attribute__((vector_size(VEC_BYTES)));
    typedef T anywhere __attribute__((vector_size(VEC_BYTES), aligned(sizeof(T)), may_alias));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
using VecAnywhere = typename VecOf<T>::anywhere;  // the same at any address

template <class T>
struct Line {
    Vec<T> part[PARTS];
};

// Calls f(0), f(1) … f(N - 1), unrolled before the optimiser looks, so that arrays
// indexed by the argument live in registers.
template <int N, class F>
SHOAL_INLINE void unrolled(F&& f) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, i>{}), ...);
    }(std::make_integer_sequence<int, N>{});
}

// Returns the line whose part i is EXPRESSION. A loop, not a lambda: nothing is left to the
// inliner's limits.
#define SHOAL_EACH_PART(EXPRESSION)                                \
    Line<T> result;                                                \
    for (int i = 0; i < PARTS; ++i) result.part[i] = (EXPRESSION); \
    return result

// --- memory -------------------------------------------------------------------------

template <class T>
SHOAL_INLINE Line<T> load(const T* at) {  // `at` is 64-byte aligned
    SHOAL_EACH_PART(*reinterpret_cast<const Vec<T>*>(reinterpret_cast<const char*>(at) + i * VEC_BYTES));
}

// (Not by memcpy: gcc would copy in smaller pieces, and the load that follows would wait.)
template <class T>
SHOAL_INLINE Line<T> load_anywhere(const T* at) {
    SHOAL_EACH_PART(*reinterpret_cast<const VecAnywhere<T>*>(reinterpret_cast<const char*>(at) + i * VEC_BYTES));
}

template <class T>
SHOAL_INLINE void store(T* at, const Line<T>& line) {  // `at` is 64-byte aligned
    for (int i = 0; i < PARTS; ++i) *reinterpret_cast<Vec<T>*>(reinterpret_cast<char*>(at) + i * VEC_BYTES) = line.part[i];
}

template <class T>
SHOAL_INLINE void store_anywhere(T* at, const Line<T>& line) {
    for (int i = 0; i < PARTS; ++i)
        *reinterpret_cast<VecAnywhere<T>*>(reinterpret_cast<char*>(at) + i * VEC_BYTES) = line.part[i];
}

// The first `count` lanes only: memory after them is not touched.
template <class T>
SHOAL_INLINE Line<T> load_some(const T* at, int count) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 8) return {{Vec<T>(_mm512_maskz_loadu_pd(__mmask8((1 << count) - 1), at))}};
    if constexpr (sizeof(T) == 4) return {{Vec<T>(_mm512_maskz_loadu_ps(__mmask16((1 << count) - 1), at))}};
#endif
    alignas(LINE_BYTES) T lanes[LANES<T>] = {};
    for (int i = 0; i < count; ++i) lanes[i] = at[i];
    return load(lanes);
}

template <class T>
SHOAL_INLINE void store_some(T* at, const Line<T>& line, int count) {
    alignas(LINE_BYTES) T lanes[LANES<T>];
    store(lanes, line);
    for (int i = 0; i < count; ++i) at[i] = lanes[i];
}

// A whole line at any address, or its first lanes.
template <class T>
SHOAL_INLINE Line<T> load_lanes(const T* at, int count) {
    return count == LANES<T> ? load_anywhere(at) : load_some(at, count);
}

template <class T>
SHOAL_INLINE void store_lanes(T* at, const Line<T>& line, int count) {
    count == LANES<T> ? store_anywhere(at, line) : store_some(at, line, count);
}

template <class T>
SHOAL_INLINE Line<T> broadcast(T x) {
    // `x - Vec{}` is how GCC's vectors spell a broadcast that keeps -0 and NaN.
    SHOAL_EACH_PART(x - Vec<T>{});
}

// --- arithmetic ---------------------------------------------------------------------

template <class T>
SHOAL_INLINE Line<T> operator+(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(a.part[i] + b.part[i]);
}
template <class T>
SHOAL_INLINE Line<T> operator-(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(a.part[i] - b.part[i]);
}
template <class T>
SHOAL_INLINE Line<T> operator*(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(a.part[i] * b.part[i]);
}
template <class T>
SHOAL_INLINE Line<T> operator/(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(a.part[i] / b.part[i]);
}

#if defined(__AVX512F__)
SHOAL_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a, b, c); }
SHOAL_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmadd_pd(a, b, c); }
SHOAL_INLINE Vec<float> root(Vec<float> a) { return _mm512_maskz_sqrt_ps(0xffff, a); }  // the plain one makes gcc 12 warn
SHOAL_INLINE Vec<double> root(Vec<double> a) { return _mm512_maskz_sqrt_pd(0xff, a); }
#elif defined(__AVX2__)
SHOAL_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmadd_ps(a, b, c); }
SHOAL_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmadd_pd(a, b, c); }
SHOAL_INLINE Vec<float> root(Vec<float> a) { return _mm256_sqrt_ps(a); }
SHOAL_INLINE Vec<double> root(Vec<double> a) { return _mm256_sqrt_pd(a); }
#else
SHOAL_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return vfmaq_f32(c, a, b); }
SHOAL_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return vfmaq_f64(c, a, b); }
SHOAL_INLINE Vec<float> root(Vec<float> a) { return vsqrtq_f32(a); }
SHOAL_INLINE Vec<double> root(Vec<double> a) { return vsqrtq_f64(a); }
#endif

template <class T>
SHOAL_INLINE Line<T> fma(const Line<T>& a, const Line<T>& b, const Line<T>& c) {  // a b + c
    SHOAL_EACH_PART(fma(a.part[i], b.part[i], c.part[i]));
}

template <class T>
SHOAL_INLINE Line<T> sqrt(const Line<T>& a) {
    SHOAL_EACH_PART(root(a.part[i]));
}

// --- choices and bits ---------------------------------------------------------------

// yes where a > b, else no; a NaN in a or b chooses no.
template <class T>
SHOAL_INLINE Line<T> where_greater(const Line<T>& a, const Line<T>& b, const Line<T>& yes, const Line<T>& no) {
    SHOAL_EACH_PART(a.part[i] > b.part[i] ? yes.part[i] : no.part[i]);
}

// a where a < b (or a > b), else b; so a NaN in b stays. One instruction on x86, which gcc does not
// find; the masked form of AVX-512 as the plain one makes gcc 12 warn.
#if defined(__AVX512F__)
SHOAL_INLINE Vec<float> lesser(Vec<float> a, Vec<float> b) { return _mm512_maskz_min_ps(0xffff, a, b); }
SHOAL_INLINE Vec<double> lesser(Vec<double> a, Vec<double> b) { return _mm512_maskz_min_pd(0xff, a, b); }
SHOAL_INLINE Vec<float> greater(Vec<float> a, Vec<float> b) { return _mm512_maskz_max_ps(0xffff, a, b); }
SHOAL_INLINE Vec<double> greater(Vec<double> a, Vec<double> b) { return _mm512_maskz_max_pd(0xff, a, b); }
#elif defined(__AVX2__)
SHOAL_INLINE Vec<float> lesser(Vec<float> a, Vec<float> b) { return _mm256_min_ps(a, b); }
SHOAL_INLINE Vec<double> lesser(Vec<double> a, Vec<double> b) { return _mm256_min_pd(a, b); }
SHOAL_INLINE Vec<float> greater(Vec<float> a, Vec<float> b) { return _mm256_max_ps(a, b); }
SHOAL_INLINE Vec<double> greater(Vec<double> a, Vec<double> b) { return _mm256_max_pd(a, b); }
#else
template <class V>
SHOAL_INLINE V lesser(V a, V b) { return a < b ? a : b; }
template <class V>
SHOAL_INLINE V greater(V a, V b) { return a > b ? a : b; }
#endif

template <class T>
SHOAL_INLINE Line<T> lesser(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(lesser(a.part[i], b.part[i]));
}
template <class T>
SHOAL_INLINE Line<T> greater(const Line<T>& a, const Line<T>& b) {
    SHOAL_EACH_PART(greater(a.part[i], b.part[i]));
}

template <class T>
SHOAL_INLINE Line<T> magnitude(const Line<T>& a) {
    using I = Vec<typename Bits<T>::type>;
    const I sign = (I)(T(-0.0) - Vec<T>{});
    SHOAL_EACH_PART((Vec<T>)((I)a.part[i] & ~sign));
}

template <class T>
SHOAL_INLINE Line<T> with_sign_of(const Line<T>& a, const Line<T>& sign_of) {  // a must be ≥ 0
    using I = Vec<typename Bits<T>::type>;
    const I sign = (I)(T(-0.0) - Vec<T>{});
    SHOAL_EACH_PART((Vec<T>)((I)a.part[i] | ((I)sign_of.part[i] & sign)));
}

template <class T, int n>
struct Numbers {
    typedef T type __attribute__((vector_size(n * sizeof(T))));
};

// The products of the lower halves of 64-bit lanes with m: one instruction, which gcc does not find.
template <class V>
SHOAL_INLINE V multiply_low(const V& x, uint32_t m) {
#if defined(__AVX512F__)
    if constexpr (sizeof(V) == 64) return V(_mm512_maskz_mul_epu32(0xff, __m512i(x), _mm512_set1_epi64(m)));
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(V) == 32) return V(_mm256_mul_epu32(__m256i(x), _mm256_set1_epi64x(m)));
#endif
#if defined(__aarch64__)
    if constexpr (sizeof(V) == 16) return V(vmull_u32(vmovn_u64(uint64x2_t(x)), vdup_n_u32(m)));
#endif
    return (x & 0xFFFFFFFFu) * m;
}

// Adds the upper half of the n lanes to the lower half, and so on until one is left.
template <class T, int n, int... i>
SHOAL_INLINE T sum_halves(typename Numbers<T, n>::type x, std::integer_sequence<int, i...>) {
    if constexpr (n == 2)
        return x[0] + x[1];
    else
        return sum_halves<T, n / 2>(__builtin_shufflevector(x, x, i...) + __builtin_shufflevector(x, x, (i + n / 2)...),
                                    std::make_integer_sequence<int, n / 4>{});
}

// Adds the lanes as a binary tree: lane i to lane i + half, until one is left.
template <class T>
SHOAL_INLINE T sum_lanes(const Line<T>& line) {
    Line<T> sum = line;
    for (int half = PARTS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) sum.part[i] = sum.part[i] + sum.part[i + half];
    constexpr int n = VEC_BYTES / int(sizeof(T));
    return sum_halves<T, n>(sum.part[0], std::make_integer_sequence<int, n / 2>{});
}

}  // namespace shoal
