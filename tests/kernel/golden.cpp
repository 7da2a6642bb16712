// Trains and predicts a grid of small networks and prints a hash of every result.
//
// tests/kernel/golden.txt holds what it must print: on every processor, from every build,
// with any number of threads. When it changes, so do the bits of models that people have:
// then NUMERICS_VERSION in src/shoal/compute/builds.py must change as well.
//
// The numbers come from the kernel's own Philox by exact arithmetic, so they are the same
// everywhere. Built for aarch64 by tools/test-arm.sh, with sanitizers by test_golden.py.
#include <cstdio>
#include <cstring>
#include <limits>

#include "coalitions.hpp"
#include "levenberg.hpp"
#include "moments.hpp"
#include "prediction.hpp"
#include "training.hpp"
#include "vectors.hpp"

using namespace shoal;

struct Hash {  // FNV-1a, 64 bits
    uint64_t value = 0xcbf29ce484222325u;
    // What is not a number is one value: its bits differ between processors.
    template <class T>
    void add(const T* numbers, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
            const T x = numbers[i] == numbers[i] ? numbers[i] : std::numeric_limits<T>::quiet_NaN();
            unsigned char bytes[sizeof(T)];
            std::memcpy(bytes, &x, sizeof(T));
            for (unsigned char byte : bytes) value = (value ^ byte) * 0x100000001b3u;
        }
    }
};

// Number i of a stream, between -scale and scale, exact in both precisions.
template <class T>
T number(uint64_t stream, int64_t i, double scale) {
    return T(double(int32_t(philox(stream, uint64_t(i), 0)[0]) >> 9) / (1 << 22) * scale);
}

template <class T>
Buffer<T> numbers(int64_t n, uint64_t stream, double scale) {
    Buffer<T> x(n);
    for (int64_t i = 0; i < n; ++i) x[i] = number<T>(stream, i, scale);
    return x;
}

struct Case {
    Shape shape;
    int64_t m, batch;
    Solver solver;
    bool labels, weights, regularised = false;
};

template <class T>
uint64_t run(const Case& c, int team, bool together = true) {
    const Shape& s = c.shape;
    const int64_t n = s.size();
    const Coding coding(s.groups);
    const auto X = numbers<T>(c.m * (s.n_x - coding.columns()), 1, 2.0);
    auto places = numbers<T>(c.m * coding.binned(), 9, 1.0);
    Buffer<uint16_t> codes(c.m * coding.groups());
    for (int64_t i = 0; i < c.m * coding.binned(); ++i) places[i] = places[i] * places[i];
    for (int64_t i = 0; i < c.m; ++i)
        for (int g = 0; g < coding.groups(); ++g)
            codes[i * coding.groups() + g] = uint16_t(philox(10 + uint64_t(g), uint64_t(i), 0)[2] % uint32_t(s.groups[g].columns + 1));
    auto Y = numbers<T>(c.m * s.n_y, 3, 1.0), w = numbers<T>(c.m, 4, 1.0);
    Buffer<int32_t> labels(c.m);
    for (int64_t i = 0; i < c.m; ++i) {
        labels[i] = int32_t(philox(5, uint64_t(i), 0)[1] % uint32_t(s.n_y == 1 ? 2 : s.n_y));
        w[i] = w[i] * w[i];
        if (s.sigma != Output::identity)
            for (int k = 0; k < s.n_y; ++k) Y[i * s.n_y + k] = Y[i * s.n_y + k] > 0 ? T(1) : T(0);
    }
    // Sparse rows: up to six numbers each, in columns that ascend.
    Buffer<int64_t> starts(c.m + 1);
    Buffer<uint32_t> columns(c.m * 6);
    const auto values = numbers<T>(c.m * 6, 20, 2.0);
    for (int64_t i = 0; s.entries && i < c.m; ++i) {
        starts[i + 1] = starts[i];
        uint32_t at = philox(21, uint64_t(i), 0)[0] % uint32_t(s.n_x);
        for (int k = 0; k < int(i % 7) && at < uint32_t(s.n_x); ++k) {
            columns[starts[i + 1]++] = at;
            at += 1 + philox(22, uint64_t(i), uint64_t(k))[0] % 9;
        }
    }
    Examples<T> from{X, c.labels ? nullptr : static_cast<const T*>(Y), c.labels ? static_cast<const int32_t*>(labels) : nullptr,
                     c.weights ? static_cast<const T*>(w) : nullptr, codes, places};
    if (s.entries) from.entries = {starts, columns, values};
    auto parameters = numbers<T>(n, 6, 0.5), best = numbers<T>(n, 6, 0.5);
    Buffer<T> state(2 * n);
    Buffer<double> losses(3);
    Settings settings{c.solver, 0.05, c.batch ? 0.9 : 0.0, 0.9, 0.999, 1e-8, 0.01, c.batch, 7, 0, 3, 0, 0, -1};
    if (c.regularised) settings.decay = 0.3, settings.horizon = 5, settings.dropout = 0.25;
    Progress progress{1e300, 1, 1, 0};
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Trainer<T> trainer(s, settings, from, Rows{}, c.m, team, together);
    trainer.run(parameters, state, best, losses, progress, stop);
    Buffer<T> A2(s.n_y * c.m);
    predict<T>(Ready<T>(s, parameters), from, c.m, {nullptr, nullptr, nullptr, A2}, team, stop);
    Hash hash;
    hash.add<T>(parameters, n);
    hash.add<T>(state, 2 * n);
    hash.add<double>(losses, 3);
    hash.add<T>(A2, s.n_y * c.m);
    return hash.value;
}

