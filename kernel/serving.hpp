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

    // Encodes up to BLOCK_ROWS rows, column after column, in loops over the rows that the compiler vectorises. False if a
    // number is infinite, too large for T, or far outside; `missing` is counted on.
    template <class T>
    bool encode(const double* X, int64_t m, T* z, uint16_t* codes, T* places, int64_t* missing) const {
        const int64_t n = int64_t(columns.size()), n_numbers = numbers(), n_codes = groups(), n_binned = binned();
        int64_t number = 0, bin = 0, single = n_binned;
        double x[BLOCK_ROWS];
        bool good = true;
        for (int64_t i = 0; i < n; ++i) {
            const Column& column = columns[i];
            if (!column.used) continue;
            T* value = z + number;
            if (column.varies) {
                for (int64_t r = 0; r < m; ++r) x[r] = X[r * n + i];
                good &= standardise(column, number, x, m, value, n_numbers, missing[i]);
            } else
                for (int64_t r = 0; r < m; ++r) value[r * n_numbers] = 0;
            if (!column.edges.empty())
                find_bins(column, x, m, codes + bin, n_codes, places + bin, n_binned), ++bin;
            else if (column.holes) {
                for (int64_t r = 0; r < m; ++r) codes[r * n_codes + single] = x[r] == x[r];
                ++single;
            }
            ++number;
        }
        return good;
    }

  private:
    template <class T>
    bool standardise(const Column& column, int64_t number, const double* x, int64_t m, T* z, int64_t apart, int64_t& missing) const {
        constexpr double infinite = std::numeric_limits<double>::infinity();
        const double least = low.empty() ? -infinite : low[number], most = high.empty() ? infinite : high[number];
        T value[BLOCK_ROWS];
        int64_t holes = 0, bad = 0;
        for (int64_t r = 0; r < m; ++r) {
            const T found = T((x[r] - column.mean) / column.scale);
            value[r] = x[r] != x[r] ? T(0) : found;
            holes += x[r] != x[r];
            bad += (value[r] - value[r] != 0) | (double(value[r]) < least) | (double(value[r]) > most);
        }
        for (int64_t r = 0; r < m; ++r) z[r * apart] = value[r];
        missing += holes;
        return bad == 0;
    }

    // The bin of each number, which is the number of inner edges that are at most x, and its place there.
    template <class T>
    static void find_bins(const Column& column, const double* x, int64_t m, uint16_t* codes, int64_t codes_apart, T* places, int64_t places_apart) {
        const double* edges = column.edges.data();
        const int64_t last = int64_t(column.edges.size()) - 2;
        int64_t code[BLOCK_ROWS] = {};
        if (last > MANY_BINS)
            for (int64_t r = 0; r < m; ++r) code[r] = x[r] != x[r] ? 0 : std::upper_bound(edges + 1, edges + 1 + last, x[r]) - (edges + 1);
        else
            for (int64_t k = 1; k <= last; ++k)
                for (int64_t r = 0; r < m; ++r) code[r] += edges[k] <= x[r];
        double place[BLOCK_ROWS];
        for (int64_t r = 0; r < m; ++r) {
            const double low = edges[code[r]], found = (x[r] - low) / (edges[code[r] + 1] - low);
            place[r] = found == found ? std::clamp(found, 0.0, 1.0) : 0;
        }
        for (int64_t r = 0; r < m; ++r) {
            places[r * places_apart] = T(place[r]);
            codes[r * codes_apart] = uint16_t(x[r] != x[r] && column.holes ? last + 1 : code[r]);
        }
    }

    static constexpr int64_t MANY_BINS = 64;  // from here on a search takes less time than counting
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
        return mean_of_blocks(m, out, threads, stop, [&](int, int64_t start, int64_t, Examples<T>& block, Ahead<T>& ahead) {
            block.X = from.X + start * n_numbers;
            if (from.codes) block.codes = from.codes + start * coding.groups(), block.places = from.places + start * coding.binned();
            ahead = Ahead<T>::of(from.X, n_numbers, start + team * BLOCK_ROWS, m);
            return true;
        });
    }

    // The same of rows of numbers. False where one of them needs more than numbers: an error, or a warning.
    bool mean_of_numbers(const NumberColumns& columns, const double* X, int64_t m, T* out, int64_t* missing, int threads, Stop& stop) const {
        const int n_columns = int(columns.columns.size()), numbers = columns.numbers(), groups = columns.groups(), binned = columns.binned();
        struct Encoded {
            Buffer<T> z, places;
            Buffer<uint16_t> codes;
            Buffer<int64_t> missing;
        };
        std::vector<Encoded> encoded;  // of each thread, a block
        const int64_t most = std::min<int64_t>(m, BLOCK_ROWS);
        for (int t = 0; t < team_for(m, threads); ++t) encoded.push_back({Buffer<T>(most * numbers), Buffer<T>(most * binned), Buffer<uint16_t>(most * groups), Buffer<int64_t>(n_columns)});
        const bool good = mean_of_blocks(m, out, threads, stop, [&](int t, int64_t start, int64_t here, Examples<T>& block, Ahead<T>&) {
            Encoded& own = encoded[t];
            if (!columns.encode<T>(X + start * n_columns, here, own.z, own.codes, own.places, own.missing)) return false;
            block.X = own.z, block.codes = own.codes, block.places = own.places;
            return true;
        });
        for (const Encoded& one : encoded)
            for (int i = 0; i < n_columns; ++i) missing[i] += one.missing[i];
        return good;
    }

  private:
    int team_for(int64_t m, int threads) const { return int(std::min<int64_t>(threads_worth<T>(shape_, m, threads), blocks_of(m))); }

    // The mean over members, block by block, so that a block stays in the cache for all of them. `rows_of` says where the rows
    // of a block are; false if something is wrong with them.
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
                Examples<T> block{};
                Ahead<T> ahead;
                if (!rows_of(t, start, here, block, ahead) || !mean_of_block(block, ahead, here, out + start, m, A2[t], blocks[t])) good = false;
            }
        };
        run_team(team, [](int) {}, work);
        return good && !stop.requested();
    }

    // Of `here` rows within n.
    bool mean_of_block(const Examples<T>& from, const Ahead<T>& ahead, int64_t here, T* out, int64_t n, T* A2, Block<T>& block) const {
        for (size_t i = 0; i < networks_.size(); ++i) {
            if (predict_block<T>(*networks_[i], from, here, 0, {nullptr, nullptr, nullptr, A2}, i ? Ahead<T>{} : ahead, block) >= 0) return false;
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
                good = good && total - total == 0;
            }
        return good;
    }

    Shape shape_;
    Buffer<T> parameters_;
    std::vector<std::unique_ptr<Ready<T>>> networks_;
};

}  // namespace shoal
