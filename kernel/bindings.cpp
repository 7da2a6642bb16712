// The door to Python. One source, built once for each kind of processor (see CMakeLists.txt).
//
// Arrays are rows of examples, C-contiguous; results are written into arrays that the
// caller has made. Everything that can be wrong with an argument is checked in
// src/shoal/compute/, the only caller.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>

#include "moments.hpp"
#include "prediction.hpp"
#include "training.hpp"
#include "vectors.hpp"

namespace nb = nanobind;
using namespace shoal;

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Maybe = std::optional<T>;

// A flag that any thread may raise, and the exception of the signal that raised it.
struct StopFlag {
    std::atomic<bool> raised{false};
    nb::object exception = nb::none();
};

static bool look_for_signals(void* context) {
    nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return false;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    static_cast<StopFlag*>(context)->exception = nb::steal(value ? value : Py_NewRef(Py_None));
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return true;
}

static Stop stop_of(StopFlag& flag) { return Stop(flag.raised, look_for_signals, &flag); }

template <class T>
static const T* pointer(const Maybe<Vector<const T>>& array) {
    return array ? array->data() : nullptr;
}

template <class T>
static const T* pointer(const Maybe<Matrix<const T>>& array) {
    return array ? array->data() : nullptr;
}

// Sparse rows as Python holds them.
template <class T>
struct SparseTable {
    Vector<const int64_t> starts;
    Vector<const uint32_t> columns;
    Vector<const T> values;
};

template <class T>
static Examples<T> examples(const Matrix<const T>& X, const Maybe<Matrix<const uint16_t>>& codes, const Maybe<Matrix<const T>>& places,
                            const SparseTable<T>* sparse, const Maybe<Matrix<const T>>& Y, const Maybe<Vector<const int32_t>>& labels, const Maybe<Vector<const T>>& weights) {
    Examples<T> from{X.data(), pointer<T>(Y), pointer<int32_t>(labels), pointer<T>(weights), pointer<uint16_t>(codes), pointer<T>(places)};
    if (sparse) from.entries = {sparse->starts.data(), sparse->columns.data(), sparse->values.data()};
    return from;
}