// Six steps of Levenberg and Marquardt, then the inverse of the matrix there.
uint64_t descend(const Shape& s, int64_t m, int team) {
    const int64_t n = s.size(), triangle = Curvature::triangle(s);
    const auto X = numbers<double>(m * s.n_x, 1, 2.0), w = numbers<double>(m, 4, 1.0), a = numbers<double>(n, 30, 1.0);
    auto Y = numbers<double>(m * s.n_y, 3, 1.0), x = numbers<double>(n, 6, 0.5), best = numbers<double>(n, 6, 0.5);
    Buffer<double> weights(m), penalties(n), losses(6), sums(Curvature::size(s)), inverse(n);
    for (int64_t i = 0; i < m; ++i) weights[i] = w[i] * w[i];
    for (int64_t i = 0; i < n; ++i) penalties[i] = a[i] * a[i];
    for (int64_t i = 0; i < m * s.n_y; ++i)
        if (s.sigma != Output::identity) Y[i] = Y[i] > 0;
    const Examples<double> from{X, Y, nullptr, weights};
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Levenberg descent(s, from, Rows{}, m, team, stop);
    Point point{1e300, 1e300, 0, 0, 1e300, 1e300};
    double best_cost = 1e300;
    int64_t waited = 0;
    descent.run(penalties, {6, -1, 0, 0}, x, point, best, best_cost, waited, losses);
    Curvature curvature(s, m, team);
    const auto work = [&](int t) { curvature.compute(t, x, from, Rows{}, m, sums, false, stop); };
    run_team(team, [&](int members) { curvature.set_team(members); }, work);
    Hash hash;
    hash.add<double>(sums, Curvature::size(s));
    for (int64_t i = 0; i < n; ++i) sums[row_start(i) + i] += penalties[i] + 0.01;
    if (!factor(sums, n)) return 0;
    inverse_diagonal(sums, n, inverse);
    const double determinant = log_determinant(sums, n);
    hash.add<double>(sums, triangle), hash.add<double>(inverse, n), hash.add<double>(&determinant, 1);
    hash.add<double>(x, n), hash.add<double>(losses, 6);
    return hash.value;
}

// How often three threads gave other bits.
int print_descents() {
    const int shapes[][3] = {{2, 4, 1}, {9, 11, 3}, {5, 0, 2}, {1, 1, 1}, {20, 9, 1}};
    int failures = 0;
    for (const auto& n : shapes)
        for (int o = 0; o < 4; ++o)
            for (const int64_t m : {150, 1300}) {
                if (o == 1 && n[2] == 1) continue;
                const Shape s{n[0], n[1], n[2], Activation(o % 3), Output(o)};
                const uint64_t single = descend(s, m, 1);
                std::printf("descent %d-%d-%d %d m=%d %016llx\n", n[0], n[1], n[2], o, int(m), static_cast<unsigned long long>(single));
                if (descend(s, m, 3) != single) std::printf("  differs with three threads\n"), ++failures;
            }
    return failures;
}

// Means of some coalitions of three members; `scale` decides whether a move is a product or a sum.
template <class T>
uint64_t coalitions(const Shape& s, double scale, int team) {
    const int members = 3, columns = 4, m = 21, rows = 5;
    const int64_t units = s.n_units();
    const auto parameters = numbers<T>(members * s.size(), 40, 0.7), Z1 = numbers<T>(members * m * units, 41, scale);
    const auto Q = numbers<T>(members * m * columns * units, 42, scale), P = numbers<T>(members * rows * columns * units, 43, scale);
    const std::vector<Move> moves{{0, 1, 2}, {1, 2, 0}, {2, 2, 3}, {1, 1, 3}, {0, 1, 1}};
    Buffer<double> out(rows * int64_t(moves.size()) * s.n_y);
    std::atomic<bool> flag{false};
    Stop stop(flag);
    Coalitions<T>(s, parameters, members, Z1, Q, m, columns, moves, s.sigma == Output::softmax && sizeof(T) == 8).means(P, rows, out, team, stop);
    Hash hash;
    hash.add<double>(out, rows * int64_t(moves.size()) * s.n_y);
    return hash.value;
}

