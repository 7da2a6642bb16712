// The call of judged.hpp from Python.
#pragma once

#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arguments.hpp"
#include "judged.hpp"
#include "signals.hpp"

namespace shoal::bindings {

template <class T>
struct Part {  // rows with their targets, as Python holds them
    Matrix<const T> X;
    Maybe<Matrix<const uint16_t>> codes;
    Maybe<Matrix<const T>> places;
    Maybe<SparseTable<T>> sparse;
    Maybe<Matrix<const T>> Y;
    Maybe<Vector<const int32_t>> labels;
    Maybe<Vector<const T>> weights;
    Maybe<Vector<const uint32_t>> rows;

    Given<T> given() const { return {X, codes, places, sparse ? &*sparse : nullptr, Y, labels, weights, rows}; }
};

// What the part that is held out has said so far: lowest, best_loss, tol, waited and patience.
using Said = std::tuple<double, double, double, int64_t, int64_t>;
// The same behind a call, lowest, best_loss and waited, after the number of epochs that were judged, and which of them is the best.
using Says = std::tuple<int64_t, int64_t, double, double, int64_t>;

template <class T>
HeldOut<T> held_out(const Shape& shape, const Given<T>& held, Said judge, Vector<T> best, Vector<double> losses, int64_t n_epochs, int threads) {
    if (held.n_rows() < 1 || held.n_rows() > MOST_ROWS) refuse("X and rows", "1 to " + text(MOST_ROWS) + " rows", text(held.n_rows()));
    expect("best_held", best, shape.size(), "all of the network's parameters"), expect("held_losses", losses, n_epochs, "one for each epoch");
    const auto [lowest, best_loss, tol, waited, patience] = judge;
    return HeldOut<T>(shape, held.with_targets(shape), held.which_rows(), held.n_rows(), threads, {lowest, best_loss, tol, waited, patience}, best.data(), losses.data());
}

template <class T>
Says said_by(const HeldOut<T>& held) {
    return {held.judged(), held.best_epoch(), held.said().lowest, held.said().best_loss, held.said().waited};
}

// As `train`; then what the part held out says, and how many of the lower rates were used.
template <class T>
nb::tuple train_judged(const Shape& shape, const Settings& settings, const Part<T>& part, const Part<T>& held, Vector<T> parameters, Vector<T> state, Vector<T> best,
                       Vector<double> losses, const Progress& progress, Said judge, const std::vector<double>& lower, Vector<T> best_held,
                       Vector<double> held_losses, int threads, StopFlag& flag) {
    Progress after = progress;
    Ending ending;
    int64_t epochs;
    size_t plateaus;
    Says says;
    {
        nb::gil_scoped_release release;
        const Given<T> given = part.given(), out = held.given();
        if (given.n_rows() < 1 || given.n_rows() > MOST_ROWS) refuse("X and rows", "1 to " + text(MOST_ROWS) + " rows", text(given.n_rows()));
        expect_state(shape, settings, parameters, state);
        expect("best", best, shape.size(), "all of the network's parameters");
        expect("losses", losses, settings.n_epochs, "one for each epoch");
        expect_at_least("threads", 1, threads);
        Stop stop = stop_of(flag);
        JudgedTrainer<T> trainer(shape, settings, lower, given.with_targets(shape), given.which_rows(), given.n_rows(), threads);
        HeldOut<T> judging = held_out<T>(shape, out, judge, best_held, held_losses, settings.n_epochs, threads);
        ending = trainer.run(parameters.data(), state.data(), best.data(), losses.data(), after, judging, stop);
        epochs = trainer.epochs(), plateaus = trainer.plateaus(), says = said_by(judging);
    }
    return nb::make_tuple(ending, epochs, after, says, plateaus);
}

template <class T>
void bind_judged(nb::module_& m) {
    nb::class_<Part<T>>(m, sizeof(T) == 4 ? "PartFloat" : "PartDouble")
        .def(
            "__init__",
            [](Part<T>* self, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes, Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<const T>> Y,
               Maybe<Vector<const int32_t>> labels, Maybe<Vector<const T>> weights, Maybe<Vector<const uint32_t>> rows) {
                new (self) Part<T>{X, codes, places, sparse ? Maybe<SparseTable<T>>(*sparse) : std::nullopt, Y, labels, weights, rows};
            },
            array("X"), array_or_none("codes"), array_or_none("places"), nb::arg("sparse").none(), array_or_none("Y"), array_or_none("labels"), array_or_none("weights"), array_or_none("rows"));
    m.def("train_judged", &train_judged<T>, nb::arg("shape"), nb::arg("settings"), nb::arg("part"), nb::arg("held"), array("parameters"), array("state"), array("best"), array("losses"),
          nb::arg("progress"), nb::arg("judge"), nb::arg("lower"), array("best_held"), array("held_losses"), nb::arg("threads"), nb::arg("stop"));
}

}  // namespace shoal::bindings
