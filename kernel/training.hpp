// Gradients of many blocks, and the loop that follows them downhill.
//
// A gradient is a sum over examples. Its terms are the sums of blocks of 512 rows, added
// in float64 along one fixed binary tree over the block number; then it is rounded to the
// working precision and divided by m, once. Twin: src/shoal/compute/plain.py.
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "equations.hpp"
#include "optimisers.hpp"
#include "random.hpp"
#include "threads.hpp"

namespace shoal {

// Adds terms one after another as the tree does: neighbours first, then neighbours of
// these. It is a binary counter: level k holds the sum of an aligned run of 2ᵏ terms.
class TreeSum {
  public:
    static constexpr int LEVELS = 40;

    TreeSum() = default;
    // Room for `terms` terms of `size` numbers each.
    TreeSum(int64_t size, int64_t terms) : size_(size), carry_(size) {
        for (int k = 0; k < LEVELS && (int64_t(1) << k) <= terms; ++k) level_[k] = Buffer<double>(size);
    }

    void clear() { count_ = 0; }

    template <class T>
    void add(const T* term) {
        for (int64_t i = 0; i < size_; ++i) carry_[i] = double(term[i]);
        int k = 0;
        for (; count_ >> k & 1; ++k) join(level_[k]);
        std::memcpy(static_cast<double*>(level_[k]), static_cast<double*>(carry_), sizeof(double) * size_);
        ++count_;
    }

    // The sum of all terms so far; the runs that have no neighbour join from the last to the first.
    const double* total() {
        int k = 0;
        while (!(count_ >> k & 1)) ++k;
        std::memcpy(static_cast<double*>(carry_), static_cast<double*>(level_[k]), sizeof(double) * size_);
        for (++k; count_ >> k; ++k)
            if (count_ >> k & 1) join(level_[k]);
        return carry_;
    }

  private:
    void join(const double* earlier) {
        for (int64_t i = 0; i < size_; ++i) carry_[i] = earlier[i] + carry_[i];
    }

