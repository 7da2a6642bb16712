// The door to Python. One source, built once for each kind of processor (see CMakeLists.txt); a map of
// the kernel is in README.md.
//
// Arrays are rows of examples; results are written into arrays that the caller has made. arguments.hpp
// says what is taken and what is refused. src/shoal/compute/kernel.py is the only caller.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arguments.hpp"
#include "choices.hpp"
#include "draws.hpp"
#include "explanations.hpp"
#include "judged_call.hpp"
#include "moments.hpp"
#include "prediction.hpp"
#include "second_order.hpp"
#include "serving_call.hpp"
#include "shuffled.hpp"
#include "training.hpp"
#include "vectors.hpp"

namespace shoal::bindings {

template <class T>
nb::tuple train(const Shape& shape, const Settings& settings, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
                Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<const T>> Y,
                Maybe<Vector<const int32_t>> labels, Maybe<Vector<const T>> weights, Maybe<Vector<const uint32_t>> rows,
                Vector<T> parameters, Vector<T> state, Vector<T> best, Vector<double> losses, const Progress& progress,
                int threads, StopFlag& flag) {
    Progress after = progress;
    Ending ending;
    int64_t epochs;
    {
        nb::gil_scoped_release release;
        const Given<T> given{X, codes, places, sparse, Y, labels, weights, rows};
        const Examples<T> from = given.with_targets(shape);
        const int64_t m = given.n_rows();
        if (m < 1 || m > MOST_ROWS) refuse("X and rows", "1 to " + text(MOST_ROWS) + " rows", text(m));
        expect_state(shape, settings, parameters, state);
        expect("best", best, shape.size(), "all of the network's parameters");
        expect("losses", losses, settings.n_epochs, "one for each epoch");
        expect_at_least("threads", 1, threads);
        Stop stop = stop_of(flag);
        const int team = threads_worth<T>(shape, rows_of_step(settings, m), threads);
        Trainer<T> trainer(shape, settings, from, given.which_rows(), m, team);
        ending = trainer.run(parameters.data(), state.data(), best.data(), losses.data(), after, stop);
        epochs = trainer.epochs();
    }
    return nb::make_tuple(ending, epochs, after);
}

template <class T>
bool sums(const Shape& shape, Vector<const T> parameters, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
          Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<const T>> Y,
          Maybe<Vector<const int32_t>> labels, Maybe<Vector<const T>> weights, Maybe<Vector<const uint32_t>> rows,
          Vector<double> out, bool gradients, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const Given<T> given{X, codes, places, sparse, Y, labels, weights, rows};
    const Examples<T> from = given.with_targets(shape);
    expect("parameters", parameters, shape.size(), "all of the network's parameters");
    expect("out", out, (gradients ? shape.size() : 0) + 2, "the gradient if wanted, the loss and the weight");
    expect_at_least("threads", 1, threads);
    Stop stop = stop_of(flag);
    const int64_t m = given.n_rows();
    const int team = threads_worth<T>(shape, m, threads);
    Sums<T> sums(shape, m, team, gradients);
    KernelLayout<T> W(shape, parameters.data());
    bool complete = true;
    const auto work = [&](int t) {
        sums.take(sums.units(t), W);
        sums.barrier().wait();
        const bool done = sums.compute(t, W, from, given.which_rows(), m, Rows{}, 0, false, {}, stop);
        if (t == 0) complete = done;
    };
    run_team(team, [&](int members) { sums.set_team(members); }, work);
    sums.write(m, out.data());
    return complete;
}

template <class T>
Progress step(const Shape& shape, const Settings& settings, Vector<const double> sums, double weight, Vector<T> parameters,
              Vector<T> state, const Progress& progress) {
    expect_state(shape, settings, parameters, state);
    expect("sums", sums, shape.size(), "one for each parameter");
    Progress after = progress;
    after.power1 *= settings.beta1, after.power2 *= settings.beta2;
    Buffer<T> rounded(shape.size());
    for (int64_t i = 0; i < shape.size(); ++i) rounded[i] = T(sums.data()[i]);
    T* second = settings.solver == Solver::adam ? state.data() + shape.size() : state.data();
    if (weight > 0)
        Step<T>(shape, settings, settings.learning_rate, weight, after.power1, after.power2, rounded, parameters.data(), state.data(), second)
            .units(Share(shape.n_units(), 0, 1), true);
    return after;
}

template <class T>
int64_t predict(const Shape& shape, Vector<const T> parameters, Matrix<const T> X, Maybe<Matrix<const uint16_t>> codes,
                Maybe<Matrix<const T>> places, const SparseTable<T>* sparse, Maybe<Matrix<T>> Z1, Maybe<Matrix<T>> A1,
                Maybe<Matrix<T>> Z2, Matrix<T> A2, int threads, StopFlag& flag) {
    nb::gil_scoped_release release;
    const int64_t m = X.shape(0);
    const Examples<T> from = Given<T>{X, codes, places, sparse}.without_targets(shape);
    expect("parameters", parameters, shape.size(), "all of the network's parameters");
    expect("Z1", Z1, int64_t(shape.n_h), m, "hidden units, rows of X");
    expect("A1", A1, int64_t(shape.n_h), m, "hidden units, rows of X");
    expect("Z2", Z2, int64_t(shape.n_y), m, "outputs, rows of X");
    expect("A2", A2, int64_t(shape.n_y), m, "outputs, rows of X");
    expect_at_least("threads", 1, threads);
    Stop stop = stop_of(flag);
    const Wanted<T> wanted{pointer(Z1), pointer(A1), pointer(Z2), A2.data()};
    return shoal::predict<T>(Ready<T>(shape, parameters.data()), from, m, wanted, threads_worth<T>(shape, m, threads), stop);
}

template <class T>
void apply(const std::string& name, Vector<const T> x, Vector<T> out) {
    nb::gil_scoped_release release;
    expect("x", x, x.size(), "any"), expect("out", out, x.size(), "one for each of x");
    const auto each = [&](auto&& f) {
        for (size_t i = 0; i < x.size(); i += LANES<T>) {
            const int n = int(std::min<size_t>(LANES<T>, x.size() - i));
            store_some(out.data() + i, f(load_some(x.data() + i, n)), n);
        }
    };
    if (name == "exp") return each([](auto v) { return exp(v); });
    if (name == "exp_of_negative") return each([](auto v) { return exp_of_negative(v); });
    if (name == "tanh") return each([](auto v) { return tanh(v); });
    if (name == "log") return each([](auto v) { return log(v); });
    if (name == "log1p_of_unit") return each([](auto v) { return log1p_of_unit(v); });
    if (name == "sigmoid") return each([](auto v) { return sigmoid(v); });
    if (name == "square_less_itself") return each([](auto v) { return v * v - v; });  // shows that nothing is fused
    refuse("name", "the name of one of the kernel's functions", name);
}

double dot(Vector<const double> x, Vector<const double> y) {
    nb::gil_scoped_release release;
    expect("x", x, x.size(), "any"), expect("y", y, x.size(), "one for each of x");
    return shoal::dot(x.data(), y.data(), int64_t(x.size()));
}

void sums_about(double shift, Vector<const double> x, Maybe<Vector<const double>> weights, Vector<double> out) {
    nb::gil_scoped_release release;
    expect("x", x, x.size(), "any"), expect("weights", weights, int64_t(x.size()), "one for each of x"), expect("out", out, 3, "Σ w, Σ w d and Σ w d²");
    shoal::sums_about(shift, x.data(), pointer(weights), x.size(), out.data());
}

int64_t order(int64_t m, uint64_t key, uint64_t epoch, Vector<uint32_t> out) {
    if (m < 0 || m > MOST_ROWS) refuse("m", "0 to " + text(MOST_ROWS) + " rows", text(m));
    expect("out", out, m, "m");
    return Order(uint64_t(m), key, epoch).next(out.data(), m);
}

void normal(uint64_t key, uint64_t stream, Vector<double> out) {
    nb::gil_scoped_release release;
    shoal::normal(key, stream, out.data(), int64_t(out.size()));
}

uint64_t child(uint64_t key, uint64_t index) { return shoal::child(key, index); }

// The rows that are kept, then those that are held out; how many are kept.
int64_t hold_out(double fraction, uint64_t key, Maybe<Vector<const int32_t>> labels, Vector<uint32_t> out) {
    nb::gil_scoped_release release;
    const int64_t m = out.size();
    expect("labels", labels, m, "one for each row"), expect("out", out, m, "one for each row");
    if (labels && m && *std::min_element(labels->data(), labels->data() + m) < 0) refuse("labels", "numbers from 0 on", "others");
    return shoal::hold_out(fraction, key, pointer(labels), out.data(), m);
}

void shuffles(uint64_t key, Matrix<int64_t> out) {
    nb::gil_scoped_release release;
    expect("out", out, out.shape(0), out.shape(1), "orders, rows");
    shoal::shuffles(key, out.data(), out.shape(0), out.shape(1));
}

template <class T>
void bind(nb::module_& m) {
    nb::class_<SparseTable<T>>(m, sizeof(T) == 4 ? "SparseFloat" : "SparseDouble")
        .def(nb::init<Vector<const int64_t>, Vector<const uint32_t>, Vector<const T>>(), array("starts"), array("columns"), array("values"));
    m.def("train", &train<T>, nb::arg("shape"), nb::arg("settings"), array("X"), array_or_none("codes"), array_or_none("places"),
          nb::arg("sparse").none(), array_or_none("Y"), array_or_none("labels"), array_or_none("weights"), array_or_none("rows"),
          array("parameters"), array("state"), array("best"), array("losses"), nb::arg("progress"), nb::arg("threads"), nb::arg("stop"));
    m.def("sums", &sums<T>, nb::arg("shape"), array("parameters"), array("X"), array_or_none("codes"), array_or_none("places"),
          nb::arg("sparse").none(), array_or_none("Y"), array_or_none("labels"), array_or_none("weights"), array_or_none("rows"),
          array("out"), nb::arg("gradients"), nb::arg("threads"), nb::arg("stop"));
    m.def("step", &step<T>, nb::arg("shape"), nb::arg("settings"), array("sums"), nb::arg("weight"), array("parameters"), array("state"), nb::arg("progress"));
    m.def("predict", &predict<T>, nb::arg("shape"), array("parameters"), array("X"), array_or_none("codes"), array_or_none("places"),
          nb::arg("sparse").none(), array_or_none("Z1"), array_or_none("A1"), array_or_none("Z2"), array("A2"), nb::arg("threads"), nb::arg("stop"));
    bind_serving<T>(m);
    bind_judged<T>(m);
    m.def("apply", &apply<T>, nb::arg("name"), array("x"), array("out"), "Apply one of the kernel's functions to numbers, for tests.");
}

}  // namespace shoal::bindings

