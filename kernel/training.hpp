// Gradient descent: epochs and their steps, in a team of threads, until the budget is used up or another
// ending is reached. Twin: `train` in src/shoal/compute/plain.py.
#pragma once

#include <cmath>
#include <optional>

#include "random.hpp"
#include "step.hpp"
#include "sums.hpp"
#include "team_size.hpp"

namespace shoal {

// Trains in place: `parameters` and the optimiser's `state` (one vector of their size for
// momentum, two for adam). `losses` receives the mean loss of each epoch (full batch: the
// cost before the update), `best` the parameters that had the lowest.
template <class T>
class Trainer {
  public:
    // The team continues with one member while that is faster, unless it is to stay `together`.
    Trainer(const Shape& shape, const Settings& settings, const Examples<T>& from, Rows rows, int64_t m, int team, bool together = false)
        // clang-format off
        : shape_(shape), settings_(settings), from_(from), rows_(rows), m_(m), full_(settings.batch_size == 0),
          step_rows_(rows_of_step(settings, m)), whole_(team), team_(team), together_(together), dropout_{dropout_threshold(shape.n_h ? settings.dropout : 0), settings.key},
          sums_(shape, step_rows_, team_, true), previous_(settings.converged_tol >= 0 ? shape.size() : 0) {
        // clang-format on
        if (dropout_) sums_.allow_dropout(dropout_.share());
        if (!full_)
            for (auto& batch : batches_) batch = Buffer<uint32_t>(step_rows_);
    }

    Ending run(T* parameters, T* state, T* best, double* losses, Progress& progress, Stop& stop) {
        losses_ = losses, progress_ = &progress, stop_ = &stop;
        KernelLayout<T> W(shape_, parameters), s1(shape_, state), best_W(shape_, best);
        std::optional<KernelLayout<T>> s2;  // adam's
        if (settings_.solver == Solver::adam) s2.emplace(shape_, state + shape_.size());
        W_ = W, s1_ = s1, s2_ = s2 ? *s2 : s1, best_ = best_W;
        epoch_ = 0;
        do {
            alone_ = false;
            run_team(whole_, [&](int team) { set_team(team); }, [&](int t) { work(t); });
        } while (!over_ && epoch_ < settings_.n_epochs);
        return ending_;
    }

    int64_t epochs() const { return epochs_; }

    // To be called before it is run again: from that epoch on, at this rate, with as many members as at first.
    void begin_at(int64_t epoch, double learning_rate) {
        settings_.first_epoch = epoch, settings_.learning_rate = learning_rate, epochs_ = 0;
        over_ = false, ending_ = Ending::finished;
        set_team(whole_);
    }

  private:
    void work(int t) {
        if (team_ > 1 && !together_ && operations(shape_, step_rows_) < WORTH_A_FAR_TEAM && sums_.barrier().far(t)) {
            if (t > 0) return;
            alone_ = true, set_team(1);
        }
        const int64_t n_steps = (m_ + step_rows_ - 1) / step_rows_;
        double power1 = progress_->power1, power2 = progress_->power2;
        int64_t polls = 0;
        sums_.take(sums_.units(t), W_);
        for (int64_t epoch = epoch_; epoch < settings_.n_epochs; ++epoch) {
            Order order = full_ ? Order() : Order(uint64_t(m_), settings_.key, uint64_t(settings_.first_epoch + epoch));
            double loss = 0, weight = 0;  // member 0's alone
            if (t == 0) prepare(order, 0), prepare(order, 1);
            sums_.barrier().wait();
            for (int64_t step = 0; step < n_steps; ++step) {
                const int64_t n = rows_of(step);
                if (t == 0) prepare(order, step + 2);
                Dropout dropout = dropout_;
                dropout.epoch = uint32_t(settings_.first_epoch + epoch), dropout.step = uint32_t(step);
                const bool complete = sums_.compute(t, W_, from_, batch(step), n, batch(step + 1), full_ ? 0 : rows_of(step + 1), full_ && epoch > 0, dropout, *stop_);
                if (t == 0) {
                    if (!complete || (polls++ % 16 == 0 && stop_->poll())) end(Ending::interrupted);
                    loss += sums_.loss(), weight += sums_.weight(n, t);
                    if (full_ && !over_) judge(loss / weight, epoch);
                    if (full_ && settings_.converged_tol >= 0) remember();
                }
                if (full_) sums_.barrier().wait();  // all see the judgement before they update
                const bool go = complete && !(full_ && over_);
                if (go) {
                    power1 *= settings_.beta1, power2 *= settings_.beta2;
                    follow(t, rate(epoch, step, n_steps), sums_.weight(n, t), power1, power2);
                }
                if (t == 0 && team_ > 1 && !together_ && ++steps_ % 32 == 0) alone_ = sums_.barrier().crowded();
                sums_.barrier().wait();
                if (alone_ && t > 0) return;  // until the team is started again
                if (alone_ && team_ > 1) set_team(1);
                // After the last step member 0 goes on to judge, while others may still be here.
                if (step + 1 == n_steps || !go || over_) break;
            }
            if (t == 0) {
                progress_->power1 = power1, progress_->power2 = power2;
                if (!full_ && !over_) judge(loss / weight, epoch);
                if (full_ && !over_ && settings_.converged_tol >= 0 && converged()) end(Ending::converged);
                epoch_ = epoch + 1;
            }
            sums_.barrier().wait();
            if (over_ || (alone_ && sums_.barrier().may_be_free())) return;
        }
    }

