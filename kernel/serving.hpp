// Predictions again and again with the same networks: what depends on what was learnt alone is made
// once, and one call takes rows of numbers to the members' mean.
// Twins: Number.write in src/shoal/data/encode/encoding.py, Fitted.average in src/shoal/estimators/fitted.py.
#pragma once

#include <limits>
#include <memory>

#include "prediction.hpp"
#include "team_size.hpp"

namespace shoal {

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

// The members of a fitted model.
template <class T>
class Ensemble {
  public:
    Ensemble(const Shape& shape, const T* parameters, int members) : shape_(shape), parameters_(shape.size() * members) {
        T* own = parameters_;
        std::copy(parameters, parameters + shape.size() * members, own);
        for (int i = 0; i < members; ++i) networks_.push_back(std::make_unique<Ready<T>>(shape, static_cast<const T*>(own + i * shape.size())));
    }

    const Shape& shape() const { return shape_; }

    // The mean of the members' A2, (n_y, m). False where something is not finite.
    bool mean(const Examples<T>& from, int64_t m, T* out, int threads, Stop& stop) const {
        const Coding coding(shape_.groups);
        const int n_numbers = shape_.n_numbers(), team = team_for(m, threads);
        return mean_of_blocks(m, out, threads, stop, [&](int, int64_t start, int64_t here, Block<T>& block, Ahead<T>& ahead) {
            Examples<T> rows{};
            rows.X = from.X + start * n_numbers;
            if (from.codes) rows.codes = from.codes + start * coding.groups(), rows.places = from.places + start * coding.binned();
            ahead = Ahead<T>::of(from.X, n_numbers, start + team * BLOCK_ROWS, m);
            return gather_block(rows, here, 0, block) < 0;
        });
    }

    // The same of rows of numbers. False where one of them needs more than numbers: an error, or a warning.
    bool mean_of_numbers(const NumberColumns& columns, const double* X, int64_t m, T* out, int64_t* missing, int threads, Stop& stop) const {
        const int64_t n = int64_t(columns.columns.size());
        std::vector<Buffer<int64_t>> counts;  // of each thread
        for (int t = 0; t < team_for(m, threads); ++t) counts.emplace_back(n);
        const bool good = mean_of_blocks(m, out, threads, stop, [&](int t, int64_t start, int64_t here, Block<T>& block, Ahead<T>&) {
            block.begin(here);
            return columns.encode<T>(X + start * n, here, block, counts[t]);
        });
        for (const auto& own : counts)
            for (int64_t i = 0; i < n; ++i) missing[i] += own[i];
        return good;
    }

  private:
    int team_for(int64_t m, int threads) const { return int(std::min<int64_t>(threads_worth<T>(shape_, m, threads), blocks_of(m))); }

    // The mean over members, block by block, so that a block stays in the cache for all of them. `rows_of` puts a block's rows
    // into it; false if something is wrong with them.
    template <class F>
    bool mean_of_blocks(int64_t m, T* out, int threads, Stop& stop, F&& rows_of) const {
        const int team = team_for(m, threads);
        const int64_t most = std::min<int64_t>(m, BLOCK_ROWS);
        std::vector<Block<T>> blocks;
        std::vector<Buffer<T>> A2;
        for (int t = 0; t < team; ++t) blocks.emplace_back(shape_, m, false), A2.emplace_back(shape_.n_y * most);
        std::atomic<int64_t> next{0};
        std::atomic<bool> good{true};
        const auto work = [&](int t) {
            for (int64_t b; (b = next.fetch_add(1)) < blocks_of(m) && good;) {
                if (t == 0 && b % 16 == 0) stop.poll();
                if (stop.requested()) return;
                const int64_t start = b * BLOCK_ROWS, here = std::min<int64_t>(BLOCK_ROWS, m - start);
                Ahead<T> ahead;
                if (!rows_of(t, start, here, blocks[t], ahead) || !mean_of_block(ahead, here, out + start, m, A2[t], blocks[t])) good = false;
            }
        };
        run_team(team, [](int) {}, work);
        return good && !stop.requested();
    }

    // Of `here` rows within n.
    bool mean_of_block(const Ahead<T>& ahead, int64_t here, T* out, int64_t n, T* A2, Block<T>& block) const {
        for (size_t i = 0; i < networks_.size(); ++i) {
            answer_block<T>(*networks_[i], here, 0, {nullptr, nullptr, nullptr, A2}, i ? Ahead<T>{} : ahead, block);
            for (int k = 0; k < shape_.n_y; ++k)
                for (int64_t r = 0; r < here; ++r) {
                    T& total = out[k * n + r];
                    total = i ? total + A2[k * here + r] : A2[k * here + r];
                }
        }
        bool good = true;
        for (int k = 0; k < shape_.n_y; ++k)
            for (int64_t r = 0; r < here; ++r) {
                T& total = out[k * n + r];
                if (networks_.size() > 1) total = total / T(networks_.size());
                good &= total - total == 0;
            }
        return good;
    }

    Shape shape_;
    Buffer<T> parameters_;
    std::vector<std::unique_ptr<Ready<T>>> networks_;
};

}  // namespace shoal
