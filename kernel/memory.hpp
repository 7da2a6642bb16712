// Aligned memory, and the transposition of rows into lines.
#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <type_traits>

#include "simd.hpp"

namespace shoal {

template <class T>
class Buffer {  // aligned numbers, zero at first
  public:
    Buffer() = default;
    explicit Buffer(int64_t size) {
        const size_t bytes = (size_t(size) * sizeof(T) + LINE_BYTES) / LINE_BYTES * LINE_BYTES;
        data_.reset(static_cast<T*>(::operator new(bytes, ALIGNMENT)));
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    operator T*() { return data_.get(); }
    operator const T*() const { return data_.get(); }

  private:
    static constexpr std::align_val_t ALIGNMENT{LINE_BYTES};
    struct Free {
        void operator()(T* p) const { ::operator delete(p, ALIGNMENT); }
    };
    std::unique_ptr<T[], Free> data_;
};

// Where row i of a triangle begins that lies packed by rows: entry (i, j), j ≤ i, comes j after it.
inline int64_t row_start(int64_t i) { return i * (i + 1) / 2; }

// Of two rows of a square, what `transpose` puts in place of the first and of the second.
template <int apart, class V, int... lane>
SHOAL_INLINE void exchange(V& a, V& b, std::integer_sequence<int, lane...>) {
    constexpr int n = sizeof...(lane);
    const V first = __builtin_shufflevector(a, b, (lane & apart ? n + lane - apart : lane)...);
    b = __builtin_shufflevector(a, b, (lane & apart ? n + lane : lane + apart)...);
    a = first;
}

// Transposes a square: quarters of the whole change places, then quarters of the quarters …
template <int S, int apart = S / 2, class V>
SHOAL_INLINE void transpose(V (&row)[S]) {
    unrolled<S>([&](auto i) __attribute__((always_inline)) {
        if constexpr (!(i & apart)) exchange<apart>(row[i], row[i + apart], std::make_integer_sequence<int, S>{});
    });
    if constexpr (apart > 1) transpose<S, apart / 2>(row);
}

// Rows of n features each become n lines of a panel; or `back`. S is the side of the squares: as much as one
// instruction holds, or 32 bytes.
template <bool back = false, int S = 0, class Row, class T>
SHOAL_INLINE void transpose_rows(Row* const* row, int n, T* lines) {
    using Number = std::remove_const_t<T>;
    constexpr int L = LANES<Number>, side = S ? S : std::max(VEC_BYTES, 32) / int(sizeof(T));
    if constexpr (side * sizeof(T) > 32)
        if (n < side) return transpose_rows<back, side / 2>(row, n, lines);
    if (n < side) {
        for (int i = 0; i < n; ++i)
            for (int r = 0; r < L; ++r)
                if constexpr (back)
                    row[r][i] = lines[i * L + r];
                else
                    lines[i * L + r] = row[r][i];
        return;
    }
    typedef Number Part __attribute__((vector_size(side * sizeof(T))));
    typedef Number Anywhere __attribute__((vector_size(side * sizeof(T)), aligned(sizeof(T)), may_alias));
    for (int i = 0; i < n; i += side) {
        const int at = std::min(i, n - side);  // the last square overlaps the one before: no rest
        for (int r = 0; r < L; r += side) {
            const auto in_row = [&](int k) { return const_cast<Number*>(row[r + k] + at); };
            const auto in_line = [&](int k) { return const_cast<Number*>(lines + (at + k) * L + r); };
            Part square[side];
            unrolled<side>([&](auto k) { square[k] = *reinterpret_cast<const Anywhere*>(back ? in_line(k) : in_row(k)); });
            transpose<side>(square);
            unrolled<side>([&](auto k) { *reinterpret_cast<Anywhere*>(back ? in_row(k) : in_line(k)) = square[k]; });
        }
    }
}

}  // namespace shoal