template <class T>
static void bind(nb::module_& m) {
    nb::class_<SparseTable<T>>(m, sizeof(T) == 4 ? "SparseFloat" : "SparseDouble")
        .def("__init__", [](SparseTable<T>* self, Vector<const int64_t> starts, Vector<const uint32_t> columns, Vector<const T> values) {
            new (self) SparseTable<T>{starts, columns, values};
        }, nb::arg("starts"), nb::arg("columns"), nb::arg("values"));

    m.def(
        "train",
        [](const Shape& shape, const Settings& settings, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
           Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<const T>> Y,
           Maybe<Vector<const int32_t>> labels, Maybe<Vector<const T>> weights, Maybe<Vector<const uint32_t>> rows,
           Vector<T> parameters, Vector<T> state, Vector<T> best, Vector<double> losses, const Progress& progress,
           int threads, StopFlag& flag) {
            Progress after = progress;
            Ending ending;
            int64_t epochs;
            {
                nb::gil_scoped_release release;
                Stop stop = stop_of(flag);
                const int64_t m_rows = rows ? rows->size() : X.shape(0);
                const int team = threads_worth<T>(shape, rows_of_step(settings, m_rows), threads);
                Trainer<T> trainer(shape, settings, examples<T>(X, codes, places, sparse, Y, labels, weights), Rows{pointer<uint32_t>(rows), 0}, m_rows, team);
                ending = trainer.run(parameters.data(), state.data(), best.data(), losses.data(), after, stop);
                epochs = trainer.epochs();
            }
            return nb::make_tuple(ending, epochs, after);
        },
        nb::arg("shape"), nb::arg("settings"), nb::arg("X"), nb::arg("codes").none(), nb::arg("places").none(), nb::arg("sparse").none(), nb::arg("Y").none(), nb::arg("labels").none(),
        nb::arg("weights").none(), nb::arg("rows").none(), nb::arg("parameters"), nb::arg("state"), nb::arg("best"),
        nb::arg("losses"), nb::arg("progress"), nb::arg("threads"), nb::arg("stop"));

    m.def(
        "sums",
        [](const Shape& shape, Vector<const T> parameters, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
           Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<const T>> Y,
           Maybe<Vector<const int32_t>> labels, Maybe<Vector<const T>> weights, Maybe<Vector<const uint32_t>> rows,
           Vector<double> out, bool gradients, int threads, StopFlag& flag) {
            nb::gil_scoped_release release;
            Stop stop = stop_of(flag);
            const int64_t m_rows = rows ? rows->size() : X.shape(0);
            const int team = threads_worth<T>(shape, m_rows, threads);
            Sums<T> sums(shape, m_rows, team, gradients);
            const auto from = examples<T>(X, codes, places, sparse, Y, labels, weights);
            KernelLayout<T> W(shape, parameters.data());
            bool complete = true;
            run_team(team, [&](int members) { sums.set_team(members); }, [&](int t) {
                sums.take(sums.units(t), W);
                sums.barrier().wait();
                const bool done = sums.compute(t, W, from, Rows{pointer<uint32_t>(rows), 0}, m_rows, Rows{}, 0, false, {}, stop);
                if (t == 0) complete = done;
            });
            sums.write(m_rows, out.data());
            return complete;
        },
        nb::arg("shape"), nb::arg("parameters"), nb::arg("X"), nb::arg("codes").none(), nb::arg("places").none(), nb::arg("sparse").none(), nb::arg("Y").none(), nb::arg("labels").none(),
        nb::arg("weights").none(), nb::arg("rows").none(), nb::arg("out"), nb::arg("gradients"), nb::arg("threads"), nb::arg("stop"));

    m.def(
        "step",
        [](const Shape& shape, const Settings& settings, Vector<const double> sums, double weight, Vector<T> parameters, Vector<T> state,
           const Progress& progress) {
            Progress after = progress;
            after.power1 *= settings.beta1, after.power2 *= settings.beta2;
            Buffer<T> rounded(shape.size());
            for (int64_t i = 0; i < shape.size(); ++i) rounded[i] = T(sums.data()[i]);
            T* second = settings.solver == Solver::adam ? state.data() + shape.size() : state.data();
            if (weight > 0)
                Step<T>(shape, settings, settings.learning_rate, weight, after.power1, after.power2, rounded, parameters.data(), state.data(), second).units(Share(shape.n_units(), 0, 1), true);
            return after;
        },
        nb::arg("shape"), nb::arg("settings"), nb::arg("sums"), nb::arg("weight"), nb::arg("parameters"), nb::arg("state"), nb::arg("progress"));

    m.def(
        "predict",
        [](const Shape& shape, Vector<const T> parameters, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
           Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<T>> Z1, Maybe<Matrix<T>> A1,
           Maybe<Matrix<T>> Z2, Matrix<T> A2, int threads, StopFlag& flag) {
            nb::gil_scoped_release release;
            Stop stop = stop_of(flag);
            const Wanted<T> wanted{Z1 ? Z1->data() : nullptr, A1 ? A1->data() : nullptr, Z2 ? Z2->data() : nullptr, A2.data()};
            return predict<T>(shape, parameters.data(), examples<T>(X, codes, places, sparse, {}, {}, {}), X.shape(0), wanted, threads_worth<T>(shape, X.shape(0), threads), stop);
        },
        nb::arg("shape"), nb::arg("parameters"), nb::arg("X"), nb::arg("codes").none(), nb::arg("places").none(), nb::arg("sparse").none(), nb::arg("Z1").none(), nb::arg("A1").none(),
        nb::arg("Z2").none(), nb::arg("A2"), nb::arg("threads"), nb::arg("stop"));

    m.def(
        "apply",
        [](const std::string& name, Vector<const T> x, Vector<T> out) {
            nb::gil_scoped_release release;
            const auto each = [&](auto&& f) {
                for (size_t i = 0; i < x.size(); i += LANES<T>) {
                    const int n = int(std::min<size_t>(LANES<T>, x.size() - i));
                    store_some(out.data() + i, f(load_some(x.data() + i, n)), n);
                }
            };
            if (name == "exp") each([](auto v) { return exp(v); });
            if (name == "exp_of_negative") each([](auto v) { return exp_of_negative(v); });
            if (name == "tanh") each([](auto v) { return tanh(v); });
            if (name == "log") each([](auto v) { return log(v); });
            if (name == "log1p_of_unit") each([](auto v) { return log1p_of_unit(v); });
            if (name == "sigmoid") each([](auto v) { return sigmoid(v); });
            if (name == "square_less_itself") each([](auto v) { return v * v - v; });  // shows that nothing is fused
        },
        nb::arg("name"), nb::arg("x"), nb::arg("out"), "Apply one of the kernel's functions to numbers, for tests.");
}