// How often three threads gave other bits.
int print_coalitions() {
    const int shapes[][3] = {{6, 9, 1}, {6, 5, 3}, {6, 0, 2}};
    int failures = 0;
    for (const auto& n : shapes)
        for (int g = 0; g < 5; ++g)
            for (int o = 0; o < 4; ++o)
                for (const double scale : {1.0, 300.0}) {
                    if ((o == 1 && n[2] == 1) || (n[1] == 0 && g > 0)) continue;
                    const Shape s{n[0], n[1], n[2], Activation(g), Output(o)};
                    const uint64_t single[] = {coalitions<float>(s, scale, 1), coalitions<double>(s, scale, 1)};
                    std::printf("coalitions %d-%d-%d %d %d × %g %016llx %016llx\n", n[0], n[1], n[2], g, o, scale, static_cast<unsigned long long>(single[0]), static_cast<unsigned long long>(single[1]));
                    if (coalitions<float>(s, scale, 3) != single[0] || coalitions<double>(s, scale, 3) != single[1]) std::printf("  differs with three threads\n"), ++failures;
                }
    return failures;
}

int main() {
    const char *g_names[] = {"tanh", "relu", "leaky_relu", "sigmoid", "identity"}, *o_names[] = {"sigmoid", "softmax", "identity", "poisson"};
    int failures = 0, index = 0;
    const auto print = [&](const Shape& s, const char* kind, bool regularised = false) {
        const int g = int(s.g), o = int(s.sigma);
        const bool labels = o == 1 ? index % 2 : o == 0 && s.n_y == 1 && index % 2;
        // In turn: full batch and batches of one block, of several, with a rest.
        const int64_t batches[] = {0, 64, 700, 100}, rows[] = {1300, 400, 1500, 333};
        const Case c{s, rows[index % 4], batches[index / 3 % 4], index % 3 ? Solver::adam : Solver::momentum, labels, index % 5 == 0, regularised};
        const uint64_t single[] = {run<float>(c, 1), run<double>(c, 1)};
        const uint64_t team[] = {run<float>(c, 3), run<double>(c, 3)};
        std::printf("%s%d-%d-%d %s %s m=%d batch=%d %016llx %016llx\n", kind, s.n_x, s.n_h, s.n_y, g_names[g], o_names[o], int(c.m),
                    int(c.batch), static_cast<unsigned long long>(single[0]), static_cast<unsigned long long>(single[1]));
        if (single[0] != team[0] || single[1] != team[1]) std::printf("  differs with three threads\n"), ++failures;
        // A team that may go on with one member does so here, if there are fewer than three processors.
        if (index % 8 == 0 && run<float>(c, 3, false) != single[0]) std::printf("  differs with three threads that may part\n"), ++failures;
        ++index;
    };
    const int shapes[][3] = {{2, 4, 1}, {28, 32, 1}, {17, 33, 3}, {5, 0, 2}, {40, 0, 1}, {1, 1, 1}, {130, 70, 11}};
    for (const auto& n : shapes)
        for (int g = 0; g < 5; ++g)
            for (int o = 0; o < 3; ++o) {
                if (o == 1 && n[2] == 1) continue;
                if (n[1] == 0 && g > 0) continue;
                print({n[0], n[1], n[2], Activation(g), Output(o)}, "");
            }
    const std::vector<Group> groups[] = {{{9, 8}, {1, 0}}, {{17, 16}, {16, 16}, {40, 0}, {3, 0}}, {{300, 0}}};
    const int coded[][3] = {{12, 5, 1}, {79, 70, 3}, {300, 0, 2}};
    for (int i = 0; i < 3; ++i)
        for (int o = 0; o < 3; ++o)
            if (o != 1 || coded[i][2] > 1)
                for (int k = 0; k < 2; ++k) print({coded[i][0], coded[i][1], coded[i][2], Activation(o), Output(o), groups[i]}, "coded ");
    for (int i = 0; i < 6; ++i) print({12, 5 + 6 * i, 3, Activation(i % 3), Output(i % 2), groups[0]}, "regularised ", true);
    const int sparse[][3] = {{9, 5, 1}, {130, 70, 3}, {300, 0, 2}};
    for (const auto& n : sparse)
        for (int o = 0; o < 3; ++o)
            if (o != 1 || n[2] > 1)
                for (int k = 0; k < 2; ++k) print({n[0], n[1], n[2], Activation(o), Output(o), {{n[0], 0}}, 3}, "sparse ");
    for (int i = 0; i < 3; ++i)
        for (int g = 0; g < 5; ++g) print({shapes[i][0], g ? shapes[i][1] : 0, shapes[i][2], Activation(g), Output::poisson}, "");
    const auto column = numbers<double>(5000, 8, 1000.0);
    double sums[3];
    sums_about(column[0], column, nullptr, 5000, sums);
    Hash hash;
    hash.add(sums, 3);
    std::printf("sums about a value %016llx\n", static_cast<unsigned long long>(hash.value));
    for (const int64_t n : {1, 31, 4999}) {
        const double product = dot(column, column + 1, n);
        Hash of_product;
        of_product.add(&product, 1);
        std::printf("dot %d %016llx\n", int(n), static_cast<unsigned long long>(of_product.value));
    }
    return failures + print_descents() + print_coalitions();
}
