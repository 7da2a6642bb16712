// The arrays that Python hands over, and what is checked of them.
//
// Nothing is converted or copied: nanobind takes an array only if its type of number, rank, C order and
// memory (and, of a result, that it may be written) are those declared here, and raises TypeError otherwise.
// Here lengths are checked against each other and against the network, and whatever is used as an index
// against what it points into, for the rows that are used. A wrong one raises ValueError.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <optional>
#include <string>

#include "dropout.hpp"
#include "settings.hpp"
#include "shape.hpp"

namespace shoal {

namespace nb = nanobind;

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Maybe = std::optional<T>;

inline auto array(const char* name) { return nb::arg(name).noconvert(); }
inline auto array_or_none(const char* name) { return nb::arg(name).none().noconvert(); }

template <class A>
auto pointer(const Maybe<A>& array) -> decltype(array->data()) {
    return array ? array->data() : nullptr;
}

// --- what raises --------------------------------------------------------------------

[[noreturn]] inline void refuse(const std::string& name, const std::string& expected, const std::string& found) {
    throw nb::value_error((name + ": expected " + expected + ", found " + found).c_str());
}

inline std::string text(int64_t n) { return std::to_string(n); }
inline std::string text(int64_t rows, int64_t columns) { return "shape (" + text(rows) + ", " + text(columns) + ")"; }

inline void expect_at_least(const char* name, int64_t least, int64_t found) {
    if (found < least) refuse(name, "at least " + text(least), text(found));
}

template <class T>
void expect_aligned(const char* name, const T* data) {
    if (reinterpret_cast<uintptr_t>(data) % sizeof(T) != 0) refuse(name, "memory aligned to " + text(sizeof(T)) + " bytes", "other memory");
}

template <class T>
void expect(const char* name, const Vector<T>& array, int64_t size, const char* of) {
    if (int64_t(array.size()) != size) refuse(name, text(size) + " numbers (" + of + ")", text(int64_t(array.size())));
    expect_aligned(name, array.data());
}

template <class T>
void expect(const char* name, const Matrix<T>& array, int64_t rows, int64_t columns, const char* of) {
    if (int64_t(array.shape(0)) != rows || int64_t(array.shape(1)) != columns)
        refuse(name, text(rows, columns) + " (" + of + ")", text(int64_t(array.shape(0)), int64_t(array.shape(1))));
    expect_aligned(name, array.data());
}

template <class T, class... More>
void expect(const char* name, const Maybe<T>& array, More... more) {
    if (array) expect(name, *array, more...);
}

inline void expect_given(const char* name, bool given, bool wanted, const char* of) {
    if (given != wanted) refuse(name, std::string(wanted ? "an array" : "None") + " (" + of + ")", given ? "an array" : "None");
}

// --- a network and a training -------------------------------------------------------

// Places of lanes within four panels at once, and within the lines of all columns, are counted with 31 bits.
constexpr int MOST_UNITS = INT32_MAX / (4 * LANES<float>), MOST_COLUMNS = INT32_MAX / LANES<float>;

inline Shape checked(Shape shape) {
    expect_at_least("n_x", 0, shape.n_x), expect_at_least("n_h", 0, shape.n_h), expect_at_least("n_y", 1, shape.n_y);
    if (shape.n_x > MOST_COLUMNS) refuse("n_x", "at most " + text(MOST_COLUMNS), text(shape.n_x));
    if (std::max(shape.n_h, shape.n_y) > MOST_UNITS) refuse("n_h and n_y", "at most " + text(MOST_UNITS), text(std::max(shape.n_h, shape.n_y)));
    expect_at_least("entries", 0, shape.entries);
    int64_t columns = 0;
    int bins_before = 1;
    for (const Group& group : shape.groups) {
        if (group.columns < 0 || group.bins < 0 || group.bins > group.columns) refuse("groups", "0 ≤ bins ≤ columns", text(group.bins) + " bins, " + text(group.columns) + " columns");
        if (group.bins && !bins_before) refuse("groups", "those with bins first", "one after another without bins");
        bins_before = group.bins, columns += group.columns;
    }
    if (columns > shape.n_x) refuse("groups", "at most " + text(shape.n_x) + " columns (n_x)", text(columns));
    if (shape.entries && (shape.groups.size() != 1 || columns != shape.n_x || shape.groups[0].bins))
        refuse("groups", "one of all columns, without bins (the rows are sparse)", text(int64_t(shape.groups.size())) + " groups of " + text(columns) + " columns");
    return shape;
}

inline Settings checked(const Settings& settings) {
    expect_at_least("batch_size", 0, settings.batch_size), expect_at_least("horizon", 0, settings.horizon);
    expect_at_least("first_epoch", 0, settings.first_epoch), expect_at_least("n_epochs", 0, settings.n_epochs);
    constexpr double most = 1 - 1.0 / Dropout::GRAIN;
    if (!(settings.dropout >= 0 && settings.dropout <= most)) refuse("dropout", "a number from 0 to " + std::to_string(most), std::to_string(settings.dropout));
    return settings;
}

template <class T>
void expect_state(const Shape& shape, const Settings& settings, const Vector<T>& parameters, const Vector<T>& state) {
    const bool adam = settings.solver == Solver::adam;
    expect("parameters", parameters, shape.size(), "all of the network's parameters");
    expect("state", state, shape.size() * (adam ? 2 : 1), adam ? "two for each parameter" : "one for each parameter");
}

// --- examples -----------------------------------------------------------------------

constexpr int64_t MOST_ROWS = int64_t(1) << 32;  // the number of a row has 32 bits

template <class T>
struct SparseTable {  // sparse rows as Python holds them
    Vector<const int64_t> starts;
    Vector<const uint32_t> columns;
    Vector<const T> values;
};

template <class T>
struct Given {  // examples as Python holds them
    const Matrix<const T>& X;
    const Maybe<Matrix<const uint16_t>>& codes;
    const Maybe<Matrix<const T>>& places;
    const SparseTable<T>* sparse;
    Maybe<Matrix<const T>> Y{};
    Maybe<Vector<const int32_t>> labels{};
    Maybe<Vector<const T>> weights{};
    Maybe<Vector<const uint32_t>> rows{};