    int64_t size_ = 0, count_ = 0;
    Buffer<double> carry_, level_[LEVELS];
};

// The operations of a gradient, about.
inline double operations(const Shape& s, int64_t rows) {
    const Coding coding(s.groups);
    const int columns = s.n_x - coding.columns() + 2 * (s.entries ? s.entries : coding.groups());  // a sum costs like two products
    const double per_row = 4.0 * s.n_units() * columns + 6.0 * s.n_h * s.n_y + 40.0 * s.n_units();
    return per_row * double(rows);
}

// Threads pay from about 5 million operations on (a barrier costs a microsecond or two), and if they are far
// apart from four times as many.
constexpr double WORTH_A_TEAM = 5e6, WORTH_A_FAR_TEAM = 2e7;

template <class T>
int threads_worth(const Shape& s, int64_t rows, int available) {
    const double work = operations(s, rows);
    if (work < WORTH_A_TEAM) return 1;
    const int64_t units = s.groups.empty() ? s.n_units() : s.lines_of_units<T>();
    const int64_t parts = rows <= BLOCK_ROWS ? units : (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    const double worth = std::min({double(available), double(parts), 2 * work / WORTH_A_TEAM});
    return std::max(1, int(worth));
}

// The sums over any number of rows: gradients, loss and weight. A team of threads calls
// `compute` together; nobody's part in the work can be seen in a bit of the result.
template <class T>
class Sums {
  public:
    Sums(const Shape& shape, int64_t rows, int team, bool with_gradients)
        : shape_(shape), coding_(shape.groups, shape.n_numbers()), with_gradients_(with_gradients), team_(team), size_(with_gradients ? shape.size() : 0),
          sums_(size_), exact_(size_ + 2), barrier_(team), tables_(shape) {
        const int64_t n_blocks = blocks(rows);
        for (int t = 0; t < team; ++t) sorted_.emplace_back(shape.entries ? Coding() : coding_, std::min<int64_t>(Block<T>::panels(rows) * LANES<T>, BLOCK_ROWS));
        if (n_blocks <= 1) {  // the team works on one block together
            blocks_.emplace_back(shape, rows, true);
            return;
        }
        // A task is an aligned run of 2ᵏ blocks, that is a subtree; enough of them to share out.
        while ((n_blocks >> run_) > std::max<int64_t>(32, 8 * team)) ++run_;
        for (int t = 0; t < team; ++t) {
            blocks_.emplace_back(shape, rows, true);
            trees_.emplace_back(size_ + 2, int64_t(1) << run_);
            terms_.emplace_back(size_ + 2);
        }
        const int64_t most = tasks(n_blocks);
        results_ = Buffer<double>(most * (size_ + 2));
        root_ = TreeSum(size_ + 2, most);
    }

    static int64_t blocks(int64_t rows) { return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS; }

    // The units of member t: with coded columns whole lines of them.
    Share units(int t) const {
        if (shape_.groups.empty()) return Share(shape_.n_units(), t, team_);
        Share mine(shape_.lines_of_units<T>(), t, team_);
        mine.first *= LANES<T>, mine.last = std::min<int64_t>(mine.last * LANES<T>, shape_.n_units());
        return mine;
    }

    // To be called once, before the first `compute` with dropout.
    void allow_dropout(double share) {
        for (auto& block : blocks_) block.allow_dropout(share);
    }

    // To be called for all units when parameters are new, with a barrier behind it.
    void take(const Share& units, const T* parameters) {
        if (!shape_.groups.empty()) tables_.take(parameters, int(units.first), int(units.last));
    }

    // The same for the line of units from that one on; `next` gives their columns.
    template <class F>
    SHOAL_INLINE void take_line(int64_t unit, const T* parameters, F&& next) {
        tables_.take_line(parameters, int(unit), next);
    }

    // Member t's part. Afterwards `sums` is complete for the member's own units, and the loss
    // and the weight for member 0. False when stopped before the end.
    // While it works it asks memory for the rows that come `next`. `again` says that the rows
    // are those of the last call: a single block then has them still.
    bool compute(int t, const T* parameters, const Examples<T>& from, Rows rows, int64_t n, Rows next, int64_t n_next, bool again, const Dropout& dropout, Stop& stop) {
        if (n > BLOCK_ROWS) return many_blocks(t, parameters, from, rows, n, dropout, stop);
        one_block_together(t, parameters, from, rows, n, next, n_next, again, dropout);
        return true;
    }

    const T* sums() const { return sums_; }  // in the working precision, as at work
    double loss() const { return exact_[size_]; }
    double weight(int64_t n, int t) const {
        return n > BLOCK_ROWS || t == 0 ? exact_[size_ + 1] : double(blocks_[0].weight(blocks_[0].panels(n)));
    }
    Barrier& barrier() { return barrier_; }

    // Fewer or more members from here on (see Barrier): it cannot be seen in a bit of the result.
    void set_team(int team) { team_ = team, barrier_.set_team(team); }

    // The gradient, where it was wanted, the loss and the weight, as the caller knows them.
    void write(int64_t rows, double* out) {
        for (int64_t i = 0; rows <= BLOCK_ROWS && i < size_; ++i) exact_[i] = double(sums_[i]);
        std::memcpy(out, static_cast<double*>(exact_), sizeof(double) * (size_ + 2));
        if (size_ && blocks_[0].coded()) turn<true, LANES<T>>(shape_.n_units(), shape_.n_x, exact_ + shape_.first_layer(), out + shape_.first_layer());
    }

  private:
    int64_t tasks(int64_t n_blocks) const { return (n_blocks + (int64_t(1) << run_) - 1) >> run_; }

    // Panels first … last of a block. Equation after equation over all of them, as a panel's
    // own equations would wait for each other.
    void panels(Block<T>& block, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again, const Dropout& dropout) {
        if (block.coded())
            coded_layer(block, from, rows, n, mine, next, n_next, again);
        else
            first_layer(block, parameters, from, rows, n, mine, next, n_next, again);
        for (int64_t p = mine.first; dropout && p < mine.last; ++p) block.drop(dropout, rows.first + p * LANES<T>, p);
        block.weighted_activations(parameters, tables_, mine.first, mine.last);
        for (int64_t p = mine.first; p < mine.last; ++p) block.activate_output_with_loss(p);
        if (with_gradients_)
            for (int64_t p = mine.first; p < mine.last; ++p) block.backward(parameters, p);
    }

    void first_layer(Block<T>& block, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again) {
        const int64_t together = again ? mine.last - mine.first : TILE_LINES;
        for (int64_t first = mine.first, last; first < mine.last; first = last) {
            last = std::min(first + together, mine.last);
            for (int64_t p = first; !again && p < last; ++p) {
                prefetch(from, next, n_next, p, 0);
                block.gather_X(from, rows, n, p), block.gather_Y(from, rows, n, p);
            }
            block.weighted_inputs(parameters, first, last);
            if (again) block.activate_hidden(first, last);
            for (int64_t p = first; !again && p < last; ++p)
                for (int third = 0; third < 3; ++third) {
                    prefetch(from, next, n_next, p, 1 + third);
                    block.activate_hidden(p, p + 1, third, 3);
                }
        }
    }

    // A step on coded columns touches more than L2 holds, so its rows are asked for a second time.
    void coded_layer(Block<T>& block, const Examples<T>& from, const Rows& rows, int64_t n, const Share& mine, const Rows& next, int64_t n_next, bool again) {
        constexpr int NEAR = 4;  // panels ahead
        const auto ask = [&](const Rows& which, int64_t n_which, int64_t p) {
            for (int quarter = 0; quarter < 4; ++quarter) prefetch(from, which, n_which, p, quarter);
        };
        for (int64_t p = mine.first; !again && p < mine.first + NEAR; ++p) ask(rows, n, p);
        for (int64_t p = mine.first; !again && p < mine.last; ++p) {
            ask(next, n_next, p), ask(rows, n, p + NEAR);
            block.gather_X(from, rows, n, p), block.gather_Y(from, rows, n, p);
        }
        block.layer().weighted_inputs(tables_, mine.first, mine.last, shape_.n_h > 0);
    }

    // Asks memory for a quarter of a panel's rows: of more at once than a core can have under way
    // (some two dozen lines) the rest would be waited for.
    SHOAL_INLINE void prefetch(const Examples<T>& from, const Rows& rows, int64_t n, int64_t p, int quarter) const {
        const int64_t first = p * LANES<T> + quarter * LANES<T> / 4;
        const int64_t n_numbers = coding_.numbers(), groups = coding_.groups(), binned = coding_.binned();
        for (int64_t r = first; r < std::min(n, first + LANES<T> / 4); ++r) {
            const int64_t row = rows[r];
            if (from.entries) {
                const int64_t start = from.entries.starts[row], entries = from.entries.starts[row + 1] - start;
                ask(from.entries.values + start, entries), ask(from.entries.columns + start, entries);
            } else
                ask(from.X + row * n_numbers, n_numbers);
            if (from.codes) ask(from.codes + row * groups, groups);
            if (from.places) ask(from.places + row * binned, binned);
            __builtin_prefetch(from.labels ? static_cast<const void*>(from.labels + row) : from.Y + row * shape_.n_y, 0, 2);
        }
    }

    // The lines in which n numbers lie, up to nine: a row that fills less than a line often begins in
    // one and ends in the next. (Into L2, as L1 has too few places for lines under way.)
    template <class U>
    SHOAL_INLINE static void ask(const U* numbers, int64_t n) {
        const char* at = reinterpret_cast<const char*>(numbers);
        asm volatile("");  // gcc takes a function that only prefetches for one without effect, and drops its calls
        const int64_t bytes = std::min<int64_t>(n * sizeof(U), 8 * LINE_BYTES);
        __builtin_prefetch(at, 0, 2), __builtin_prefetch(at + bytes - 1, 0, 2);
        for (int64_t i = LINE_BYTES; i < bytes - 1; i += LINE_BYTES) __builtin_prefetch(at + i, 0, 2);
    }

    void one_block_together(int t, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Rows& next, int64_t n_next, bool again, const Dropout& dropout) {
        Block<T>& block = blocks_[0];
        const int64_t n_panels = block.panels(n);
        const Share mine = units(t);
        panels(block, parameters, from, rows, n, Share(n_panels, t, team_), next, n_next, again, dropout);
        barrier_.wait();
        if (with_gradients_) block.gradients(tables_, n_panels, int(mine.first), int(mine.last), t == 0, sums_, sorted_[t]);
        if (t > 0) return;
        exact_[size_] = double(block.loss(n_panels));
        exact_[size_ + 1] = double(block.weight(n_panels));
    }

    bool many_blocks(int t, const T* parameters, const Examples<T>& from, const Rows& rows, int64_t n, const Dropout& dropout, Stop& stop) {
        const int64_t n_blocks = blocks(n), n_tasks = tasks(n_blocks);
        Block<T>& block = blocks_[t];
        TreeSum& tree = trees_[t];
        T* term = terms_[t];
        for (int64_t task; (task = next_task_.fetch_add(1)) < n_tasks;) {
            tree.clear();
            const int64_t end = std::min(n_blocks, (task + 1) << run_);
            for (int64_t b = task << run_; b < end && !stop.requested(); ++b) {
                const Rows mine{rows.index, rows.first + b * BLOCK_ROWS}, next{rows.index, mine.first + BLOCK_ROWS};
                const auto rows_from = [&](int64_t block) { return std::clamp<int64_t>(n - block * BLOCK_ROWS, 0, BLOCK_ROWS); };
                const int64_t n_panels = block.panels(rows_from(b));
                panels(block, parameters, from, mine, rows_from(b), Share(n_panels, 0, 1), next, rows_from(b + 1), false, dropout);
                if (with_gradients_) block.gradients(tables_, n_panels, 0, shape_.n_units(), true, term, sorted_[t]);
                term[size_] = block.loss(n_panels);
                term[size_ + 1] = block.weight(n_panels);
                tree.add(static_cast<const T*>(term));
                if (t == 0) stop.poll();
            }
            if (stop.requested()) break;
            std::memcpy(results_ + task * (size_ + 2), tree.total(), sizeof(double) * (size_ + 2));
        }
        barrier_.wait();
        if (t == 0) {
            next_task_ = 0;
            complete_ = !stop.requested();
            if (complete_) add_results(n_tasks);
        }
        barrier_.wait();
        return complete_;
    }

    void add_results(int64_t n_tasks) {
        root_.clear();
        for (int64_t task = 0; task < n_tasks; ++task) root_.add(static_cast<const double*>(results_) + task * (size_ + 2));
        std::memcpy(static_cast<double*>(exact_), root_.total(), sizeof(double) * (size_ + 2));
        for (int64_t i = 0; i < size_; ++i) sums_[i] = T(exact_[i]);
    }

    Shape shape_;
    Coding coding_;
    bool with_gradients_;
    int team_, run_ = 0;
    int64_t size_;
    Buffer<T> sums_;
    Buffer<double> exact_;
    Barrier barrier_;
    Tables<T> tables_;
    std::vector<Sorted<T>> sorted_;
    std::vector<Block<T>> blocks_;
    std::vector<TreeSum> trees_;
    std::vector<Buffer<T>> terms_;
    Buffer<double> results_;
    TreeSum root_;
    std::atomic<int64_t> next_task_{0};
    bool complete_ = true;
};

enum class Solver { momentum, adam };
enum class Ending { finished, plateau, converged, diverged, interrupted };

struct Settings {
    Solver solver;
    double learning_rate, momentum, beta1, beta2, epsilon, penalty;
    int64_t batch_size;     // 0: all rows, in their order, at every step (full batch)
    uint64_t key;           // of the order of the epochs
    int64_t first_epoch, n_epochs;
    double plateau_tol;     // an epoch is better when its loss is lower by more than this
    int64_t patience;       // so many epochs in a row that are not better end it; 0: never
    double converged_tol;   // full batch: it ends when no parameter moves by more; < 0: never
    double decay = 0;       // of W, decoupled from the gradient
    int64_t horizon = 0;    // the rate falls to 0 over so many epochs; 0: it stays
    double dropout = 0;     // the chance of a hidden unit to count as 0
};

inline int64_t rows_of_step(const Settings& settings, int64_t m) {
    return settings.batch_size == 0 ? m : std::min(settings.batch_size, m);
}

struct Progress {  // what goes on from one call to the next
    double best_loss, power1, power2;  // powers: β1ᵗ and β2ᵗ after t steps
    int64_t waited;                    // epochs since the loss was better
};

// One step of the optimiser on the parameters W, from the sums of examples of weight m. `s1` and `s2` are its
// state; momentum has the first alone.
template <class T>
class Step {
  public:
    Step(const Shape& shape, const Settings& s, double rate, double m, double power1, double power2, const T* sums, T* W, T* s1, T* s2)
        : shape_(shape), solver_(s.solver), alpha_(T(s.penalty)), shrink_(T(1 - rate * s.decay)),
          rule_{T(rate), T(s.momentum), T(s.beta1), T(s.beta2), T(s.epsilon), T(1 / m), T(1 / (1 - power1)), T(1 / (1 - power2))},
          sums_(sums), W_(W), s1_(s1), s2_(s2) {}

    // For some units, and b2 for whoever is `first`.
    void units(const Share& units, bool first_member) const {
        const int64_t first = units.first, n = units.last - units.first;
        if (first_member && n == shape_.n_units() && alpha_ == 0 && shrink_ == 1) return run(0, shape_.size(), false);
        run(shape_.first_layer() + first * shape_.n_x, n * shape_.n_x, true);
        but_first_matrix(units, first_member);
    }

    // For a line of units from the first one on, with the matrix that sees X in two: use(next) gets its columns
    // one after another, each when it has taken its step.
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

// Trains in place: `parameters` and the optimiser's `state` (one vector of their size for
// momentum, two for adam). `losses` receives the mean loss of each epoch (full batch: the
// cost before the update), `best` the parameters that had the lowest.
template <class T>
class Trainer {
  public:
    // The team goes on with one member while that is the faster; not if it is to stay `together`, come what may.
    Trainer(const Shape& shape, const Settings& settings, const Examples<T>& from, Rows rows, int64_t m, int team, bool together = false)
        : shape_(shape), settings_(settings), from_(from), rows_(rows), m_(m), full_(settings.batch_size == 0),
          step_rows_(rows_of_step(settings, m)), team_(team), together_(together), dropout_{dropout_threshold(shape.n_h ? settings.dropout : 0), settings.key},
          sums_(shape, step_rows_, team_, true), previous_(settings.converged_tol >= 0 ? shape.size() : 0) {
        if (dropout_) sums_.allow_dropout(dropout_.share());
        if (!full_)
            for (auto& batch : batches_) batch = Buffer<uint32_t>(step_rows_);
    }

    Ending run(T* parameters, T* state, T* best, double* losses, Progress& progress, Stop& stop) {
        losses_ = losses, progress_ = &progress, stop_ = &stop;
        AtWork<T> W(shape_, parameters), s1(shape_, state), best_W(shape_, best);
        std::optional<AtWork<T>> s2;  // adam's
        if (settings_.solver == Solver::adam) s2.emplace(shape_, state + shape_.size());
        W_ = W, s1_ = s1, s2_ = s2 ? *s2 : s1, best_ = best_W;
        const int whole = team_;
        epoch_ = 0;
        do {
            alone_ = false;
            run_team(whole, [&](int team) { set_team(team); }, [&](int t) { work(t); });
        } while (!over_ && epoch_ < settings_.n_epochs);
        return ending_;
    }

    int64_t epochs() const { return epochs_; }

  private:
    void work(int t) {
        if (team_ > 1 && !together_ && operations(shape_, step_rows_) < WORTH_A_FAR_TEAM && sums_.barrier().far(t)) {
            if (t > 0) return;
            alone_ = true, set_team(1);
        }
        const int64_t n_steps = (m_ + step_rows_ - 1) / step_rows_;
        double power1 = progress_->power1, power2 = progress_->power2;
        int64_t polls = 0;
        sums_.take(sums_.units(t), W_);
        for (int64_t epoch = epoch_; epoch < settings_.n_epochs; ++epoch) {
            Order order = full_ ? Order() : Order(uint64_t(m_), settings_.key, uint64_t(settings_.first_epoch + epoch));
            double loss = 0, weight = 0;  // member 0's alone
            if (t == 0) prepare(order, 0), prepare(order, 1);
            sums_.barrier().wait();
            for (int64_t step = 0; step < n_steps; ++step) {
                const int64_t n = rows_of(step);
                if (t == 0) prepare(order, step + 2);
                Dropout dropout = dropout_;
                dropout.epoch = uint32_t(settings_.first_epoch + epoch), dropout.step = uint32_t(step);
                const bool complete = sums_.compute(t, W_, from_, batch(step), n, batch(step + 1), full_ ? 0 : rows_of(step + 1), full_ && epoch > 0, dropout, *stop_);
                if (t == 0) {
                    if (!complete || (polls++ % 16 == 0 && stop_->poll())) end(Ending::interrupted);
                    loss += sums_.loss(), weight += sums_.weight(n, t);
                    if (full_ && !over_) judge(loss / weight, epoch);
                    if (full_ && settings_.converged_tol >= 0) remember();
                }
                if (full_) sums_.barrier().wait();  // all see the judgement, and only then update
                const bool go = complete && !(full_ && over_);
                if (go) {
                    power1 *= settings_.beta1, power2 *= settings_.beta2;
                    follow(t, rate(epoch, step, n_steps), sums_.weight(n, t), power1, power2);
                }
                if (t == 0 && team_ > 1 && !together_ && ++steps_ % 32 == 0) alone_ = sums_.barrier().crowded();
                sums_.barrier().wait();
                if (alone_ && t > 0) return;  // until the team is called again
                if (alone_ && team_ > 1) set_team(1);
                if (!go || over_) break;
            }
            if (t == 0) {
                progress_->power1 = power1, progress_->power2 = power2;
                if (!full_ && !over_) judge(loss / weight, epoch);
                if (full_ && !over_ && settings_.converged_tol >= 0 && converged()) end(Ending::converged);
                epoch_ = epoch + 1;
            }
            sums_.barrier().wait();
            if (over_ || (alone_ && sums_.barrier().may_be_free())) return;
        }
    }

    // Member t's units take a step; with coded columns a line of them at once, and its tables are new, too:
    // from the registers for one thread alone. (For a team, whose members read each other's tables, one
    // after the other was faster.)
    void follow(int t, double rate, double m, double power1, double power2) {
        if (!(m > 0)) return;  // a batch of weight 0 says nothing
        const Step<T> step(shape_, settings_, rate, m, power1, power2, sums_.sums(), W_, s1_, s2_);
        const Share mine = sums_.units(t);
        if (shape_.groups.empty()) return step.units(mine, t == 0);
        Share units = mine;
        do {  // (once for a member without units too: the first one has b2)
            units.last = std::min<int64_t>(mine.last, units.first + LANES<T>);
            const bool first = t == 0 && units.first == mine.first;
            if (team_ == 1)
                step.line(units, first, [&](auto&& next) __attribute__((always_inline)) { sums_.take_line(units.first, W_, next); });
            else
                step.units(units, first), sums_.take(units, W_);
            units.first = units.last;
        } while (units.first < mine.last);
    }

    void set_team(int team) { team_ = team, sums_.set_team(team); }

    int64_t rows_of(int64_t step) const { return std::max<int64_t>(0, std::min(step_rows_, m_ - step * step_rows_)); }

    Rows batch(int64_t step) const { return full_ ? rows_ : Rows{batches_[step % 3], 0}; }

    // Draws the rows of a step, two steps ahead of their use, so that memory can be asked in time.
    void prepare(Order& order, int64_t step) {
        if (full_) return;
        uint32_t* batch = batches_[step % 3];
        const int64_t n = order.next(batch, rows_of(step));
        for (int64_t i = 0; i < n; ++i) batch[i] = uint32_t(rows_[batch[i]]);
    }

    void end(Ending ending) { ending_ = ending, over_ = true; }

    void judge(double loss, int64_t epoch) {
        losses_[epoch] = loss;
        epochs_ = epoch + 1;
        if (!std::isfinite(loss)) return end(Ending::diverged);
        progress_->waited = loss < progress_->best_loss - settings_.plateau_tol ? 0 : progress_->waited + 1;
        if (loss < progress_->best_loss) {
            progress_->best_loss = loss;
            std::memcpy(best_, W_, sizeof(T) * shape_.size());
        }
        if (settings_.patience > 0 && progress_->waited >= settings_.patience) end(Ending::plateau);
    }

    void remember() { std::memcpy(static_cast<T*>(previous_), W_, sizeof(T) * shape_.size()); }

    bool converged() const {
        for (int64_t i = 0; i < shape_.size(); ++i)
            if (!(std::fabs(double(W_[i]) - double(previous_[i])) <= settings_.converged_tol)) return false;
        return true;
    }

    // The rate of a step: it falls with the number of steps since the first epoch of all.
    double rate(int64_t epoch, int64_t step, int64_t n_steps) const {
        if (!settings_.horizon) return settings_.learning_rate;
        const double done = double((settings_.first_epoch + epoch) * n_steps + step);
        return settings_.learning_rate * half_cosine(done / double(settings_.horizon * n_steps));
    }

    Shape shape_;
    Settings settings_;
    Examples<T> from_;
    Rows rows_;
    int64_t m_;
    bool full_;
    int64_t step_rows_;
    int team_;
    bool together_;
    Dropout dropout_;
    Sums<T> sums_;
    Buffer<T> previous_;
    Buffer<uint32_t> batches_[3];
    T *W_ = nullptr, *s1_ = nullptr, *s2_ = nullptr, *best_ = nullptr;
    double* losses_ = nullptr;
    Progress* progress_ = nullptr;
    Stop* stop_ = nullptr;
    bool over_ = false, alone_ = false;
    int64_t steps_ = 0, epoch_ = 0;
    Ending ending_ = Ending::finished;
    int64_t epochs_ = 0;
};

// What the network says of rows of X: A2, and where wanted Z1, A1 and Z2, all in the
// lecture's shapes, (units, m). Returns the first row with a number that is not finite, or -1.
inline void lower(std::atomic<int64_t>& least, int64_t row) {  // least := min(least, row); -1 is none
    for (int64_t seen = least; (seen < 0 || row < seen) && !least.compare_exchange_weak(seen, row);) {
    }
}

template <class T>
struct Wanted {
    T *Z1, *A1, *Z2, *A2;
};

template <class T>
int64_t predict(const Shape& shape, const T* given, const Examples<T>& from, int64_t m, const Wanted<T>& wanted, int team, Stop& stop) {
    constexpr int L = LANES<T>;
    const int64_t n_blocks = Sums<T>::blocks(m);
    std::atomic<int64_t> next{0}, bad{-1};
    std::vector<Block<T>> blocks;
    for (int t = 0; t < team; ++t) blocks.emplace_back(shape, m, false);
    Tables<T> tables(shape);
    AtWork<T> parameters(shape, given);
    if (blocks[0].coded()) tables.take(parameters, 0, shape.n_units());
    const bool coded = blocks[0].coded();
    const int64_t n_numbers = shape.n_numbers();
    run_team(team, [](int) {}, [&](int t) {
        Block<T>& block = blocks[t];
        for (int64_t b; (b = next.fetch_add(1)) < n_blocks;) {
            if (t == 0 && b % 16 == 0) stop.poll();
            if (stop.requested()) return;
            const int64_t start = b * BLOCK_ROWS, here = std::min<int64_t>(BLOCK_ROWS, m - start);
            const Rows rows{nullptr, start};
            const int64_t n_panels = block.panels(here);
            const auto at = [&](int64_t p) { return start + p * L; };
            const auto copy = [&](const T* lines, int n, T* to, int64_t p) {
                const int64_t present = std::min<int64_t>(L, m - at(p));
                for (int k = 0; to && k < n; ++k)
                    if (present == L)
                        store_anywhere(to + k * m + at(p), load(lines + k * L));
                    else
                        store_some(to + k * m + at(p), load(lines + k * L), int(present));
            };
            for (int64_t p = 0; p < n_panels; ++p) {
                block.gather_X(from, rows, here, p);
                if (const int r = block.first_not_finite(p); r >= 0) lower(bad, at(p) + r);
            }
            coded ? block.layer().weighted_inputs(tables, 0, n_panels, false) : block.weighted_inputs(parameters, 0, n_panels);
            for (int64_t p = 0; p < n_panels && shape.n_h; ++p) {
                // Asks memory for a panel of the block that this member will probably take next.
                const char* ahead = reinterpret_cast<const char*>(from.X + std::min(m - 1, at(p) + team * BLOCK_ROWS) * n_numbers);
                for (size_t i = 0; i < L * n_numbers * sizeof(T); i += LINE_BYTES) __builtin_prefetch(ahead + i, 0, 2);
                if (wanted.Z1) copy(block.hidden(p), shape.n_h, wanted.Z1, p);
                block.activate_hidden(p, p + 1);
                if (wanted.A1) copy(block.hidden(p), shape.n_h, wanted.A1, p);
            }
            block.weighted_activations(parameters, tables, 0, n_panels);
            for (int64_t p = 0; p < n_panels; ++p) {
                block.activate_output(p);
                copy(block.Z2(p), shape.n_y, wanted.Z2, p);
                copy(block.A2(p), shape.n_y, wanted.A2, p);
            }
        }
    });
    return bad;
}

}  // namespace shoal
