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

// A square of numbers, as many rows as one 32-byte vector has numbers, is turned over.
typedef float Eight __attribute__((vector_size(32)));
typedef double Four __attribute__((vector_size(32)));
typedef float EightAnywhere __attribute__((vector_size(32), aligned(4), may_alias));
typedef double FourAnywhere __attribute__((vector_size(32), aligned(8), may_alias));

SHOAL_INLINE void transpose(Eight (&r)[8]) {
    Eight a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; ++k) {
            b[i + 2 * k] = __builtin_shufflevector(a[i + k], a[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + 2 * k + 1] = __builtin_shufflevector(a[i + k], a[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; ++i) {
        r[i] = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

SHOAL_INLINE void transpose(Four (&r)[4]) {
    const Four a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6), b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    const Four c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6), d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5), r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

template <class T>
struct SquareOf;
template <>
struct SquareOf<float> {
    static constexpr int side = 8;
    typedef Eight Row;
    typedef EightAnywhere Anywhere;
};
template <>
struct SquareOf<double> {
    static constexpr int side = 4;
    typedef Four Row;
    typedef FourAnywhere Anywhere;
};

// Rows of n features each become n lines of a panel.
template <class T>
SHOAL_INLINE void transpose_rows(const T* const* row, int n, T* lines) {
    constexpr int L = LANES<T>, S = SquareOf<T>::side;
    if (n < S) {
        for (int i = 0; i < n; ++i)
            for (int r = 0; r < L; ++r) lines[i * L + r] = row[r][i];
        return;
    }
    for (int i = 0; i < n; i += S) {
        const int at = std::min(i, n - S);  // the last square overlaps the one before: no rest
        for (int r = 0; r < L; r += S) {
            typedef typename SquareOf<T>::Anywhere Anywhere;
            typename SquareOf<T>::Row square[S];
            unrolled<S>([&](auto k) { square[k] = *reinterpret_cast<const Anywhere*>(row[r + k] + at); });
            transpose(square);
            unrolled<S>([&](auto k) { *reinterpret_cast<Anywhere*>(lines + (at + k) * L + r) = square[k]; });
        }
    }
}

}  // namespace shoal
