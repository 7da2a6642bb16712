// Predictions again and again with the same networks: what depends on what was learnt alone is made
// once, and one call takes rows of numbers to the members' mean.
// Twin: Fitted.average in src/shoal/estimators/fitted.py.
#pragma once

#include <memory>

#include "columns.hpp"
#include "prediction.hpp"
#include "team_size.hpp"

namespace shoal {

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
