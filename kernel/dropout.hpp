// Dropout: in a training step a hidden unit counts as 0 for an example with a given chance, and
// else 1/(1 - chance) times, so that its mean stays what it was.
//
// Which units do is a function of (key, epoch, step, place in the step, unit) alone: the same on
// any number of threads, and any epoch can be replayed.
//
// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
// overfitting", JMLR 15 (2014), section 10 for the scaling while training.
// Twin: src/shoal/compute/plain.py.
#pragma once

#include "random.hpp"
#include "simd.hpp"

namespace shoal {

struct Dropout {
    static constexpr int GRAIN = 1 << 16;  // a chance is so many parts: 16 random bits a unit

    uint32_t threshold = 0;  // chance · GRAIN; 0 drops nothing
    uint64_t key = 0;
    uint32_t epoch = 0, step = 0;

    explicit operator bool() const { return threshold > 0; }
    double share() const { return 1 - double(threshold) / GRAIN; }  // that is kept
};

inline uint32_t dropout_threshold(double chance) { return uint32_t(chance * Dropout::GRAIN + 0.5); }

// Factors of units first … last for the examples from `place` on, a line of them: 0 or 1/share. One word of
// random bits serves two units, so a counter serves eight, and `first` is a multiple of that. (Its last word cannot be that of an
// order's counter, which is 1.)
template <class T>
void draw_kept(const Dropout& dropout, int64_t place, int first, int last, T* kept) {
    constexpr int L = LANES<T>;
    const T scale = T(1 / dropout.share());
    for (int k = first; k < last; k += 8, kept += 8 * L) {
        alignas(LINE_BYTES) uint32_t c0[L], c1[L], c2[L], c3[L];
        for (int r = 0; r < L; ++r)
            c0[r] = uint32_t(place + r), c1[r] = uint32_t(k / 8), c2[r] = dropout.step, c3[r] = dropout.epoch | 1u << 31;
        uint32_t k0 = uint32_t(dropout.key), k1 = uint32_t(dropout.key >> 32);
        for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)  // `philox`, lane by lane
            for (int r = 0; r < L; ++r) {
                const uint64_t a = uint64_t(0xD2511F53u) * c0[r], b = uint64_t(0xCD9E8D57u) * c2[r];
                c0[r] = uint32_t(b >> 32) ^ c1[r] ^ k0, c1[r] = uint32_t(b);
                c2[r] = uint32_t(a >> 32) ^ c3[r] ^ k1, c3[r] = uint32_t(a);
            }
        const uint32_t* words[] = {c0, c1, c2, c3};
        for (int i = 0; i < 8 && k + i < last; ++i)
            for (int r = 0; r < L; ++r) kept[i * L + r] = (words[i / 2][r] >> 16 * (i % 2) & 0xFFFFu) < dropout.threshold ? T(0) : scale;
    }
}

}  // namespace shoal
