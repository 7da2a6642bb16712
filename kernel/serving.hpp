// Predictions again and again with the same networks: what depends on what was learnt alone is made
// once, and one call takes rows of numbers to the members' mean.
// Twins: Number.write in src/shoal/data/encode/encoding.py, Fitted.average in src/shoal/estimators/fitted.py.
#pragma once

#include <cmath>
#include <memory>

#include "prediction.hpp"

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

    // Encodes a row. False if a number is infinite, too large for T, or far outside; `missing` is counted on.
    template <class T>
    bool encode(const double* row, T* z, uint16_t* codes, T* places, int64_t* missing) const {
        int number = 0, bin = 0, single = binned();
        for (size_t i = 0; i < columns.size(); ++i) {
            const Column& column = columns[i];
            const double x = row[i];
            const bool is_missing = x != x;
            missing[i] += column.used && column.varies && is_missing;
            if (!column.used) continue;
            if (!column.varies) {
                z[number++] = 0;
                continue;
            }
            const T value = is_missing ? T(0) : T((x - column.mean) / column.scale);
            if (std::isinf(x) || !std::isfinite(value)) return false;
            if (!low.empty() && (double(value) < low[number] || double(value) > high[number])) return false;
            z[number++] = value;
            if (const auto& edges = column.edges; !edges.empty()) {
                const int last = int(edges.size()) - 2;
                int code = column.holes ? last + 1 : 0;
                double place = 0;
                if (!is_missing) {
                    code = std::clamp(int(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin()) - 1, 0, last);
                    place = (x - edges[code]) / (edges[code + 1] - edges[code]);
                    place = place != place ? 0 : std::clamp(place, 0.0, 1.0);
                }
                codes[bin] = uint16_t(code), places[bin++] = T(place);
            } else if (column.holes)
                codes[single++] = !is_missing;
        }
        return true;
    }
};

// The members of a fitted model.
template <class T>
class Ensemble {
  public:
    // Rows that are encoded at a time: their matrix stays in the cache, and every thread has some blocks.
    static constexpr int64_t AT_A_TIME = 64 * BLOCK_ROWS;

    Ensemble(const Shape& shape, const T* parameters, int members) : shape_(shape), parameters_(shape.size() * members) {
        T* own = parameters_;
        std::copy(parameters, parameters + shape.size() * members, own);
        for (int i = 0; i < members; ++i) networks_.push_back(std::make_unique<Ready<T>>(shape, static_cast<const T*>(own + i * shape.size())));
    }

    const Shape& shape() const { return shape_; }

    // The mean of the members' A2, (n_y, m) of m rows within n. False where something is not finite.
    bool mean(const Examples<T>& from, int64_t m, T* out, int64_t n, int threads, Stop& stop) const {
        const int team = threads_worth<T>(shape_, m, threads);
        Buffer<T> A2(int64_t(shape_.n_y) * m);
        const T members = T(networks_.size());
        for (size_t i = 0; i < networks_.size(); ++i) {
            if (predict<T>(*networks_[i], from, m, {nullptr, nullptr, nullptr, A2}, team, stop) >= 0) return false;
            for (int k = 0; k < shape_.n_y; ++k)
                for (int64_t r = 0; r < m; ++r) {
                    T& total = out[k * n + r];
                    total = i ? total + A2[k * m + r] : A2[k * m + r];
                }
        }
        bool good = true;
        for (int k = 0; k < shape_.n_y; ++k)
            for (int64_t r = 0; r < m; ++r) {
                T& total = out[k * n + r];
                if (networks_.size() > 1) total = total / members;
                good = good && total - total == 0;
            }
        return good;
    }

    // The same of rows of numbers. False where one of them needs more than numbers: an error, or a warning.
    bool mean_of_numbers(const NumberColumns& columns, const double* X, int64_t m, T* out, int64_t* missing, int threads, Stop& stop) const {
        const int n_columns = int(columns.columns.size()), numbers = columns.numbers(), groups = columns.groups(), binned = columns.binned();
        const int64_t most = std::min(m, AT_A_TIME);
        Buffer<T> z(most * numbers), places(most * binned);
        Buffer<uint16_t> codes(most * groups);
        for (int64_t start = 0; start < m; start += most) {
            const int64_t here = std::min(most, m - start);
            for (int64_t r = 0; r < here; ++r)
                if (!columns.encode<T>(X + (start + r) * n_columns, z + r * numbers, codes + r * groups, places + r * binned, missing)) return false;
            const Examples<T> from{z, nullptr, nullptr, nullptr, codes, places};
            if (!mean(from, here, out + start, m, threads, stop)) return false;
            if (stop.requested()) return false;
        }
        return true;
    }

  private:
    Shape shape_;
    Buffer<T> parameters_;
    std::vector<std::unique_ptr<Ready<T>>> networks_;
};

}  // namespace shoal
