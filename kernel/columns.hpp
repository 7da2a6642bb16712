// Rows of numbers, encoded as the training has learnt it: standardised, and where a column has bins, in which one and
// where in it.
// Twin: Number.write in src/shoal/data/encode/encoding.py.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "products.hpp"

namespace shoal {

// A line of doubles from and to as many numbers of another type.
template <class N>
struct AsMany {
    static constexpr int in_part = VEC_BYTES / sizeof(double);
    typedef N type __attribute__((vector_size(sizeof(N) * in_part)));
};

template <class N, class T = double>
SHOAL_INLINE Line<double> load_as_double(const N* at) {
    SHOAL_EACH_PART(__builtin_convertvector(*reinterpret_cast<const typename AsMany<N>::type*>(at + i * AsMany<N>::in_part), Vec<double>));
}

template <class N>
SHOAL_INLINE void store_as(N* at, const Line<double>& line) {
    using Part = typename AsMany<N>::type;
    for (int i = 0; i < PARTS; ++i) *reinterpret_cast<Part*>(at + i * AsMany<N>::in_part) = __builtin_convertvector(line.part[i], Part);
}

// yes where x is a number, no where it is a NaN.
template <class T>
SHOAL_INLINE Line<T> where_number(const Line<T>& x, const Line<T>& yes, const Line<T>& no) {
    SHOAL_EACH_PART(x.part[i] == x.part[i] ? yes.part[i] : no.part[i]);
}

// The columns of a table of numbers, as the encoding has learnt them.
struct NumberColumns {
    struct Column {
        bool used;     // or it is set aside
        bool varies;   // or its input is always 0
        bool holes;    // missing values have an input of their own
        double mean, scale;
        std::vector<double> edges;  // of the bins, rising; or none
    };
    std::vector<Column> columns;
    std::vector<double> low, high;  // of each used number, standardised: beyond them it is far outside; or none

    int numbers() const {
        return int(std::count_if(columns.begin(), columns.end(), [](const Column& c) { return c.used; }));
    }
    int binned() const {
        return int(std::count_if(columns.begin(), columns.end(), [](const Column& c) { return !c.edges.empty(); }));
    }
    int groups() const {
        return binned() + int(std::count_if(columns.begin(), columns.end(), [](const Column& c) { return c.edges.empty() && c.holes; }));
    }

    // Encodes m rows, column after column of some rows that stay in the first cache, into what `to` makes of them. False if a
    // number is infinite, too large for T, or far outside; `missing` is counted on.
    template <class T, class To>
    bool encode(const double* X, int64_t m, To&& to, int64_t* missing) const {
        const int64_t n = int64_t(columns.size());
        const int n_binned = binned();
        bool good = true;
        for (int64_t start = 0; start < m; start += CHUNK, X += CHUNK * n) {
            const int64_t here = std::min(CHUNK, m - start);
            int number = 0, bin = 0, single = n_binned;
            for (int64_t i = 0; i < n; ++i) {
                const Column& column = columns[i];
                if (!column.used) continue;
                Chunk<T> chunk;
                for (int64_t r = 0; r < here; ++r) chunk.x[r] = X[r * n + i];
                std::fill(chunk.x + here, chunk.x + whole(here), chunk.x[0]);
                good &= standardise(column, number, here, chunk, missing[i]);
                to.numbers(number++, start, here, chunk.value);
                if (!column.edges.empty()) {
                    find_bins(column, here, chunk);
                    to.codes(bin, start, here, chunk.code), to.places(bin, start, here, chunk.place);
                    ++bin;
                } else if (column.holes) {
                    for (int64_t r = 0; r < whole(here); ++r) chunk.code[r] = chunk.x[r] == chunk.x[r];
                    to.codes(single++, start, here, chunk.code);
                }
            }
        }
        return good;
    }

  private:
    static constexpr int64_t CHUNK = 64;

    // One column of some rows, in whole lines; what comes after the rows may be anything.
    template <class T>
    struct Chunk {
        alignas(LINE_BYTES) double x[CHUNK], count[CHUNK], low[CHUNK], high[CHUNK];
        alignas(LINE_BYTES) T value[CHUNK], place[CHUNK];
        alignas(LINE_BYTES) int32_t code[CHUNK];
    };

