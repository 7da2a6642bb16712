// What Python calls for steps of second order: the Gauss–Newton matrix, and Cholesky's factor of it.
#pragma once

#include <nanobind/stl/tuple.h>

#include "arguments.hpp"
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

// Levenberg and Marquardt's descent; x, best and losses are written. How it ended, after how many steps, and where it stands.
inline nb::tuple levenberg(const Shape& shape, Vector<const double> a, Matrix<const double> X, Maybe<Matrix<const double>> Y,
                           Maybe<Vector<const int32_t>> labels, Maybe<Vector<const double>> weights, Maybe<Vector<const uint32_t>> rows,
                           Vector<double> x, Vector<double> point, Vector<double> best, double best_cost, int64_t waited,
                           std::tuple<double, double, int64_t> limits, Vector<double> losses, int threads, StopFlag& flag) {
    Descended ending;
    int64_t epochs;
    {
        nb::gil_scoped_release release;
        const Maybe<Matrix<const uint16_t>> codes;
        const Maybe<Matrix<const double>> places;
        const Given<double> given{X, codes, places, nullptr, Y, labels, weights, rows};
        const Examples<double> from = given.with_targets(shape);
        const int64_t m = given.n_rows();
        if (m < 1) refuse("X and rows", "at least 1 row", text(m));
        const char* all = "all of the network's parameters";
        expect("a", a, shape.size(), all), expect("x", x, shape.size(), all), expect("best", best, shape.size(), all);
        expect("point", point, 6, "f, loss, weight, mu, fell and promise"), expect_at_least("threads", 1, threads);
        Stop stop = stop_of(flag);
        Levenberg descent(shape, from, given.which_rows(), m, threads, stop);
        double* p = point.data();
        Point at{p[0], p[1], p[2], p[3], p[4], p[5]};
        const auto [converged, tol, patience] = limits;
        ending = descent.run(a.data(), {int64_t(losses.size()), converged, tol, patience}, x.data(), at, best.data(), best_cost, waited, losses.data());
        p[0] = at.f, p[1] = at.loss, p[2] = at.weight, p[3] = at.mu, p[4] = at.fell, p[5] = at.promise;
        epochs = descent.epochs();
    }
    const char* names[] = {"finished", "converged", "plateau", "diverged", "interrupted"};
    return nb::make_tuple(names[int(ending)], epochs, best_cost, waited);
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

inline void bind_second_order(nb::module_& m) {
    m.def("curvature", &curvature, nb::arg("shape"), array("parameters"), array("X"), array_or_none("Y"), array_or_none("labels"),
          array_or_none("weights"), array_or_none("rows"), array("out"), nb::arg("threads"), nb::arg("stop"));
    m.def("levenberg", &bindings::levenberg, nb::arg("shape"), array("a"), array("X"), array_or_none("Y"), array_or_none("labels"), array_or_none("weights"),
          array_or_none("rows"), array("x"), array("point"), array("best"), nb::arg("best_cost"), nb::arg("waited"), nb::arg("limits"), array("losses"), nb::arg("threads"), nb::arg("stop"));
    m.def("factor", &bindings::factor, array("triangle"), array("diagonal"));
    m.def("solve", &bindings::solve, array("factor"), array("x"));
    m.def("inverse_diagonal", &bindings::inverse_diagonal, array("factor"), array("out"), "Also returns the logarithm of the determinant.");
}

}  // namespace shoal::bindings
