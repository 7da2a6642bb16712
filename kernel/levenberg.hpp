// Levenberg and Marquardt's descent, for rows in memory, with fixed penalties or with those that the evidence chooses.
// Twins, step for step and bit for bit, which take their sums from anywhere and have the letters and the sources:
// `descend` in src/shoal/compute/levenberg.py, and for the evidence src/shoal/training/lm.py and evidence.py.
#pragma once

#include <cmath>
#include <limits>

#include "cholesky.hpp"
#include "curvature.hpp"
#include "sums.hpp"
#include "team_size.hpp"

namespace shoal {

constexpr double FIRST_DAMPING = 1e-3, SMALLEST_DAMPING = 1e-15, MOST_DAMPING = 1e15, LEAST_SHARE = 1e-4, ROUNDING = 1e-15;
constexpr double FIRST_PENALTY = 0.01, LEAST_PENALTY = 1e-8, MOST_PENALTY = 1e6, SETTLED = 1e-3, OF_PENALTIES = 100;

struct Point {  // where a descent stands, besides x
    double f, loss, weight, mu, fell, promise;
    bool operator==(const Point&) const = default;
};

struct Limits {  // when it ends
    int64_t n_epochs;
    double converged, tol;
    int64_t patience;
};

struct Penalties {  // by the evidence: of W1, b1 and W2
    double a[3];
    bool settled;  // after which they may change
    double moved;  // by what share one changed last, at the most
};

struct Known {  // what the evidence is made of; of W1, b1 and W2 how many parameters the data determine, and Σ w²
    double determined[3], squares[3];
    double log_determinant, loss, weight;
};

enum class Descended { finished,
                       converged,
                       plateau,
                       diverged,
                       interrupted };

class Levenberg {
  public:
    Levenberg(const Shape& shape, const Examples<double>& from, const Rows& rows, int64_t m, int threads, Stop& stop)
        : shape_(shape), from_(from), rows_(rows), m_(m), n_(shape.size()), stop_(stop), curving_(threads_worth_curvature(shape, m, threads)),
          judging_(threads_worth<double>(shape, m, threads)), curvature_(shape, m, curving_), loss_(shape, m, judging_, false), sums_(Curvature::size(shape)),
          factor_(Curvature::triangle(shape)), a_(n_), g_(n_), d_(n_), there_(n_), pull_(n_) {}

    // Steps from x on, until the limits end them; the mean loss after each goes to `losses`. With penalties by the evidence
    // (`chosen`) they take the place of `a`. `judged` is called with x after each step that has not diverged, and says
    // whether to go on, or how to end.
    template <class Judged>
    Descended run(const double* a, Penalties* chosen, const Limits& limits, double* x, Point& point, double* best, double& best_cost, int64_t& waited, double* losses, Judged&& judged) {
        std::copy(a, a + n_, static_cast<double*>(a_));
        for (done_ = 0; done_ < limits.n_epochs;) {
            Point after = point;
            Penalties penalties = chosen ? *chosen : Penalties{};
            if (!step(chosen ? &penalties : nullptr, x, after)) return Descended::interrupted;
            point = after;
            const double cost = point.weight != 0 ? point.f / point.weight : NAN;
            losses[done_++] = point.weight != 0 ? point.loss / point.weight : NAN;
            if (chosen) best_cost = INFINITY;  // costs with other penalties cannot be compared: the last is best
            const bool lower = chosen ? !still(penalties, point, limits.tol) : cost < best_cost * (1 - limits.tol);
            waited = lower ? 0 : waited + 1;
            if (cost < best_cost) best_cost = cost, std::copy(x, x + n_, best);
            if (chosen) *chosen = penalties;
            if (!std::isfinite(point.f) || point.weight == 0) return Descended::diverged;
            const Descended verdict = judged(static_cast<const double*>(x));
            if (verdict == Descended::interrupted) return verdict;
            if (converged(chosen, point, limits.converged)) return Descended::converged;
            if (verdict != Descended::finished) return verdict;
            if (limits.patience && waited >= limits.patience) return Descended::plateau;
        }
        return Descended::finished;
    }

    Descended run(const double* a, const Limits& limits, double* x, Point& point, double* best, double& best_cost, int64_t& waited, double* losses) {
        return run(a, nullptr, limits, x, point, best, best_cost, waited, losses, [](const double*) { return Descended::finished; });
    }

