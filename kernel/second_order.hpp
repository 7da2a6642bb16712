// What Python calls for steps of second order: the Gauss–Newton matrix, and Cholesky's factor of it.
#pragma once

#include <nanobind/stl/tuple.h>

#include "arguments.hpp"
#include "judged_call.hpp"
#include "levenberg.hpp"
#include "signals.hpp"

namespace shoal::bindings {

// The triangle of the Gauss–Newton matrix, the gradient, the loss and the weight.
inline bool curvature(const Shape& shape, Vector<const double> parameters, Matrix<const double> X, Maybe<Matrix<const double>> Y,
                      Maybe<Vector<const int32_t>> labels, Maybe<Vector<const double>> weights, Maybe<Vector<const uint32_t>> rows,
                      Vector<double> out, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const Maybe<Matrix<const uint16_t>> codes;
    const Maybe<Matrix<const double>> places;
    const Given<double> given{X, codes, places, nullptr, Y, labels, weights, rows};
    const Examples<double> from = given.with_targets(shape);
    const int64_t m = given.n_rows();
    if (m < 1) refuse("X and rows", "at least 1 row", text(m));
    expect("parameters", parameters, shape.size(), "all of the network's parameters");
    expect("out", out, Curvature::size(shape), "a triangle of the parameters, the gradient, the loss and the weight");
    expect_at_least("threads", 1, threads);
    Stop stop = stop_of(flag);
    const int team = threads_worth_curvature(shape, m, threads);
    Curvature curvature(shape, m, team);
    bool complete = true;
    const auto work = [&](int t) {
        const bool done = curvature.compute(t, parameters.data(), from, given.which_rows(), m, out.data(), false, stop);
        if (t == 0) complete = done;
    };
    run_team(team, [&](int members) { curvature.set_team(members); }, work);
    return complete;
}

// Where a descent stands, as Python holds it; all but `a` are written. `chosen` are the penalties by the evidence of W1, b1
// and W2, 1 if the fit has settled, and by what share one moved; without it `a` are those of each parameter.
struct Standing {
    Vector<const double> a;
    Maybe<Vector<double>> chosen;
    Vector<double> x, point, best;
    double best_cost;
    int64_t waited;
};

// Steps of Levenberg and Marquardt; `losses` are written. How they ended, how many there were, the best cost, and `waited`.
template <class Judged>
std::tuple<const char*, int64_t, double, int64_t> descend(const Shape& shape, const Part<double>& part, Standing at, std::tuple<double, double, int64_t> limits, Vector<double> losses,
                                                          int threads, Stop& stop, Judged&& judged) {
    const Given<double> given = part.given();
    const Examples<double> from = given.with_targets(shape);
    const int64_t m = given.n_rows();
    if (m < 1) refuse("X and rows", "at least 1 row", text(m));
    if (given.codes || given.sparse) refuse("X", "dense rows", "others");
    const char* all = "all of the network's parameters";
    expect("a", at.a, shape.size(), all), expect("x", at.x, shape.size(), all), expect("best", at.best, shape.size(), all);
    expect("point", at.point, 6, "f, loss, weight, mu, fell and promise"), expect_at_least("threads", 1, threads);
    expect("chosen", at.chosen, 5, "three penalties, settled and moved");
    Levenberg descent(shape, from, given.which_rows(), m, threads, stop);
    double *p = at.point.data(), *c = at.chosen ? at.chosen->data() : nullptr;
    Point point{p[0], p[1], p[2], p[3], p[4], p[5]};
    Penalties penalties{};
    if (c) penalties = {{c[0], c[1], c[2]}, c[3] != 0, c[4]};
    const auto [converged, tol, patience] = limits;
    const Descended ending = descent.run(at.a.data(), c ? &penalties : nullptr, {int64_t(losses.size()), converged, tol, patience}, at.x.data(), point, at.best.data(), at.best_cost, at.waited, losses.data(), judged);
    p[0] = point.f, p[1] = point.loss, p[2] = point.weight, p[3] = point.mu, p[4] = point.fell, p[5] = point.promise;
    if (c) std::copy(penalties.a, penalties.a + 3, c), c[3] = penalties.settled, c[4] = penalties.moved;
    const char* names[] = {"finished", "converged", "plateau", "diverged", "interrupted"};
    return {names[int(ending)], descent.epochs(), at.best_cost, at.waited};
}

inline auto levenberg(const Shape& shape, const Part<double>& part, Vector<const double> a, Maybe<Vector<double>> chosen, Vector<double> x, Vector<double> point, Vector<double> best,
                      double best_cost, int64_t waited, std::tuple<double, double, int64_t> limits, Vector<double> losses, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    Stop stop = stop_of(flag);
    return descend(shape, part, {a, chosen, x, point, best, best_cost, waited}, limits, losses, threads, stop, [](const double*) { return Descended::finished; });
}

// The same, each step judged by the loss on rows that are held out, with the parameters as T; what these say comes behind.
template <class T>
auto levenberg_judged(const Shape& shape, const Part<double>& part, Vector<const double> a, Maybe<Vector<double>> chosen, Vector<double> x, Vector<double> point, Vector<double> best,
                      double best_cost, int64_t waited, std::tuple<double, double, int64_t> limits, Vector<double> losses, const Shape& held_shape, const Part<T>& held, Said judge,
                      Vector<T> best_held, Vector<double> held_losses, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    Stop stop = stop_of(flag);
    expect_at_least("threads", 1, threads), expect("x", x, held_shape.size(), "all of the network's parameters");
    const Given<T> out = held.given();
    HeldOut<T> judging = held_out<T>(held_shape, out, judge, best_held, held_losses, losses.size(), threads);
    Buffer<T> rounded(held_shape.size());
    const auto judged = [&](const double* now) {
        std::copy(now, now + held_shape.size(), static_cast<T*>(rounded));
        if (!judging.judge(rounded, stop)) return Descended::interrupted;
        return judging.enough() ? Descended::plateau : Descended::finished;
    };
    judging.judge_start(stop);  // when stopped, so is the descent
    const auto found = descend(shape, part, {a, chosen, x, point, best, best_cost, waited}, limits, losses, threads, stop, judged);
    return std::tuple_cat(found, std::make_tuple(said_by(judging)));
}

// What the evidence of penalties of W1, b1 and W2 is made of, in `out`; false where the matrix has no inverse.
inline bool evidence(const Shape& shape, const Part<double>& part, Vector<const double> a, Vector<const double> x, Vector<double> out, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const Given<double> given = part.given();
    const Examples<double> from = given.with_targets(shape);
    if (given.n_rows() < 1 || given.codes || given.sparse) refuse("part", "dense rows, at least 1", "others");
    expect("a", a, 3, "of W1, b1 and W2"), expect("x", x, shape.size(), "all of the network's parameters"), expect_at_least("threads", 1, threads);
    expect("out", out, 9, "what is determined and squares of each group, log |A|, loss and weight");
    Stop stop = stop_of(flag);
    Known known{};
    if (!Levenberg(shape, from, given.which_rows(), given.n_rows(), threads, stop).evidence(a.data(), x.data(), known)) return false;
    double* next = std::copy(known.squares, known.squares + 3, std::copy(known.determined, known.determined + 3, out.data()));
    next[0] = known.log_determinant, next[1] = known.loss, next[2] = known.weight;
    return true;
}

inline void expect_triangle(const char* name, const Vector<double>& triangle, int64_t n) { expect(name, triangle, n * (n + 1) / 2, "a triangle"); }

inline bool factor(Vector<double> triangle, Vector<const double> diagonal) {
    nb::gil_scoped_release release;
    const int64_t n = diagonal.size();
    expect_triangle("triangle", triangle, n), expect("diagonal", diagonal, n, "any");
    for (int64_t i = 0; i < n; ++i) triangle.data()[row_start(i) + i] += diagonal.data()[i];
    return shoal::factor(triangle.data(), n);
}

inline void solve(Vector<double> factor, Vector<double> x) {
    nb::gil_scoped_release release;
    expect_triangle("factor", factor, x.size()), expect("x", x, x.size(), "any");
    shoal::solve(factor.data(), x.size(), x.data());
}

inline double inverse_diagonal(Vector<double> factor, Vector<double> out) {
    nb::gil_scoped_release release;
    expect_triangle("factor", factor, out.size()), expect("out", out, out.size(), "any");
    shoal::inverse_diagonal(factor.data(), out.size(), out.data());
    return log_determinant(factor.data(), out.size());
}

template <class T>
void bind_levenberg_judged(nb::module_& m) {
    m.def("levenberg_judged", &levenberg_judged<T>, nb::arg("shape"), nb::arg("part"), array("a"), array_or_none("chosen"), array("x"), array("point"), array("best"), nb::arg("best_cost"),
          nb::arg("waited"), nb::arg("limits"), array("losses"), nb::arg("held_shape"), nb::arg("held"), nb::arg("judge"), array("best_held"), array("held_losses"), nb::arg("threads"), nb::arg("stop"));
}

inline void bind_second_order(nb::module_& m) {
    bind_levenberg_judged<float>(m);
    bind_levenberg_judged<double>(m);
    m.def("curvature", &curvature, nb::arg("shape"), array("parameters"), array("X"), array_or_none("Y"), array_or_none("labels"),
          array_or_none("weights"), array_or_none("rows"), array("out"), nb::arg("threads"), nb::arg("stop"));
    m.def("levenberg", &bindings::levenberg, nb::arg("shape"), nb::arg("part"), array("a"), array_or_none("chosen"), array("x"), array("point"), array("best"), nb::arg("best_cost"),
          nb::arg("waited"), nb::arg("limits"), array("losses"), nb::arg("threads"), nb::arg("stop"));
    m.def("evidence", &bindings::evidence, nb::arg("shape"), nb::arg("part"), array("a"), array("x"), array("out"), nb::arg("threads"), nb::arg("stop"));
    m.def("factor", &bindings::factor, array("triangle"), array("diagonal"));
    m.def("solve", &bindings::solve, array("factor"), array("x"));
    m.def("inverse_diagonal", &bindings::inverse_diagonal, array("factor"), array("out"), "Also returns the logarithm of the determinant.");
}

}  // namespace shoal::bindings
