// Random numbers by counting: number i of a stream is a function of (key, i) alone, so
// any epoch can be replayed and no generator has a state to lose.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011 (Philox 4 × 32, 10 rounds). Twin: src/shoal/network/draws.py.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace shoal {

using Philox = std::array<uint32_t, 4>;

inline Philox philox(uint64_t key, uint64_t low, uint64_t high) {
    uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
    Philox c = {uint32_t(low), uint32_t(low >> 32), uint32_t(high), uint32_t(high >> 32)};
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t(0xD2511F53u) * c[0], b = uint64_t(0xCD9E8D57u) * c[2];
        c = {uint32_t(b >> 32) ^ c[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ k1, uint32_t(a)};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// The order of an epoch, one number after another, in no memory: a keyed permutation of
// 0 … 2^bits - 1 in which numbers of m and above are passed over.
//
// Each round adds a key, multiplies by an odd key and folds the high bits onto the low
// ones: three bijections of the numbers below 2^bits. Six rounds, as four left traces of
// the order in windows of 2¹² numbers (tests/laws/test_order.py).
class Order {
  public:
    static constexpr int ROUNDS = 6;

    Order() = default;  // of no numbers
    Order(uint64_t m, uint64_t key, uint64_t epoch) : m_(m) {
        while ((uint64_t(1) << bits_) < m) ++bits_;
        mask_ = bits_ == 32 ? ~uint32_t(0) : (uint32_t(1) << bits_) - 1;
        for (int round = 0; round < ROUNDS; ++round) {
            const Philox random = philox(key, epoch, (uint64_t(1) << 32) + round);
            add_[round] = random[0] & mask_;
            times_[round] = random[1] | 1;
        }
    }

    // Writes the next numbers to `out`, `count` of them or as many as are left.
    int64_t next(uint32_t* out, int64_t count) {
        int64_t n = 0;
        const uint64_t end = uint64_t(1) << bits_;
        while (n < count && counter_ < end) {
            constexpr int BATCH = 16;  // fills a vector register; what is left over waits
            if (waiting_ == used_) {
                uint32_t x[BATCH];
                for (int i = 0; i < BATCH; ++i) x[i] = permuted(uint32_t(counter_) + i);
                waiting_ = used_ = 0;
                const uint64_t left = end - counter_;
                for (uint64_t i = 0; i < (left < BATCH ? left : BATCH); ++i) {
                    wait_[waiting_] = x[i];
                    waiting_ += x[i] < m_;
                }
            }
            const int some = int(count - n < waiting_ - used_ ? count - n : waiting_ - used_);
            std::memcpy(out + n, wait_ + used_, some * sizeof(uint32_t));
            n += some, used_ += some;
            if (used_ == waiting_) counter_ += BATCH;
        }
        return n;
    }

  private:
    uint32_t permuted(uint32_t x) const {
        const int fold = (bits_ + 1) / 2;
        for (int round = 0; round < ROUNDS; ++round) {
            x = ((x + add_[round]) * times_[round]) & mask_;
            x ^= x >> fold;
        }
        return x;
    }

    uint64_t m_ = 0, counter_ = 0;
    int bits_ = 0;
    uint32_t mask_ = 0, add_[ROUNDS], times_[ROUNDS], wait_[16];
    int waiting_ = 0, used_ = 0;
};

}  // namespace shoal
