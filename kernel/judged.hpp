// Epochs that are judged by rows which are held out, until these say that it is enough: many epochs a call, as those of
// a small table take less time than a call from Python.
// Twin: `train_judged` in src/shoal/compute/plain.py.
#pragma once

#include <cmath>
#include <vector>

#include "training.hpp"

namespace shoal {

// What the rows held out have said so far: `lowest` and `waited` are those of the epochs, `best_loss` that of the best parameters
// (NaN where these are the start, and it is not known).
struct Judge {
    double lowest, best_loss, tol;
    int64_t waited, patience;  // it is enough after this number of epochs in a row that are not better; 0: never
};

// The rows held out. `losses` receives the loss on them after each epoch, `best` holds the best parameters so far, and
// receives those that have a lower loss.
template <class T>
class HeldOut {
  public:
    HeldOut(const Shape& shape, const Examples<T>& from, Rows rows, int64_t n, int threads, Judge judge, T* best, double* losses)
        : shape_(shape), from_(from), rows_(rows), n_(n), team_(threads_worth<T>(shape, n, threads)), sums_(shape, n, team_, false), judge_(judge), best_(best), losses_(losses) {}

    // What they say of the start, which is the best so far, where that is not known; false when stopped.
    bool judge_start(Stop& stop) { return !std::isnan(judge_.best_loss) || loss_of(best_, judge_.best_loss, stop); }

    // What they say of one more epoch, after which the parameters are these; false when stopped.
    bool judge(const T* parameters, Stop& stop) {
        double& loss = losses_[judged_];
        if (!loss_of(parameters, loss, stop)) return false;
        ++judged_;
        judge_.waited = loss < judge_.lowest - judge_.tol ? 0 : judge_.waited + 1;
        if (loss < judge_.lowest) judge_.lowest = loss;
        if (loss < judge_.best_loss) judge_.best_loss = loss, best_epoch_ = judged_, std::memcpy(best_, parameters, sizeof(T) * shape_.size());
        return true;
    }

    // The parameters become the best so far, from which on others are waited for.
    void go_back(T* parameters) {
        std::memcpy(parameters, best_, sizeof(T) * shape_.size());
        judge_.waited = 0;
    }

    bool enough() const { return judge_.patience && judge_.waited >= judge_.patience; }
    int64_t judged() const { return judged_; }
    int64_t best_epoch() const { return best_epoch_; }  // of those that were judged, from 1; 0: none is the best
    const Judge& said() const { return judge_; }

  private:
    bool loss_of(const T* parameters, double& loss, Stop& stop) {
        const KernelLayout<T> W(shape_, parameters);
        bool complete = true;
        const auto work = [&](int t) {
            sums_.take(sums_.units(t), W);
            sums_.barrier().wait();
            const bool done = sums_.compute(t, W, from_, rows_, n_, Rows{}, 0, judged_ > 0, {}, stop);
            if (t == 0) complete = done;
        };
        run_team(team_, [&](int members) { sums_.set_team(members); }, work);
        loss = sums_.loss() / sums_.weight(n_, 0);
        return complete && !stop.requested();
    }

    Shape shape_;
    Examples<T> from_;
    Rows rows_;
    int64_t n_;
    int team_;
    Sums<T> sums_;
    Judge judge_;
    T* best_;
    double* losses_;
    int64_t judged_ = 0, best_epoch_ = 0;
};

template <class T>
class JudgedTrainer {
  public:
    // Each plateau but the last is answered by the next of the `lower` rates, from the best parameters on.
    JudgedTrainer(const Shape& shape, const Settings& settings, const std::vector<double>& lower, const Examples<T>& from, Rows rows, int64_t m, int threads)
        : first_(settings.first_epoch), n_epochs_(settings.n_epochs), rate_(settings.learning_rate), lower_(lower), trainer_(shape, one_epoch(settings), from, rows, m, threads_worth<T>(shape, rows_of_step(settings, m), threads)) {}

    // As Trainer's.
    Ending run(T* parameters, T* state, T* best, double* losses, Progress& progress, HeldOut<T>& held, Stop& stop) {
        if (!held.judge_start(stop)) return Ending::interrupted;
        while (epochs_ < n_epochs_) {
            trainer_.begin_at(first_ + epochs_, plateaus_ ? lower_[plateaus_ - 1] : rate_);
            const Ending ending = trainer_.run(parameters, state, best, losses + epochs_, progress, stop);
            epochs_ += trainer_.epochs();
            if (ending == Ending::interrupted || ending == Ending::diverged) return ending;
            if (!held.judge(parameters, stop)) return Ending::interrupted;
            if (ending == Ending::converged) return ending;
            if (!held.enough()) continue;
            if (plateaus_ == lower_.size()) return Ending::plateau;
            if (epochs_ < n_epochs_) ++plateaus_, held.go_back(parameters);
        }
        return Ending::finished;
    }

    int64_t epochs() const { return epochs_; }
    size_t plateaus() const { return plateaus_; }  // that a lower rate has answered

  private:
    static Settings one_epoch(Settings settings) { return settings.n_epochs = 1, settings; }

    int64_t first_, n_epochs_;
    double rate_;
    std::vector<double> lower_;
    Trainer<T> trainer_;
    int64_t epochs_ = 0;
    size_t plateaus_ = 0;
};

}  // namespace shoal
