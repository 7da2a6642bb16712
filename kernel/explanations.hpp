// What Python calls for explanations: the means of coalitions.hpp.
#pragma once

#include "arguments.hpp"
#include "coalitions.hpp"
#include "signals.hpp"

namespace shoal::bindings {

template <class T>
bool means_of_coalitions(const Shape& shape, Matrix<const T> parameters, Matrix<const T> Z1, Matrix<const T> Q, Matrix<const T> P, Matrix<const int32_t> moves, bool log_odds,
                         Matrix<double> out, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const int64_t members = parameters.shape(0), units = shape.n_units();
    expect("parameters", parameters, members, shape.size(), "members, all of a network's parameters");
    expect_at_least("members", 1, members), expect_at_least("threads", 1, threads);
    const int64_t m = int64_t(Z1.shape(0)) / members, columns = m ? int64_t(Q.shape(0)) / (members * m) : 0;
    expect_at_least("rows of the background", 1, m), expect_at_least("columns", 1, columns);
    const int64_t n = int64_t(P.shape(0)) / (members * columns);
    expect("Z1", Z1, members * m, units, "members × rows of the background, units of the first layer");
    expect("Q", Q, members * m * columns, units, "members × rows of the background × columns, units of the first layer");
    expect("P", P, members * n * columns, units, "members × rows × columns, units of the first layer");
    expect("moves", moves, int64_t(moves.shape(0)), 3, "from, to, column");
    expect("out", out, n, int64_t(moves.shape(0)) * shape.n_y, "rows, moves × outputs");
    std::vector<Move> found;
    for (int64_t i = 0; i < int64_t(moves.shape(0)); ++i) {
        const int32_t* move = moves.data() + 3 * i;
        if (move[0] < 0 || move[0] > columns || move[1] < 1 || move[1] > columns) refuse("moves", "places of states from 0 (to: 1) to " + text(columns), text(move[0]) + " and " + text(move[1]));
        if (move[2] < 0 || move[2] >= columns) refuse("moves", "columns below " + text(columns), text(move[2]));
        found.push_back({move[0], move[1], move[2]});
    }
    Stop stop = stop_of(flag);
    return Coalitions<T>(shape, parameters.data(), int(members), Z1.data(), Q.data(), m, int(columns), std::move(found), log_odds).means(P.data(), n, out.data(), threads, stop);
}

template <class T>
void bind_explanations(nb::module_& m) {
    m.def("means_of_coalitions", &means_of_coalitions<T>, nb::arg("shape"), array("parameters"), array("Z1"), array("Q"), array("P"), array("moves"), nb::arg("log_odds"),
          array("out"), nb::arg("threads"), nb::arg("stop"));
}

}  // namespace shoal::bindings
