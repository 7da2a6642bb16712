// The settings of a training, and what is passed on from one call to the next.
#pragma once

#include <algorithm>
#include <cstdint>

namespace shoal {

// clang-format off
enum class Solver { momentum, adam };
enum class Ending { finished, plateau, converged, diverged, interrupted };
// clang-format on

struct Settings {
    Solver solver;
    double learning_rate, momentum, beta1, beta2, epsilon, penalty;
    int64_t batch_size;     // 0: all rows, in their order, at every step (full batch)
    uint64_t key;           // of the order of the epochs
    int64_t first_epoch, n_epochs;
    double plateau_tol;     // an epoch is better when its loss is lower by more than this
    int64_t patience;       // it ends after this number of epochs in a row that are not better; 0: never
    double converged_tol;   // full batch: it ends when no parameter moves by more; < 0: never
    double decay = 0;       // of W, decoupled from the gradient
    int64_t horizon = 0;    // the rate falls to 0 over this number of epochs; 0: it is constant
    double dropout = 0;     // dropout probability of a hidden unit
};

inline int64_t rows_of_step(const Settings& settings, int64_t m) {
    return settings.batch_size == 0 ? m : std::min(settings.batch_size, m);
}

struct Progress {  // passed on from one call to the next
    double best_loss, power1, power2;  // powers: β1ᵗ and β2ᵗ after t steps
    int64_t waited;                    // epochs since the loss was better
};

}  // namespace shoal