    static constexpr int64_t L = LANES<double>;
    static int64_t whole(int64_t m) { return (m + L - 1) / L * L; }

    template <class T>
    bool standardise(const Column& column, int number, int64_t m, Chunk<T>& chunk, int64_t& missing) const {
        if (!column.varies) return std::fill(chunk.value, chunk.value + CHUNK, T(0)), true;
        constexpr double infinite = std::numeric_limits<double>::infinity();
        const auto mean = broadcast(column.mean), scale = broadcast(column.scale), zero = broadcast(0.0), one = broadcast(1.0);
        const auto least = broadcast(low.empty() ? -infinite : low[number]), most = broadcast(high.empty() ? infinite : high[number]);
        auto holes = zero, bad = zero;
        for (int64_t r = 0; r < m; r += L) {
            const auto x = load(chunk.x + r);
            store_as(chunk.value + r, where_number(x, (x - mean) / scale, zero));
            const auto value = load_as_double(chunk.value + r);
            holes = where_number(x, holes, one);
            bad = where_number(value - value, bad, one);
            bad = where_greater(least, value, one, where_greater(value, most, one, bad));
        }
        if (sum_lanes(holes) > 0) missing += std::count_if(chunk.x, chunk.x + m, [](double x) { return x != x; });
        return sum_lanes(bad) == 0;
    }

    // The bin of each number, which is the number of inner edges that are at most x, and its place there.
    template <class T>
    static void find_bins(const Column& column, int64_t m, Chunk<T>& chunk) {
        const double* edges = column.edges.data();
        const int last = int(column.edges.size()) - 2;
        if (last > MANY_BINS)
            for (int64_t r = 0; r < whole(m); ++r) chunk.count[r] = double(std::upper_bound(edges + 1, edges + 1 + last, chunk.x[r]) - (edges + 1));
        else
            count_edges(edges + 1, last, whole(m) / L, chunk.x, chunk.count);
        for (int64_t r = 0; r < whole(m); ++r) {
            const int code = int(chunk.count[r]);
            chunk.low[r] = edges[code], chunk.high[r] = edges[code + 1];
        }
        const auto zero = broadcast(0.0), one = broadcast(1.0), hole = broadcast(column.holes ? last + 1.0 : 0.0);
        for (int64_t r = 0; r < m; r += L) {
            const auto x = load(chunk.x + r), low = load(chunk.low + r), found = (x - low) / (load(chunk.high + r) - low);
            store_as(chunk.place + r, lesser(greater(found, zero), one));  // 0 for a NaN, and for -0
            store_as(chunk.code + r, where_number(x, load(chunk.count + r), hole));
        }
    }

    // How many of n edges are at most x, for lines of numbers; n for a NaN, as in a search.
    static void count_edges(const double* edges, int n, int64_t lines, const double* x, double* count) {
        const auto one = broadcast(1.0);
        in_groups<TILE_LINES * 2>(0, lines, [&](auto V, int64_t j) {
            Line<double> at[V], found[V];
            unrolled<V>([&](auto v) { at[v] = load(x + (j + v) * L), found[v] = broadcast(0.0); });
            for (int k = 0; k < n; ++k) {
                const auto edge = broadcast(edges[k]);
                unrolled<V>([&](auto v) { found[v] = where_greater(edge, at[v], found[v], found[v] + one); });
            }
            unrolled<V>([&](auto v) { store(count + (j + v) * L, found[v]); });
        });
    }

    static constexpr int MANY_BINS = 64;  // from here on a search takes less time than counting
};

// Arrays with a row for each example, as encoded rows are kept.
template <class T>
struct EncodedRows {
    T* z;
    uint16_t* code;
    T* place;
    int64_t n_numbers, n_codes, n_binned;

    void numbers(int i, int64_t start, int64_t m, const T* values) const {
        for (int64_t r = 0; r < m; ++r) z[(start + r) * n_numbers + i] = values[r];
    }
    void codes(int g, int64_t start, int64_t m, const int32_t* found) const {
        for (int64_t r = 0; r < m; ++r) code[(start + r) * n_codes + g] = uint16_t(found[r]);
    }
    void places(int g, int64_t start, int64_t m, const T* found) const {
        for (int64_t r = 0; r < m; ++r) place[(start + r) * n_binned + g] = found[r];
    }
};

}  // namespace shoal