    int64_t epochs() const { return done_; }

    // What the evidence of these penalties says at x; false where the matrix has no inverse, or when stopped.
    bool evidence(const double* a, const double* x, Known& known) {
        if (!curve(x)) return false;
        spread(a);
        const double* gradient = sums_ + Curvature::triangle(shape_);
        known.loss = gradient[n_], known.weight = gradient[n_ + 1];
        if (!std::isfinite(known.loss) || !count(a, x, known)) return false;
        known.log_determinant = log_determinant(factor_, n_);
        return true;
    }

  private:
    static bool still(const Penalties& chosen, const Point& point, double tol) {
        return chosen.moved <= OF_PENALTIES * tol && !(point.fell > tol * std::abs(point.f));
    }

    static bool converged(const Penalties* chosen, const Point& point, double share) {
        const double gain = std::max(point.fell, point.promise);
        if (chosen) return gain <= share * point.f && chosen->moved <= OF_PENALTIES * share;
        return gain <= std::max(share, 0.0) * point.f;
    }

    double penalised(double loss, const double* x) {
        for (int64_t i = 0; i < n_; ++i) pull_[i] = a_[i] * x[i];
        return loss + 0.5 * dot(pull_, x, n_);
    }

    bool curve(const double* x) {
        bool complete = true;
        const auto work = [&](int t) {
            const bool done = curvature_.compute(t, x, from_, rows_, m_, sums_, again_, stop_);
            if (t == 0) complete = done;
        };
        run_team(curving_, [&](int members) { curvature_.set_team(members); }, work);
        again_ = true;
        return complete;
    }

    bool judge(const double* x) {
        bool complete = true;
        const auto work = [&](int t) {
            const bool done = loss_.compute(t, x, from_, rows_, m_, Rows{}, 0, judged_, {}, stop_);
            if (t == 0) complete = done;
        };
        run_team(judging_, [&](int members) { loss_.set_team(members); }, work);
        judged_ = true;
        return complete && !stop_.poll();
    }

    // One step, where the fit has settled with other penalties; false when stopped.
    bool step(Penalties* chosen, double* x, Point& point) {
        if (!curve(x)) return false;
        if (chosen) {
            if (chosen->a[0] == 0 && chosen->a[1] == 0 && chosen->a[2] == 0) std::fill_n(chosen->a, 3, FIRST_PENALTY);
            spread(chosen->a);
            if (chosen->settled && !improve(*chosen, x)) chosen->moved = 0;
        }
        if (!step(x, point)) return false;
        if (chosen) chosen->settled = chosen->settled || !(point.fell > SETTLED * std::abs(point.f));
        return true;
    }

    struct Groups {  // where W1, b1 and W2 begin, and where the last of them ends
        int64_t at[4];
    };

    Groups groups() const { return {{shape_.W1(), shape_.b1(), shape_.W2(), shape_.b2()}}; }

    void spread(const double* of) {
        const auto [at] = groups();
        for (int g = 0; g < 3; ++g) std::fill(a_ + at[g], a_ + at[g + 1], of[g]);
        std::fill(a_ + at[3], a_ + n_, 0.0);
    }

    // What the data determine at x, of which the sums are known; false where the matrix has no inverse.
    bool count(const double* a, const double* x, Known& known) {
        std::memcpy(static_cast<double*>(factor_), static_cast<double*>(sums_), sizeof(double) * Curvature::triangle(shape_));
        const int64_t n_y = shape_.n_y, b2 = n_ - n_y;
        for (int64_t i = b2; i < n_ && shape_.sigma == Output::softmax; ++i)
            for (int64_t j = b2; j <= i; ++j) factor_[row_start(i) + j] += 1.0 / double(n_y);
        for (int64_t i = 0; i < n_; ++i) factor_[row_start(i) + i] += a_[i];
        if (!factor(factor_, n_)) return false;
        inverse_diagonal(factor_, n_, pull_);
        std::fill_n(static_cast<double*>(d_), n_, 1.0);
        const auto [at] = groups();
        for (int g = 0; g < 3; ++g) {
            const int64_t size = at[g + 1] - at[g];
            known.determined[g] = std::min(std::max(double(size) - a[g] * dot(pull_ + at[g], d_, size), 0.0), double(size));
            known.squares[g] = dot(x + at[g], x + at[g], size);
        }
        return true;
    }

