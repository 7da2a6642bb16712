// Trains, adds up and predicts with a team of four of which some threads cannot be started: the results must
// have the bits of one thread, and nothing may throw or end the program.
//
// Prints a line for each case: its name, how many threads were started, and "same" or "differs".
#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "prediction.hpp"
#include "training.hpp"

namespace {
int allowed = 0, started = 0;
bool no_memory = false;
}  // namespace

void* operator new(size_t size) { return no_memory ? throw std::bad_alloc() : std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

// Stands before the system's: after the allowed ones it has no thread.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*), void* argument) {
    static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    if (started == allowed) return EAGAIN;
    ++started;
    return real(thread, attributes, routine, argument);
}

using namespace shoal;

using Floats = std::vector<float>;

struct Data {
    Shape shape{28, 32, 3, Activation::tanh, Output::softmax};
    int64_t m = 2100;
    Buffer<float> X, W;
    Buffer<int32_t> labels;
    Examples<float> from{};
    Data() : X(m * shape.n_x), W(shape.size()), labels(m) {
        for (int64_t i = 0; i < m * shape.n_x; ++i) X[i] = float(i % 7) - 3;
        for (int64_t i = 0; i < m; ++i) labels[i] = int32_t(i % 3);
        for (int64_t i = 0; i < shape.size(); ++i) W[i] = float(i % 5) / 10;
        from = {X, nullptr, labels, nullptr};
    }
};

Floats trained(const Data& data, int team, int64_t batch, bool together) {
    const int64_t n = data.shape.size();
    Buffer<float> state(2 * n), best(n);
    Floats parameters(static_cast<const float*>(data.W), data.W + n);
    Buffer<double> losses(3);
    const Settings settings{Solver::adam, 0.01, 0.9, 0.9, 0.999, 1e-8, 0, batch, 7, 0, 3, 0, 0, -1};
    Progress progress{1e300, 1, 1, 0};
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Trainer<float> trainer(data.shape, settings, data.from, Rows{}, data.m, team, together);
    trainer.run(parameters.data(), state, best, losses, progress, stop);
    return parameters;
}

Floats added(const Data& data, int team) {
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Sums<float> sums(data.shape, data.m, team, true);
    KernelLayout<float> W(data.shape, static_cast<const float*>(data.W));
    const auto work = [&](int t) {
        sums.take(sums.units(t), W);
        sums.barrier().wait();
        sums.compute(t, W, data.from, Rows{}, data.m, Rows{}, 0, false, {}, stop);
    };
    run_team(team, [&](int members) { sums.set_team(members); }, work);
    std::vector<double> out(data.shape.size() + 2);
    sums.write(data.m, out.data());
    return Floats(out.begin(), out.end());
}

Floats predicted(const Data& data, int team) {
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Floats A2(data.shape.n_y * data.m);
    predict<float>(Ready<float>(data.shape, data.W), data.from, data.m, {nullptr, nullptr, nullptr, A2.data()}, team, stop);
    return A2;
}

template <class F>
void report(const char* name, F&& run) {
    const Floats alone = run(1);
    for (allowed = 0; allowed < 4; ++allowed) {
        started = 0;
        const Floats found = run(4);
        std::printf("%s: %d %s\n", name, started, found == alone ? "same" : "differs");
    }
}

int main() {
    const Data data;
    report("a step of one block", [&](int team) { return trained(data, team, 64, true); });
    report("a step of two blocks", [&](int team) { return trained(data, team, 700, true); });
    report("all rows", [&](int team) { return trained(data, team, 0, true); });
    report("sums", [&](int team) { return added(data, team); });
    report("a prediction", [&](int team) { return predicted(data, team); });
    int members = 0, ran = 0;
    no_memory = true;
    run_team(4, [&](int n) { members = n; }, [&](int) { ++ran; });
    no_memory = false;
    std::printf("no memory: %d %s\n", members - 1, ran == 1 ? "same" : "differs");
}
