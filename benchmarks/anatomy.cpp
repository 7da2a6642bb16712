// Where the time of a training step goes: each of its pieces by itself, again and again on data that lie in the caches,
// and the whole step as `Trainer` does it; in processor time, on one thread. What the pieces leave of the whole is
// waiting for memory, and what stands between them.
//
//   anatomy n_x n_h n_y activation output solver rows batch        (batch 0: all rows)
//
// A line for the most multiply-adds a second, then a line a piece: its name, and its seconds of a step. benchmarks/anatomy.py
// compiles it, calls it and shows its figures.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "training.hpp"

using namespace shoal;
using T = float;
constexpr int L = LANES<T>;

double processor_seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Seconds of a call of f: the quickest of some rounds, which last long enough to be measured.
template <class F>
double seconds_of(F&& f) {
    const auto round = [&](int64_t calls) {
        const double began = processor_seconds();
        for (int64_t i = 0; i < calls; ++i) f();
        return processor_seconds() - began;
    };
    int64_t calls = 1;
    while (round(calls) < 5e-4) calls *= 2;
    double best = round(calls);
    for (int k = 0; k < 30; ++k) best = std::min(best, round(calls));
    return best / double(calls);
}

void show(const char* name, double figure) { std::printf("%s\t%.9g\n", name, figure); }

// The most multiply-adds a second: accumulators in registers, and nothing else.
double peak() {
    constexpr int ACCUMULATORS = 16, TIMES = 1000;
    Buffer<T> start((ACCUMULATORS + 1) * L);  // the last line is what they are multiplied with
    for (int i = 0; i < ACCUMULATORS * L; ++i) start[i] = T(i) / 1024;
    const double seconds = seconds_of([&] {
        const auto x = load(start + ACCUMULATORS * L);
        Line<T> sum[ACCUMULATORS];
        unrolled<ACCUMULATORS>([&](auto i) { sum[i] = load(start + i * L); });
        for (int k = 0; k < TIMES; ++k) unrolled<ACCUMULATORS>([&](auto i) __attribute__((always_inline)) { sum[i] = fma(x, sum[i], x); });
        unrolled<ACCUMULATORS>([&](auto i) { store(start + i * L, sum[i]); });
        asm volatile("" : : : "memory");  // the next call loads them anew
    });
    return double(ACCUMULATORS) * TIMES * L / seconds;
}

// Memory in large pages where the system has them, as NumPy asks for its large arrays: rows drawn from many small
// pages would wait for the addresses of these.
T* in_large_pages(int64_t size) {
    constexpr size_t PAGE = size_t(1) << 21;
    const size_t bytes = (size * sizeof(T) + PAGE - 1) / PAGE * PAGE;
    void* memory = std::aligned_alloc(PAGE, bytes);
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
}