NB_MODULE(SHOAL_MODULE, m) {
    using namespace shoal;
    using namespace shoal::bindings;
    m.doc() = "The ten equations, fused: see kernel/ in the source.";
    nb::enum_<Activation>(m, "Activation")
        .value("tanh", Activation::tanh)
        .value("relu", Activation::relu)
        .value("leaky_relu", Activation::leaky_relu)
        .value("sigmoid", Activation::sigmoid)
        .value("identity", Activation::identity);
    nb::enum_<Output>(m, "Output").value("sigmoid", Output::sigmoid).value("softmax", Output::softmax).value("identity", Output::identity).value("poisson", Output::poisson);
    nb::enum_<Solver>(m, "Solver").value("momentum", Solver::momentum).value("adam", Solver::adam);
    nb::enum_<Ending>(m, "Ending")
        .value("finished", Ending::finished)
        .value("plateau", Ending::plateau)
        .value("converged", Ending::converged)
        .value("diverged", Ending::diverged)
        .value("interrupted", Ending::interrupted);
    nb::class_<Shape>(m, "Shape")
        .def(
            "__init__",
            [](Shape* self, int n_x, int n_h, int n_y, Activation g, Output sigma, const std::vector<std::pair<int, int>>& groups, int entries) {
                Shape shape{n_x, n_h, n_y, g, sigma};
                shape.entries = entries;
                for (const auto& [columns, bins] : groups) shape.groups.push_back({columns, bins});
                new (self) Shape(checked(shape));
            },
            nb::arg("n_x"), nb::arg("n_h"), nb::arg("n_y"), nb::arg("activation"), nb::arg("output"), nb::arg("groups"), nb::arg("entries"));
    nb::class_<Settings>(m, "Settings")
        .def(
            "__init__",
            [](Settings* self, Solver solver, double learning_rate, double momentum, double beta1, double beta2, double epsilon,
               double penalty, int64_t batch_size, uint64_t key, int64_t first_epoch, int64_t n_epochs, double plateau_tol,
               int64_t patience, double converged_tol, double decay, int64_t horizon, double dropout) {
                new (self) Settings(checked({solver, learning_rate, momentum, beta1, beta2, epsilon, penalty, batch_size,
                                             key, first_epoch, n_epochs, plateau_tol, patience, converged_tol, decay, horizon, dropout}));
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
        .def_ro("best_loss", &Progress::best_loss)
        .def_ro("waited", &Progress::waited)
        .def_ro("power1", &Progress::power1)
        .def_ro("power2", &Progress::power2);
    bind_number_columns(m);
    nb::class_<StopFlag>(m, "StopFlag")
        .def(nb::init<>())
        .def("raise_flag", [](StopFlag& self) { self.raised.store(true); })
        .def_prop_ro("raised", [](const StopFlag& self) { return self.raised.load(); })
        .def_ro("exception", &StopFlag::exception);

    bind<float>(m);
    bind<double>(m);

    bind_shuffled<float>(m);
    bind_shuffled<double>(m);
    bind_explanations<float>(m);
    bind_explanations<double>(m);
    bind_second_order(m);
    m.def("dot", &bindings::dot, array("x"), array("y"));
    m.def("sums_about", &bindings::sums_about, nb::arg("shift"), array("x"), array_or_none("weights"), array("out"));
    m.def("order", &order, nb::arg("m"), nb::arg("key"), nb::arg("epoch"), array("out"));
    m.def("child", &bindings::child, nb::arg("key"), nb::arg("index"));
    m.def("hold_out", &bindings::hold_out, nb::arg("fraction"), nb::arg("key"), array_or_none("labels"), array("out"));
    m.def("shuffles", &bindings::shuffles, nb::arg("key"), array("out"));
    m.def("normal", &bindings::normal, nb::arg("key"), nb::arg("stream"), array("out"));
    m.attr("BLOCK_ROWS") = BLOCK_ROWS;
#ifdef SHOAL_SOURCES
    m.attr("SOURCES") = SHOAL_SOURCES;
#endif
}
