// Aligned memory, and rows turned into lines.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "simd.hpp"

namespace shoal {

template <class T>
class Buffer {  // aligned numbers, zero at first
  public:
    Buffer() = default;
    explicit Buffer(int64_t size) {
        const size_t bytes = (size_t(size) * sizeof(T) + LINE_BYTES) / LINE_BYTES * LINE_BYTES;
        data_.reset(static_cast<T*>(std::aligned_alloc(LINE_BYTES, bytes)));
        if (!data_) throw std::bad_alloc();
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    operator T*() { return data_.get(); }
    operator const T*() const { return data_.get(); }

  private:
    struct Free {
        void operator()(T* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Free> data_;
};

// Of two rows of a square, what `transpose` puts in place of the first and of the second.
template <int apart, class V, int... lane>
SHOAL_INLINE void exchange(V& a, V& b, std::integer_sequence<int, lane...>) {
    constexpr int n = sizeof...(lane);
    const V first = __builtin_shufflevector(a, b, (lane & apart ? n + lane - apart : lane)...);
    b = __builtin_shufflevector(a, b, (lane & apart ? n + lane : lane + apart)...);
    a = first;
}

// Turns a square over: quarters of the whole change places, then quarters of the quarters …
template <int S, int apart = S / 2, class V>
SHOAL_INLINE void transpose(V (&row)[S]) {
    unrolled<S>([&](auto i) __attribute__((always_inline)) {
        if constexpr (!(i & apart)) exchange<apart>(row[i], row[i + apart], std::make_integer_sequence<int, S>{});
    });
    if constexpr (apart > 1) transpose<S, apart / 2>(row);
}

// Rows of n features each become n lines of a panel. S is the side of the squares: as much as one
// instruction holds, or 32 bytes.
template <class T, int S = std::max(VEC_BYTES, 32) / int(sizeof(T))>
SHOAL_INLINE void transpose_rows(const T* const* row, int n, T* lines) {
    constexpr int L = LANES<T>;
    if constexpr (S * sizeof(T) > 32)
        if (n < S) return transpose_rows<T, S / 2>(row, n, lines);
    if (n < S) {
        for (int i = 0; i < n; ++i)
            for (int r = 0; r < L; ++r) lines[i * L + r] = row[r][i];
        return;
    }
    typedef T Row __attribute__((vector_size(S * sizeof(T))));
    typedef T Anywhere __attribute__((vector_size(S * sizeof(T)), aligned(sizeof(T)), may_alias));
    for (int i = 0; i < n; i += S) {
        const int at = std::min(i, n - S);  // the last square overlaps the one before: no rest
        for (int r = 0; r < L; r += S) {
            Row square[S];
            unrolled<S>([&](auto k) { square[k] = *reinterpret_cast<const Anywhere*>(row[r + k] + at); });
            transpose<S>(square);
            unrolled<S>([&](auto k) { *reinterpret_cast<Anywhere*>(lines + (at + k) * L + r) = square[k]; });
        }
    }
}

}  // namespace shoal