// The pieces of a block of n rows, each `times` times a step.
void pieces(const Shape& s, const Settings& settings, const Examples<T>& from, int64_t m, int64_t n, double times, bool kept) {
    Block<T> block(s, n, true);
    const Tables<T> tables;
    const int64_t panels = block.panels(n);
    const int n_x = s.n_x, n_h = s.n_h, n_y = s.n_y;
    Buffer<T> W(s.size()), s1(s.size()), s2(s.size()), sums(s.size()), strips((n_x + L) / L * panels * L * L + L * L);
    for (int64_t i = 0; i < s.size(); ++i) W[i] = T(0.01) * T(i % 7 - 3), sums[i] = T(i % 5 - 2);
    Buffer<uint32_t> batch(n);
    Order order(uint64_t(m), 7, 0);
    order.next(batch, n);
    const Rows some{batch, 0};
    const auto each = [&](auto&& f) { return [&, f] { for (int64_t p = 0; p < panels; ++p) f(p); }; };
    const auto put = [&](const char* name, auto&& f) { show(name, times * seconds_of(f)); };

    const auto gather = each([&](int64_t p) { block.gather_X(from, some, n, p), block.gather_Y(from, some, n, p); });
    gather();
    if (settings.batch_size) put("order of the rows", [&] {
        Order again(uint64_t(m), 7, 1);
        again.next(batch, n);
    });
    if (!kept) put("rows gathered and turned", gather);
    put("[1]", [&] { block.weighted_inputs(W, 0, panels); });
    put("[2]", [&] { block.activate_hidden(0, panels); });
    put("[3]", [&] { block.weighted_activations(W, tables, 0, panels); });
    put("[4] and the loss", each([&](int64_t p) { block.activate_output_with_loss(p); }));
    put("[5] [8]", each([&](int64_t p) { block.backward(W, p); }));
    put("[6]", [&] { dot<T>(0, n_y, n_y, block.dZ2(0), 0, n_h, n_h, block.A1(0), panels, sums + s.W2(), n_h); });
    put("[7] [10]", [&] {
        sum_rows<T>(0, n_y, n_y, block.dZ2(0), panels, sums + s.b2());
        sum_rows<T>(0, n_h, n_h, block.dZ1(0), panels, sums + s.b1());
    });
    put("[9]", [&] {
        if (n_x >= L)
            correlate<T>(0, n_h, n_h, panels, block.dZ1(0), n_x, strips, panels * L * L, sums, n_x);
        else
            dot<T>(0, n_h, n_h, block.dZ1(0), 0, n_x, n_x, block.X(0), panels, sums, n_x);
    });
    if (m > BLOCK_ROWS && !settings.batch_size) {
        TreeSum tree(s.size() + 2, 2);
        Buffer<T> term(s.size() + 2);
        put("the tree of blocks", [&] { tree.clear(), tree.add(static_cast<const T*>(term)), tree.add(static_cast<const T*>(term)); });
    }
    for (int64_t i = 0; i < s.size(); ++i) sums[i] = T(i % 5 - 2);
    show("update", seconds_of([&] { Step<T>(s, settings, 1e-6, double(n), 0.5, 0.5, sums, W, s1, s2).units(Share(s.n_units(), 0, 1), true); }));
}

int main(int argc, char** argv) {
    if (argc != 9) return std::fprintf(stderr, "expected n_x n_h n_y activation output solver rows batch\n"), 2;
    const auto given = [&](int i) { return std::atoi(argv[i]); };
    const Shape s{given(1), given(2), given(3), Activation(given(4)), Output(given(5))};
    const int64_t m = given(7), batch = given(8), n = batch ? batch : std::min<int64_t>(m, BLOCK_ROWS);
    Settings settings{Solver(given(6)), 1e-6, 0.9, 0.9, 0.999, 1e-8, 0, batch, 7, 0, 1, 0, 0, -1};
    const bool kept = !batch && m <= BLOCK_ROWS;  // a single block holds its rows for all iterations
    T* X = in_large_pages(m * s.n_x);
    Buffer<T> W(s.size()), state(2 * s.size()), best(s.size());
    std::vector<int32_t> labels(m);
    for (int64_t i = 0; i < m * s.n_x; ++i) X[i] = T(int(uint32_t(i) * 2654435769u >> 16) - 32768) / 32768;
    for (int64_t i = 0; i < m; ++i) labels[i] = int32_t(uint32_t(i) * 2246822519u >> 20) % std::max(2, s.n_y);
    for (int64_t i = 0; i < s.size(); ++i) W[i] = T(0.01) * T(i % 7 - 3);
    const Examples<T> from{X, nullptr, labels.data(), nullptr};

    show("peak", peak());
    pieces(s, settings, from, m, n, batch ? 1 : double(m) / double(n), kept);
    settings.n_epochs = kept ? 1000 : 1;
    std::vector<double> losses(settings.n_epochs);
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Trainer<T> trainer(s, settings, from, Rows{nullptr, 0}, m, 1);
    double whole = 1e300;
    for (int k = 0; k < 7; ++k) {
        Progress progress{1e300, 1, 1, 0};
        const double began = processor_seconds();
        trainer.run(W, state, best, losses.data(), progress, stop);
        whole = std::min(whole, processor_seconds() - began);
    }
    show("all of a step", whole / double(settings.n_epochs * (batch ? (m + batch - 1) / batch : 1)));
}