NB_MODULE(SHOAL_MODULE, m) {
    m.doc() = "The ten equations, fused: see kernel/ in the source.";
    nb::enum_<Activation>(m, "Activation")
        .value("tanh", Activation::tanh).value("relu", Activation::relu).value("leaky_relu", Activation::leaky_relu)
        .value("sigmoid", Activation::sigmoid).value("identity", Activation::identity);
    nb::enum_<Output>(m, "Output")
        .value("sigmoid", Output::sigmoid).value("softmax", Output::softmax).value("identity", Output::identity);
    nb::enum_<Solver>(m, "Solver").value("momentum", Solver::momentum).value("adam", Solver::adam);
    nb::enum_<Ending>(m, "Ending")
        .value("finished", Ending::finished).value("plateau", Ending::plateau).value("converged", Ending::converged)
        .value("diverged", Ending::diverged).value("interrupted", Ending::interrupted);
    nb::class_<Shape>(m, "Shape").def(
        "__init__",
        [](Shape* self, int n_x, int n_h, int n_y, Activation g, Output sigma, const std::vector<std::pair<int, int>>& groups, int entries) {
            new (self) Shape{n_x, n_h, n_y, g, sigma};
            self->entries = entries;
            for (const auto& [columns, bins] : groups) self->groups.push_back({columns, bins});
        },
        nb::arg("n_x"), nb::arg("n_h"), nb::arg("n_y"), nb::arg("activation"), nb::arg("output"), nb::arg("groups"), nb::arg("entries"));
    nb::class_<Settings>(m, "Settings")
        .def(
            "__init__",
            [](Settings* self, Solver solver, double learning_rate, double momentum, double beta1, double beta2, double epsilon,
               double penalty, int64_t batch_size, uint64_t key, int64_t first_epoch, int64_t n_epochs, double plateau_tol,
               int64_t patience, double converged_tol, double decay, int64_t horizon, double dropout) {
                new (self) Settings{solver, learning_rate, momentum, beta1, beta2, epsilon, penalty, batch_size,
                                    key, first_epoch, n_epochs, plateau_tol, patience, converged_tol, decay, horizon, dropout};
            },
            nb::kw_only(), nb::arg("solver"), nb::arg("learning_rate"), nb::arg("momentum"), nb::arg("beta1"), nb::arg("beta2"),
            nb::arg("epsilon"), nb::arg("penalty"), nb::arg("batch_size"), nb::arg("key"), nb::arg("first_epoch"),
            nb::arg("n_epochs"), nb::arg("plateau_tol"), nb::arg("patience"), nb::arg("converged_tol"), nb::arg("decay"), nb::arg("horizon"), nb::arg("dropout"));
    nb::class_<Progress>(m, "Progress")
        .def(
            "__init__",
            [](Progress* self, double best_loss, int64_t waited, double power1, double power2) {
                new (self) Progress{best_loss, power1, power2, waited};
            },
            nb::arg("best_loss"), nb::arg("waited"), nb::arg("power1"), nb::arg("power2"))
        .def_ro("best_loss", &Progress::best_loss).def_ro("waited", &Progress::waited)
        .def_ro("power1", &Progress::power1).def_ro("power2", &Progress::power2);
    nb::class_<StopFlag>(m, "StopFlag")
        .def(nb::init<>())
        .def("raise_flag", [](StopFlag& self) { self.raised.store(true); })
        .def_prop_ro("raised", [](const StopFlag& self) { return self.raised.load(); })
        .def_ro("exception", &StopFlag::exception);

    bind<float>(m);
    bind<double>(m);

    m.def("dot", [](Vector<const double> x, Vector<const double> y) {
        nb::gil_scoped_release release;
        return dot(x.data(), y.data(), int64_t(std::min(x.size(), y.size())));
    }, nb::arg("x"), nb::arg("y"));
    m.def("sums_about", [](double shift, Vector<const double> x, Maybe<Vector<const double>> weights, Vector<double> out) {
        nb::gil_scoped_release release;
        sums_about(shift, x.data(), pointer<double>(weights), x.size(), out.data());
    }, nb::arg("shift"), nb::arg("x"), nb::arg("weights").none(), nb::arg("out"));
    m.def("order", [](uint64_t m_rows, uint64_t key, uint64_t epoch, Vector<uint32_t> out) {
        return Order(m_rows, key, epoch).next(out.data(), out.size());
    }, nb::arg("m"), nb::arg("key"), nb::arg("epoch"), nb::arg("out"));
    m.attr("BLOCK_ROWS") = BLOCK_ROWS;
}
