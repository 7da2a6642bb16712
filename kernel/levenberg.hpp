// Levenberg and Marquardt's descent with fixed penalties, for rows in memory. Twin, step for step and bit for bit:
// `descend` in src/shoal/compute/levenberg.py, which takes its sums from anywhere, and has the letters and the sources.
#pragma once

#include <cmath>

#include "cholesky.hpp"
#include "curvature.hpp"
#include "sums.hpp"
#include "team_size.hpp"

namespace shoal {

constexpr double FIRST_DAMPING = 1e-3, SMALLEST_DAMPING = 1e-15, MOST_DAMPING = 1e15, LEAST_SHARE = 1e-4, ROUNDING = 1e-15;

struct Point {  // where a descent stands, besides x
    double f, loss, weight, mu, fell, promise;
    bool operator==(const Point&) const = default;
};

struct Limits {  // when it ends
    int64_t n_epochs;
    double converged, tol;
    int64_t patience;
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
          factor_(Curvature::triangle(shape)), g_(n_), d_(n_), there_(n_), pull_(n_) {}

    // Steps from x on, until the limits end them; the mean loss after each goes to `losses`.
    Descended run(const double* a, const Limits& limits, double* x, Point& point, double* best, double& best_cost, int64_t& waited, double* losses) {
        for (done_ = 0; done_ < limits.n_epochs;) {
            Point after = point;
            if (!step(a, x, after)) return Descended::interrupted;
            point = after;
            const double cost = point.weight != 0 ? point.f / point.weight : NAN;
            losses[done_++] = point.weight != 0 ? point.loss / point.weight : NAN;
            waited = cost < best_cost * (1 - limits.tol) ? 0 : waited + 1;
            if (cost < best_cost) best_cost = cost, std::copy(x, x + n_, best);
            if (!std::isfinite(point.f) || point.weight == 0) return Descended::diverged;
            if (std::max(point.fell, point.promise) <= std::max(limits.converged, 0.0) * point.f) return Descended::converged;
            if (limits.patience && waited >= limits.patience) return Descended::plateau;
        }
        return Descended::finished;
    }

    int64_t epochs() const { return done_; }

  private:
    double penalised(double loss, const double* a, const double* x) {
        for (int64_t i = 0; i < n_; ++i) pull_[i] = a[i] * x[i];
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

    // One step; false when stopped.
    bool step(const double* a, double* x, Point& point) {
        if (!curve(x)) return false;
        const double *triangle = sums_, *gradient = triangle + Curvature::triangle(shape_);
        point.loss = gradient[n_], point.weight = gradient[n_ + 1], point.f = penalised(point.loss, a, x);
        double largest = triangle[0];
        for (int64_t i = 0; i < n_; ++i) g_[i] = gradient[i] + pull_[i], largest = std::max(largest, triangle[row_start(i) + i]);
        double mu = point.mu != 0 ? point.mu : FIRST_DAMPING * largest, nu = 2;
        while (std::isfinite(point.f) && mu <= MOST_DAMPING * largest) {
            mu = std::max(mu, SMALLEST_DAMPING * largest);
            const Trial found = trial(a, mu, x, point);
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

    Trial trial(const double* a, double mu, double* x, Point& point) {
        std::memcpy(static_cast<double*>(factor_), static_cast<double*>(sums_), sizeof(double) * Curvature::triangle(shape_));
        for (int64_t i = 0; i < n_; ++i) factor_[row_start(i) + i] += a[i] + mu, d_[i] = -g_[i];
        if (!factor(factor_, n_)) return Trial::up;
        solve(factor_, n_, d_);
        for (int64_t i = 0; i < n_; ++i) pull_[i] = mu * d_[i] - g_[i], there_[i] = x[i] + d_[i];
        const double promise = 0.5 * dot(d_, pull_, n_);
        if (!(promise > ROUNDING * point.f)) return point.fell = point.promise = 0, Trial::nowhere;
        if (!judge(there_)) return Trial::stopped;
        const double loss = loss_.loss(), weight = loss_.weight(m_, 0), f = penalised(loss, a, there_), share = (point.f - f) / promise;
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
    Buffer<double> sums_, factor_, g_, d_, there_, pull_;
    bool again_ = false, judged_ = false;
};

}  // namespace shoal