    // Penalties that raise the evidence at x, of which the sums are known; false where the matrix has no inverse.
    bool improve(Penalties& chosen, const double* x) {
        Known known;
        if (!count(chosen.a, x, known)) return false;
        const double *determined = known.determined, *squares = known.squares;
        const double beta = noise(determined[0] + determined[1] + determined[2]);
        const auto [at] = groups();
        double moved = -INFINITY;
        for (int g = 0; g < 3; ++g) {
            const double alpha = squares[g] > 0 ? determined[g] / squares[g] : INFINITY;
            const double old = chosen.a[g], found = at[g] == at[g + 1] ? 0.0 : std::min(std::max(alpha / beta, LEAST_PENALTY), MOST_PENALTY);
            if (found != 0 && old != 0) moved = std::max(moved, std::max(found / old, old / found) - 1);
            chosen.a[g] = found;
        }
        chosen.moved = moved;
        spread(chosen.a);
        return true;
    }

    // β.
    double noise(double gamma) const {
        if (shape_.sigma != Output::identity) return 1;
        const double *gradient = sums_ + Curvature::triangle(shape_), loss = gradient[n_], n = gradient[n_ + 1] * double(shape_.n_y);
        constexpr double eps = std::numeric_limits<double>::epsilon();
        return std::max(n - gamma, eps * n) / std::max(2 * loss, eps * eps * n);
    }

    // One step from x, of which the sums are known; false when stopped.
    bool step(double* x, Point& point) {
        const double *triangle = sums_, *gradient = triangle + Curvature::triangle(shape_);
        point.loss = gradient[n_], point.weight = gradient[n_ + 1], point.f = penalised(point.loss, x);
        double largest = triangle[0];
        for (int64_t i = 0; i < n_; ++i) g_[i] = gradient[i] + pull_[i], largest = std::max(largest, triangle[row_start(i) + i]);
        double mu = point.mu != 0 ? point.mu : FIRST_DAMPING * largest, nu = 2;
        while (std::isfinite(point.f) && mu <= MOST_DAMPING * largest) {
            mu = std::max(mu, SMALLEST_DAMPING * largest);
            const Trial found = trial(mu, x, point);
            if (found != Trial::up) return found != Trial::stopped;
            mu *= nu, nu *= 2;
        }
        point.fell = point.promise = 0;
        return true;
    }

    enum class Trial { down,
                       nowhere,
                       up,
                       stopped };

    Trial trial(double mu, double* x, Point& point) {
        std::memcpy(static_cast<double*>(factor_), static_cast<double*>(sums_), sizeof(double) * Curvature::triangle(shape_));
        for (int64_t i = 0; i < n_; ++i) factor_[row_start(i) + i] += a_[i] + mu, d_[i] = -g_[i];
        if (!factor(factor_, n_)) return Trial::up;
        solve(factor_, n_, d_);
        for (int64_t i = 0; i < n_; ++i) pull_[i] = mu * d_[i] - g_[i], there_[i] = x[i] + d_[i];
        const double promise = 0.5 * dot(d_, pull_, n_);
        if (!(promise > ROUNDING * point.f)) return point.fell = point.promise = 0, Trial::nowhere;
        if (!judge(there_)) return Trial::stopped;
        const double loss = loss_.loss(), weight = loss_.weight(m_, 0), f = penalised(loss, there_), share = (point.f - f) / promise;
        if (!(share > LEAST_SHARE)) return Trial::up;
        const double less = 2 * share - 1;
        point = {f, loss, weight, mu * std::max(1.0 / 3, 1 - less * less * less), point.f - f, promise};
        std::copy(static_cast<double*>(there_), there_ + n_, x);
        return Trial::down;
    }

    Shape shape_;
    Examples<double> from_;
    Rows rows_;
    int64_t m_, n_, done_ = 0;
    Stop& stop_;
    int curving_, judging_;
    Curvature curvature_;
    Sums<double> loss_;
    Buffer<double> sums_, factor_, a_, g_, d_, there_, pull_;
    bool again_ = false, judged_ = false;
};

}  // namespace shoal
