// Tries the kernel's functions on every float32 there is: none may fall where it should rise.
//
// Prints how often each does, which must be never (see test_golden.py). The floats are taken in
// the order of their bits, which is the order of their sizes; negative ones for themselves.
#include <bit>
#include <cstdio>
#include <thread>
#include <vector>

#include "functions.hpp"

using namespace shoal;

constexpr int L = LANES<float>;
constexpr float INFINITE = __builtin_inff();

// How often f falls on the floats whose magnitudes have the bits first to last, which are
// multiples of L.
template <class F>
int64_t falls_between(uint32_t first, uint32_t last, bool negative, F f) {
    using I = Vec<int32_t>;
    alignas(LINE_BYTES) int32_t bits[L];
    for (int i = 0; i < L; ++i) bits[i] = int32_t((first + i) | (negative ? 0x80000000u : 0));
    alignas(LINE_BYTES) float y[2 * L];  // of the line before only the last number is read
    y[L - 1] = negative ? INFINITE : -INFINITE;
    Line<int32_t> falls{}, x = load(bits);
    for (uint32_t at = first; at < last; at += L) {
        Line<float> of_x;
        for (int i = 0; i < PARTS; ++i) of_x.part[i] = (Vec<float>)x.part[i], x.part[i] += L;
        of_x = f(of_x);
        store(y + L, of_x);
        const auto before = load_anywhere(y + L - 1);
        for (int i = 0; i < PARTS; ++i)
            falls.part[i] += 1 + (I)(negative ? before.part[i] >= of_x.part[i] : before.part[i] <= of_x.part[i]);
        y[L - 1] = y[2 * L - 1];
    }
    const float end = sum_lanes(f(broadcast(std::bit_cast<float>(last | (negative ? 0x80000000u : 0)))) * broadcast(1.0f / L));
    return sum_lanes(falls) + !(negative ? y[L - 1] >= end : y[L - 1] <= end);
}

// From lowest to highest; either side of 0 in 64 pieces that meet, shared out to the threads.
template <class F>
int report(const char* name, float lowest, float highest, F f) {
    constexpr int PIECES = 64;
    const unsigned n_threads = std::max(1u, std::thread::hardware_concurrency());
    std::vector<int64_t> falls(n_threads);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < n_threads; ++t)
        threads.emplace_back([&, t] {
            for (unsigned piece = t; piece < 2 * PIECES; piece += n_threads) {
                const bool negative = piece >= PIECES;
                const uint64_t limit = std::bit_cast<uint32_t>(__builtin_fabsf(negative ? lowest : highest)), k = piece % PIECES;
                falls[t] += falls_between(uint32_t(limit * k / PIECES), uint32_t(limit * (k + 1) / PIECES), negative, f);
            }
        });
    int64_t all = 0;
    for (unsigned t = 0; t < n_threads; ++t) threads[t].join(), all += falls[t];
    std::printf("%s falls %lld times\n", name, static_cast<long long>(all));
    return all > 0;
}

int main() {
    int failures = report("tanh", -INFINITE, INFINITE, [](auto x) { return tanh(x); });
    failures += report("exp", -INFINITE, INFINITE, [](auto x) { return exp(x); });
    failures += report("exp_of_negative", -INFINITE, 0, [](auto x) { return exp_of_negative(x); });
    failures += report("log", 0, INFINITE, [](auto x) { return log(x); });
    failures += report("log1p_of_unit", 0, 1, [](auto x) { return log1p_of_unit(x); });
    failures += report("sigmoid", -INFINITE, INFINITE, [](auto x) { return sigmoid(x); });
    return failures;
}
