// Counts allocations while a network trains: they must not depend on how many epochs are run.
//
// Prints a line for each case: its name, and the allocations of 2 and of 50 epochs.
#include <cstdio>

#include "training.hpp"

namespace {
std::atomic<long> allocations{0};
}

// Every way of the standard library and of Buffer ends in one of these (glibc).
extern "C" {
void* __libc_malloc(size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t size) { return ++allocations, __libc_malloc(size); }
void* aligned_alloc(size_t alignment, size_t size) { return ++allocations, __libc_memalign(alignment, size); }
}

using namespace shoal;

template <class T>
long counted(Solver solver, int64_t batch, int team, int64_t epochs) {
    const Shape s{28, 32, 1, Activation::tanh, Output::sigmoid};
    const int64_t m = 2100, n = s.size();
    Buffer<T> X(m * s.n_x), parameters(n), best(n), state(2 * n);
    Buffer<int32_t> labels(m);
    Buffer<double> losses(epochs);
    for (int64_t i = 0; i < m * s.n_x; ++i) X[i] = T(i % 7) - 3;
    for (int64_t i = 0; i < m; ++i) labels[i] = int32_t(i % 2);
    for (int64_t i = 0; i < n; ++i) parameters[i] = T(i % 5) / 10;
    const Examples<T> from{X, nullptr, labels, nullptr};
    const Settings settings{solver, 0.01, 0.9, 0.9, 0.999, 1e-8, 0, batch, 7, 0, epochs, 0, 0, -1};
    Progress progress{1e300, 0, 1, 1};
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Trainer<T> trainer(s, settings, from, Rows{}, m, team, true);
    const long before = allocations;
    trainer.run(parameters, state, best, losses, progress, stop);
    return allocations - before;
}

template <class T>
void cases(const char* type) {
    for (int team : {1, 2}) {
        std::printf("gd %s %d: %ld %ld\n", type, team, counted<T>(Solver::momentum, 0, team, 2), counted<T>(Solver::momentum, 0, team, 50));
        std::printf("sgd %s %d: %ld %ld\n", type, team, counted<T>(Solver::momentum, 64, team, 2), counted<T>(Solver::momentum, 64, team, 50));
        std::printf("adam %s %d: %ld %ld\n", type, team, counted<T>(Solver::adam, 64, team, 2), counted<T>(Solver::adam, 64, team, 50));
    }
}

int main() {
    std::printf("an array: %ld\n", [] {
        const long before = allocations;
        Buffer<float> x(100);
        return allocations - before + (x[0] != 0);
    }());
    cases<float>("float32");
    cases<double>("float64");
}