    // Member t's units take a step; with coded columns a line of them at once, and its tables are updated, too:
    // from the registers for a single thread. (For a team, whose members read each other's tables, one
    // after the other was faster.)
    void follow(int t, double rate, double m, double power1, double power2) {
        if (!(m > 0)) return;  // a batch of weight 0 changes nothing
        const Step<T> step(shape_, settings_, rate, m, power1, power2, sums_.sums(), W_, s1_, s2_);
        const Share mine = sums_.units(t);
        if (shape_.groups.empty()) return step.units(mine, t == 0);
        Share units = mine;
        do {  // (once for a member without units too: the first one has b2)
            units.last = std::min<int64_t>(mine.last, units.first + LANES<T>);
            const bool first = t == 0 && units.first == mine.first;
            if (team_ == 1)
                step.line(units, first, [&](auto&& next) __attribute__((always_inline)) { sums_.take_line(units.first, W_, next); });
            else
                step.units(units, first), sums_.take(units, W_);
            units.first = units.last;
        } while (units.first < mine.last);
    }

    void set_team(int team) { team_ = team, sums_.set_team(team); }

    int64_t rows_of(int64_t step) const { return std::max<int64_t>(0, std::min(step_rows_, m_ - step * step_rows_)); }

    Rows batch(int64_t step) const { return full_ ? rows_ : Rows{batches_[step % 3], 0}; }

    // Draws the rows of a step, two steps ahead of their use, so that they can be prefetched in time.
    void prepare(Order& order, int64_t step) {
        if (full_) return;
        uint32_t* batch = batches_[step % 3];
        const int64_t n = order.next(batch, rows_of(step));
        for (int64_t i = 0; i < n; ++i) batch[i] = uint32_t(rows_[batch[i]]);
    }

    void end(Ending ending) { ending_ = ending, over_ = true; }

    void judge(double loss, int64_t epoch) {
        losses_[epoch] = loss;
        epochs_ = epoch + 1;
        if (!std::isfinite(loss)) return end(Ending::diverged);
        progress_->waited = loss < progress_->best_loss - settings_.plateau_tol ? 0 : progress_->waited + 1;
        if (loss < progress_->best_loss) {
            progress_->best_loss = loss;
            std::memcpy(best_, W_, sizeof(T) * shape_.size());
        }
        if (settings_.patience > 0 && progress_->waited >= settings_.patience) end(Ending::plateau);
    }

    void remember() { std::memcpy(static_cast<T*>(previous_), W_, sizeof(T) * shape_.size()); }

    bool converged() const {
        for (int64_t i = 0; i < shape_.size(); ++i)
            if (!(std::fabs(double(W_[i]) - double(previous_[i])) <= settings_.converged_tol)) return false;
        return true;
    }

    // The rate of a step: it falls with the number of steps since the first epoch of the training.
    double rate(int64_t epoch, int64_t step, int64_t n_steps) const {
        if (!settings_.horizon) return settings_.learning_rate;
        const double done = double((settings_.first_epoch + epoch) * n_steps + step);
        return settings_.learning_rate * half_cosine(done / double(settings_.horizon * n_steps));
    }

    Shape shape_;
    Settings settings_;
    Examples<T> from_;
    Rows rows_;
    int64_t m_;
    bool full_;
    int64_t step_rows_;
    int whole_, team_;
    bool together_;
    Dropout dropout_;
    Sums<T> sums_;
    Buffer<T> previous_;
    Buffer<uint32_t> batches_[3];
    T *W_ = nullptr, *s1_ = nullptr, *s2_ = nullptr, *best_ = nullptr;
    double* losses_ = nullptr;
    Progress* progress_ = nullptr;
    Stop* stop_ = nullptr;
    bool over_ = false, alone_ = false;
    int64_t steps_ = 0, epoch_ = 0;
    Ending ending_ = Ending::finished;
    int64_t epochs_ = 0;
};

}  // namespace shoal
