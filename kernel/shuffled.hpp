// What each column of a table is worth: the loss of rows in which one column after another has the values of other rows.
#pragma once

#include "judged_call.hpp"
#include "sums.hpp"
#include "team_size.hpp"

namespace shoal::bindings {

// The columns of one array of the matrix, first … last, that belong to a column of the table.
template <class A>
struct Shuffling {
    const A* from;
    int64_t width;
    Buffer<A> now;

    Shuffling(const A* from, int64_t m, int64_t width) : from(from), width(width), now(m * width) { std::copy(from, from + m * width, static_cast<A*>(now)); }

    void take(const int64_t* order, int64_t m, int64_t first, int64_t last) {
        for (int64_t i = 0; i < m && first < last; ++i) std::copy(from + order[i] * width + first, from + order[i] * width + last, now + i * width + first);
    }
    void take_back(int64_t m, int64_t first, int64_t last) {
        for (int64_t i = 0; i < m && first < last; ++i) std::copy(from + i * width + first, from + i * width + last, now + i * width + first);
    }
};

// Of each row of `columns` (where its numbers, codes and places begin and end) Σ loss and Σ weight in `out`, if it has the
// order of that row of `orders`. False when stopped.
template <class T>
bool sums_of_shuffled(const Shape& shape, Vector<const T> parameters, const Part<T>& part, Matrix<const int64_t> columns, Matrix<const int64_t> orders, Matrix<double> out, int threads,
                      StopFlag& flag) {
    nb::gil_scoped_release release;
    const Given<T> given = part.given();
    Examples<T> from = given.with_targets(shape);
    const int64_t m = given.X.shape(0), n = columns.shape(0);
    if (m < 1 || given.rows || given.sparse) refuse("part", "dense rows, all of which count", "others");
    expect("parameters", parameters, shape.size(), "all of the network's parameters"), expect_at_least("threads", 1, threads);
    expect("columns", columns, n, 6, "where the numbers, codes and places of each begin and end");
    expect("orders", orders, n, m, "columns, rows"), expect("out", out, n, 2, "columns, loss and weight");
    Shuffling<T> numbers(from.X, m, given.X.shape(1)), places(from.places, m, given.places ? given.places->shape(1) : 0);
    Shuffling<uint16_t> codes(from.codes, m, given.codes ? given.codes->shape(1) : 0);
    const int64_t widths[] = {numbers.width, codes.width, places.width};
    for (int64_t j = 0; j < n; ++j) {
        for (int k = 0; k < 3; ++k) {
            const int64_t* at = columns.data() + 6 * j + 2 * k;
            if (at[0] < 0 || at[0] > at[1] || at[1] > widths[k]) refuse("columns", "places within " + text(widths[k]), text(at[0]) + " to " + text(at[1]));
        }
        for (int64_t i = 0; i < m; ++i)
            if (const int64_t row = orders.data()[j * m + i]; row < 0 || row >= m) refuse("orders", "rows below " + text(m), text(row));
    }
    from.X = numbers.now, from.codes = codes.now, from.places = places.now;
    Stop stop = stop_of(flag);
    const int team = threads_worth<T>(shape, m, threads);
    Sums<T> sums(shape, m, team, false);
    const KernelLayout<T> W(shape, parameters.data());
    for (int64_t j = 0; j < n; ++j) {
        const int64_t *at = columns.data() + 6 * j, *order = orders.data() + j * m;
        numbers.take(order, m, at[0], at[1]), codes.take(order, m, at[2], at[3]), places.take(order, m, at[4], at[5]);
        bool complete = true;
        const auto work = [&](int t) {
            sums.take(sums.units(t), W);
            sums.barrier().wait();
            const bool done = sums.compute(t, W, from, Rows{}, m, Rows{}, 0, false, {}, stop);
            if (t == 0) complete = done;
        };
        run_team(team, [&](int members) { sums.set_team(members); }, work);
        if (!complete || stop.poll()) return false;
        out.data()[2 * j] = sums.loss(), out.data()[2 * j + 1] = sums.weight(m, 0);
        numbers.take_back(m, at[0], at[1]), codes.take_back(m, at[2], at[3]), places.take_back(m, at[4], at[5]);
    }
    return true;
}

template <class T>
void bind_shuffled(nb::module_& m) {
    m.def("sums_of_shuffled", &sums_of_shuffled<T>, nb::arg("shape"), array("parameters"), nb::arg("part"), array("columns"), array("orders"), array("out"), nb::arg("threads"), nb::arg("stop"));
}

}  // namespace shoal::bindings
