// Epochs that are judged by rows which are held out, until these say that it is enough: many epochs a call, as those of
// a small table take less time than a call from Python.
// Twin: `train_judged` in src/shoal/compute/plain.py.
#pragma once

#include "training.hpp"

namespace shoal {

// What the rows held out have said so far: `lowest` and `waited` are those of the epochs, `best_loss` that of the best parameters.
struct Judge {
    double lowest, best_loss, tol;
    int64_t waited, patience;  // it ends after this number of epochs in a row that are not better; 0: never
};

template <class T>
class JudgedTrainer {
  public:
    JudgedTrainer(const Shape& shape, const Settings& settings, const Examples<T>& from, Rows rows, int64_t m, const Examples<T>& held, Rows held_rows, int64_t n_held, int threads)
        // clang-format off
        : shape_(shape), first_(settings.first_epoch), n_epochs_(settings.n_epochs),
          trainer_(shape, one_epoch(settings), from, rows, m, threads_worth<T>(shape, rows_of_step(settings, m), threads)),
          held_(held), held_rows_(held_rows), n_held_(n_held), team_(threads_worth<T>(shape, n_held, threads)), sums_(shape, n_held, team_, false) {}
    // clang-format on

    // As Trainer's. `held_losses` receives the loss on the rows held out after each epoch, `best_held` the parameters that
    // had a lower one than the best so far, if any had.
    Ending run(T* parameters, T* state, T* best, double* losses, Progress& progress, Judge judge, T* best_held, double* held_losses, Stop& stop) {
        while (epochs_ < n_epochs_) {
            trainer_.begin_at(first_ + epochs_);
            const Ending ending = trainer_.run(parameters, state, best, losses + epochs_, progress, stop);
            epochs_ += trainer_.epochs();
            if (ending == Ending::interrupted || ending == Ending::diverged) return ending;
            double& loss = held_losses[judged_];
            if (!held_loss(parameters, loss, stop)) return Ending::interrupted;
            ++judged_;
            judge.waited = loss < judge.lowest - judge.tol ? 0 : judge.waited + 1;
            if (loss < judge.lowest) judge.lowest = loss;
            if (loss < judge.best_loss) judge.best_loss = loss, std::memcpy(best_held, parameters, sizeof(T) * shape_.size());
            if (ending == Ending::converged) return ending;
            if (judge.patience && judge.waited >= judge.patience) return Ending::plateau;
        }
        return Ending::finished;
    }

    int64_t epochs() const { return epochs_; }
    int64_t judged() const { return judged_; }

  private:
    static Settings one_epoch(Settings settings) { return settings.n_epochs = 1, settings; }

    bool held_loss(const T* parameters, double& loss, Stop& stop) {
        const KernelLayout<T> W(shape_, parameters);
        bool complete = true;
        const auto work = [&](int t) {
            sums_.take(sums_.units(t), W);
            sums_.barrier().wait();
            const bool done = sums_.compute(t, W, held_, held_rows_, n_held_, Rows{}, 0, judged_ > 0, {}, stop);
            if (t == 0) complete = done;
        };
        run_team(team_, [&](int members) { sums_.set_team(members); }, work);
        loss = sums_.loss() / sums_.weight(n_held_, 0);
        return complete && !stop.requested();
    }

    Shape shape_;
    int64_t first_, n_epochs_;
    Trainer<T> trainer_;
    Examples<T> held_;
    Rows held_rows_;
    int64_t n_held_;
    int team_;
    Sums<T> sums_;
    int64_t epochs_ = 0, judged_ = 0;
};

}  // namespace shoal