    int64_t n_rows() const { return rows ? int64_t(rows->size()) : int64_t(X.shape(0)); }
    Rows which_rows() const { return {pointer(rows), 0}; }

    // The rows of X, for a prediction.
    Examples<T> without_targets(const Shape& shape) const {
        const int64_t m = X.shape(0);
        const bool coded = !shape.groups.empty() && !shape.entries;
        expect("X", X, m, shape.n_numbers(), "its rows, and the columns that are given as numbers");
        expect_given("codes", codes.has_value(), coded, "the network has coded columns or not");
        expect_given("places", places.has_value(), coded, "the network has coded columns or not");
        if (coded) {
            const Coding coding(shape.groups);
            expect("codes", codes, m, coding.groups(), "rows of X, groups");
            expect("places", places, m, coding.binned(), "rows of X, groups with bins");
        }
        expect_given("sparse", sparse, shape.entries, "the network's rows are sparse or not");
        Examples<T> from{X.data(), pointer(Y), pointer(labels), pointer(weights), pointer(codes), pointer(places)};
        if (sparse) {
            expect("starts", sparse->starts, m + 1, "one more than rows of X");
            expect("values", sparse->values, sparse->columns.size(), "one for each of columns");
            expect_aligned("columns", sparse->columns.data());
            from.entries = {sparse->starts.data(), sparse->columns.data(), sparse->values.data()};
        }
        if (rows) expect_rows_of(m);
        if (sparse) expect_entries(shape.n_x);
        return from;
    }

    Examples<T> with_targets(const Shape& shape) const {
        const int64_t m = X.shape(0);
        if (Y.has_value() == labels.has_value()) refuse("Y and labels", "one of them", Y ? "both" : "neither");
        expect("Y", Y, m, int64_t(shape.n_y), "rows of X, outputs");
        expect("labels", labels, m, "one for each row of X");
        expect("weights", weights, m, "one for each row of X");
        const auto from = without_targets(shape);
        if (labels && (shape.n_y > 1 || shape.sigma != Output::identity)) expect_classes(std::max(2, shape.n_y));
        return from;
    }

  private:
    void expect_rows_of(int64_t m) const {
        expect_aligned("rows", rows->data());
        uint32_t most = 0;
        for (int64_t i = 0; i < n_rows(); ++i) most = std::max(most, rows->data()[i]);
        if (n_rows() && most >= m) refuse("rows", "numbers below " + text(m) + " (rows of X)", text(most));
    }

    void expect_classes(int classes) const {
        const Rows at = which_rows();
        int32_t least = 0, most = 0;
        for (int64_t i = 0; i < n_rows(); ++i) {
            const int32_t label = labels->data()[at[i]];
            least = std::min(least, label), most = std::max(most, label);
        }
        if (least < 0 || most >= classes) refuse("labels", "classes from 0 to " + text(classes - 1), text(least < 0 ? least : most));
    }

    void expect_entries(int n_x) const {
        const Rows at = which_rows();
        const int64_t *starts = sparse->starts.data(), end = sparse->values.size();
        for (int64_t i = 0; i < n_rows(); ++i) {
            const int64_t first = starts[at[i]], last = starts[at[i] + 1];
            if (first < 0 || last < first || last > end)
                refuse("starts", "numbers that ascend, from 0 to " + text(end) + " (values)", text(first) + " and then " + text(last) + " in row " + text(at[i]));
            uint32_t most = 0;
            for (int64_t k = first; k < last; ++k) most = std::max(most, sparse->columns.data()[k]);
            if (last > first && most >= uint32_t(n_x)) refuse("columns", "numbers below " + text(n_x) + " (n_x)", text(most) + " in row " + text(at[i]));
        }
    }
};

}  // namespace shoal
