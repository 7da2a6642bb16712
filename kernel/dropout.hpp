// Dropout: in a training step a hidden unit is 0 for an example with a given probability, and else
// multiplied by 1/(1 - probability), so that its mean does not change.
//
// Which units are dropped is a function of (key, epoch, step, place in the step, unit) alone: the same on
// any number of threads, and any epoch can be replayed.
//
// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
// overfitting", JMLR 15 (2014), section 10 for the scaling while training.
// Twin: src/shoal/compute/plain.py.
#pragma once

#include <algorithm>

#include "random.hpp"
#include "simd.hpp"

namespace shoal {

struct Dropout {
    static constexpr int GRAIN = 1 << 16;  // a probability is a number of these parts: 16 random bits a unit

    uint32_t threshold = 0;  // probability · GRAIN; 0 drops nothing
    uint64_t key = 0;
    uint32_t epoch = 0, step = 0;

    explicit operator bool() const { return threshold > 0; }
    double share() const { return 1 - double(threshold) / GRAIN; }  // of the units that are kept
};

inline uint32_t dropout_threshold(double probability) { return uint32_t(probability * Dropout::GRAIN + 0.5); }

// 32-bit words, as many as there are lanes in a line, or as one instruction holds.
template <int L>
constexpr int WORDS = std::min(VEC_BYTES / 4, L);

// `philox` of L counters, lane by lane.
template <int L>
SHOAL_INLINE void philox_lanes(uint64_t key, uint32_t* c0, uint32_t* c1, uint32_t* c2, uint32_t* c3) {
    using Words = typename Numbers<uint32_t, WORDS<L>>::type;
    using Wide = typename Numbers<uint64_t, WORDS<L> / 2>::type;
    const auto low = [](Wide even, Wide odd) __attribute__((always_inline)) { return Words(even & 0xFFFFFFFFu) | Words(odd << 32); };
    const auto high = [](Wide even, Wide odd) __attribute__((always_inline)) { return Words(even >> 32) | Words(odd & ~uint64_t(0xFFFFFFFFu)); };
    for (int r = 0; r < L; r += WORDS<L>) {
        const auto at = [&](uint32_t* c) -> Words& { return *reinterpret_cast<Words*>(c + r); };
        Words a = at(c0), b = at(c1), c = at(c2), d = at(c3);
        uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
        for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
            const Wide even_a = multiply_low(Wide(a), 0xD2511F53u), odd_a = multiply_low(Wide(a) >> 32, 0xD2511F53u);
            const Wide even_c = multiply_low(Wide(c), 0xCD9E8D57u), odd_c = multiply_low(Wide(c) >> 32, 0xCD9E8D57u);
            a = high(even_c, odd_c) ^ b ^ k0, b = low(even_c, odd_c);
            c = high(even_a, odd_a) ^ d ^ k1, d = low(even_a, odd_a);
        }
        at(c0) = a, at(c1) = b, at(c2) = c, at(c3) = d;
    }
}

// Factors of units first … last for the examples from `place` on, a line of them: 0 or 1/share. One word of
// random bits serves two units, so a counter serves eight, and `first` is a multiple of that. (Its last word cannot be that of an
// order's counter, which is 1.)
template <class T>
void draw_kept(const Dropout& dropout, int64_t place, int first, int last, T* kept) {
    constexpr int L = LANES<T>;
    using Words = typename Numbers<uint32_t, WORDS<L>>::type;
    using Ints = typename Numbers<int32_t, WORDS<L>>::type;
    using Factors = typename Numbers<T, WORDS<L>>::type;
    const T scale = T(1 / dropout.share());
    for (int k = first; k < last; k += 8, kept += 8 * L) {
        alignas(LINE_BYTES) uint32_t c0[L], c1[L], c2[L], c3[L];
        for (int r = 0; r < L; ++r)
            c0[r] = uint32_t(place + r), c1[r] = uint32_t(k / 8), c2[r] = dropout.step, c3[r] = dropout.epoch | 1u << 31;
        philox_lanes<L>(dropout.key, c0, c1, c2, c3);
        const uint32_t* words[] = {c0, c1, c2, c3};
        for (int i = 0; i < 8 && k + i < last; ++i)
            for (int r = 0; r < L; r += WORDS<L>) {
                const auto drawn = Ints(*reinterpret_cast<const Words*>(words[i / 2] + r) >> 16 * (i % 2) & 0xFFFFu);
                *reinterpret_cast<Factors*>(kept + i * L + r) = __builtin_convertvector((drawn >= int32_t(dropout.threshold)) & 1, Factors) * scale;
            }
    }
}

}  // namespace shoal
