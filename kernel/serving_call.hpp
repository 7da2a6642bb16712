// The calls of serving.hpp from Python.
#pragma once

#include "arguments.hpp"
#include "serving.hpp"
#include "signals.hpp"

namespace shoal::bindings {

template <class T>
bool answer(const Ensemble<T>& ensemble, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes, Maybe<Matrix<const T>> places,
            Matrix<T> A2, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const int64_t m = X.shape(0);
    const SparseTable<T>* none = nullptr;
    const Examples<T> from = Given<T>{X, codes, places, none}.without_targets(ensemble.shape());
    expect("A2", A2, int64_t(ensemble.shape().n_y), m, "outputs, rows of X");
    expect_at_least("threads", 1, threads);
    Stop stop = stop_of(flag);
    return ensemble.mean(from, m, A2.data(), threads, stop);
}

inline NumberColumns number_columns(Vector<const int64_t> kinds, Vector<const double> means, Vector<const double> scales, Vector<const int64_t> holes,
                                    Vector<const int64_t> starts, Vector<const double> edges, Vector<const double> low, Vector<const double> high) {
    const int64_t n = int64_t(kinds.size());
    expect("means", means, n, "one for each column"), expect("scales", scales, n, "one for each column"), expect("holes", holes, n, "one for each column");
    expect("starts", starts, n + 1, "of the edges of each column, and the end"), expect("high", high, int64_t(low.size()), "one for each of low");
    NumberColumns found;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t first = starts.data()[i], last = starts.data()[i + 1];
        if (first < 0 || last < first || last > int64_t(edges.size()) || last - first == 1 || last - first > UINT16_MAX) refuse("starts", "places in edges that rise", text(last));
        const double* at = edges.data();
        found.columns.push_back({kinds.data()[i] > 0, kinds.data()[i] == 1, holes.data()[i] != 0, means.data()[i], scales.data()[i], {at + first, at + last}});
    }
    if (low.size() && int64_t(low.size()) != found.numbers()) refuse("low", "one for each number", text(int64_t(low.size())));
    found.low.assign(low.data(), low.data() + low.size()), found.high.assign(high.data(), high.data() + high.size());
    return found;
}

template <class T>
bool encode_numbers(const NumberColumns& columns, Matrix<const double> X, Matrix<T> numbers, Matrix<uint16_t> codes, Matrix<T> places) {
    nb::gil_scoped_release release;
    const int64_t m = X.shape(0), n = int64_t(columns.columns.size()), n_numbers = columns.numbers(), n_codes = columns.groups(), n_binned = columns.binned();
    expect("X", X, m, n, "rows, columns of the table"), expect("numbers", numbers, m, n_numbers, "rows, numbers");
    expect("codes", codes, m, n_codes, "rows, groups"), expect("places", places, m, n_binned, "rows, groups with bins");
    std::vector<int64_t> missing(n);
    return columns.encode<T>(X.data(), m, EncodedRows<T>{numbers.data(), codes.data(), places.data(), n_numbers, n_codes, n_binned}, missing.data());
}

template <class T>
bool answer_numbers(const Ensemble<T>& ensemble, const NumberColumns& columns, Matrix<const double> X, Matrix<T> A2, Vector<int64_t> missing, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const int64_t m = X.shape(0), n = int64_t(columns.columns.size());
    const Shape& shape = ensemble.shape();
    expect("X", X, m, n, "rows, columns of the table");
    expect("A2", A2, int64_t(shape.n_y), m, "outputs, rows of X"), expect("missing", missing, n, "one for each column");
    expect_at_least("threads", 1, threads);
    if (columns.numbers() != shape.n_numbers() || columns.groups() != int(shape.groups.size()))
        refuse("columns", text(shape.n_numbers()) + " numbers and " + text(int64_t(shape.groups.size())) + " groups", text(columns.numbers()) + " and " + text(columns.groups()));
    Stop stop = stop_of(flag);
    return ensemble.mean_of_numbers(columns, X.data(), m, A2.data(), missing.data(), threads, stop);
}

inline void bind_number_columns(nb::module_& m) {
    nb::class_<NumberColumns>(m, "NumberColumns")
        .def(
            "__init__",
            [](NumberColumns* self, Vector<const int64_t> kinds, Vector<const double> means, Vector<const double> scales, Vector<const int64_t> holes,
               Vector<const int64_t> starts, Vector<const double> edges, Vector<const double> low, Vector<const double> high) {
                new (self) NumberColumns(number_columns(kinds, means, scales, holes, starts, edges, low, high));
            },
            array("kinds"), array("means"), array("scales"), array("holes"), array("starts"), array("edges"), array("low"), array("high"));
}

template <class T>
void bind_serving(nb::module_& m) {
    nb::class_<Ensemble<T>>(m, sizeof(T) == 4 ? "EnsembleFloat" : "EnsembleDouble")
        .def(
            "__init__",
            [](Ensemble<T>* self, const Shape& shape, Matrix<const T> parameters) {
                expect("parameters", parameters, int64_t(parameters.shape(0)), shape.size(), "members, all of a network's parameters");
                expect_at_least("members", 1, int64_t(parameters.shape(0)));
                new (self) Ensemble<T>(shape, parameters.data(), int(parameters.shape(0)));
            },
            nb::arg("shape"), array("parameters"))
        .def("answer", &answer<T>, array("X"), array_or_none("codes"), array_or_none("places"), array("A2"), nb::arg("threads"), nb::arg("stop"))
        .def("answer_numbers", &answer_numbers<T>, nb::arg("columns"), array("X"), array("A2"), array("missing"), nb::arg("threads"), nb::arg("stop"));
    m.def("encode_numbers", &encode_numbers<T>, nb::arg("columns"), array("X"), array("numbers"), array("codes"), array("places"));
}

}  // namespace shoal::bindings
