// One step of the optimiser on the parameters of a network, unit by unit or line by line.
#pragma once

#include "optimisers.hpp"
#include "settings.hpp"
#include "shape.hpp"
#include "threads.hpp"

namespace shoal {

// One step of the optimiser on the parameters W, from the sums of examples of weight m. `s1` and `s2` are its
// state; momentum has the first alone.
template <class T>
class Step {
  public:
    Step(const Shape& shape, const Settings& s, double rate, double m, double power1, double power2, const T* sums, T* W, T* s1, T* s2)
        // clang-format off
        : shape_(shape), solver_(s.solver), alpha_(T(s.penalty)), shrink_(T(1 - rate * s.decay)),
          rule_{T(rate), T(s.momentum), T(s.beta1), T(s.beta2), T(s.epsilon), T(1 / m), T(1 / (1 - power1)), T(1 / (1 - power2))},
          sums_(sums), W_(W), s1_(s1), s2_(s2) {}
    // clang-format on

    // For some units; the first member's call does b2, too.
    void units(const Share& units, bool first_member) const {
        const int64_t first = units.first, n = units.last - units.first;
        if (first_member && n == shape_.n_units() && alpha_ == 0 && shrink_ == 1) return run(0, shape_.size(), false);
        run(shape_.first_layer() + first * shape_.n_x, n * shape_.n_x, true);
        but_first_matrix(units, first_member);
    }

    // For a line of units from the first one on, with the matrix that sees X in two: use(next) gets its columns
    // one after another, each when it has been updated.
    template <class F>
    SHOAL_INLINE void line(const Share& units, bool first_member, F&& use) const {
        but_first_matrix(units, first_member);
        const int n = int(units.last - units.first);
        each(shape_.first_layer() + units.first * shape_.n_x, true, [&](auto runs, const auto& f) __attribute__((always_inline)) {
            if (n == LANES<T>)
                use([&]() __attribute__((always_inline)) { return runs.next(LANES<T>, f); });
            else
                use([&]() __attribute__((always_inline)) { return runs.next(n, f); });
        });
    }

  private:
    void but_first_matrix(const Share& units, bool first_member) const {
        const int64_t first = units.first, n = units.last - units.first, n_h = shape_.n_h;
        run(shape_.first_biases() + first, n, false);
        if (n_h == 0) return;
        if (n == n_h)
            run(shape_.W2(), shape_.n_y * n_h, true);
        else
            for (int k = 0; k < shape_.n_y; ++k) run(shape_.W2() + k * n_h + first, n, true);
        if (first_member) run(shape_.b2(), shape_.n_y, false);
    }

    void run(int64_t at, int64_t n, bool weights) const {
        each(at, weights, [&](auto runs, const auto& f) { runs.step(n, f); });
    }

    // use(runs, f): parameters from `at` on, weights or biases, with what they need, and their step.
    template <class F>
    SHOAL_INLINE void each(int64_t at, bool weights, F&& use) const {
        const T alpha = weights ? alpha_ : T(0), shrink = weights ? shrink_ : T(1);
        if (solver_ == Solver::adam)
            use(Runs<3, T>{sums_ + at, {W_ + at, s1_ + at, s2_ + at}}, rule_.adam_step(alpha, shrink));
        else
            use(Runs<2, T>{sums_ + at, {W_ + at, s1_ + at}}, rule_.momentum_step(alpha, shrink));
    }

    const Shape& shape_;
    Solver solver_;
    T alpha_, shrink_;
    Rule<T> rule_;
    const T* sums_;
    T *W_, *s1_, *s2_;
};

}  // namespace shoal
