// The codes of a block of examples: [1] and [9] for the columns that they stand for (see coding.hpp).
#pragma once

#include <bit>

#include "coding.hpp"
#include "products.hpp"

namespace shoal {

// The examples of a block in the order of their codes, as one thread needs them. A code's examples
// are added four at a time; a run of four is filled up with the empty example, whatever its place, and every code has one.
template <class T>
struct Sorted {
    static constexpr int RUN = 4;

    Buffer<uint16_t> examples;  // RUN of each run: where the line of each begins, in bytes
    Buffer<T> places;           // theirs, in groups with bins
    Buffer<T> goes_on;          // of each run: 0 for the first one of a code, else 1
    Buffer<uint32_t> codes;     // of each run: where the code's line begins, in bytes
    Buffer<int32_t> next;       // where the next example of a code goes, by the table's lines
    Buffer<int32_t> begins;     // of each group: its first run, the first after its bins, the first without a column
    Buffer<T> in_bins, dW;      // a line for each bin of a group, and for each column of all

    Sorted() = default;
    Sorted(const Coding& coding, int64_t rows) {
        if (!coding.groups()) return;
        const int64_t runs = rows * coding.groups() / RUN + coding.columns() + coding.groups();
        examples = Buffer<uint16_t>(runs * RUN);
        places = Buffer<T>(runs * RUN);
        goes_on = Buffer<T>(runs);
        codes = Buffer<uint32_t>(runs);
        next = Buffer<int32_t>(coding.lines());
        begins = Buffer<int32_t>(3 * coding.groups());
        int bins = 0;
        for (int g = 0; g < coding.groups(); ++g) bins = std::max(bins, coding[g].bins);
        in_bins = Buffer<T>(bins * LANES<T>), dW = Buffer<T>(coding.columns() * LANES<T>);
    }
};

// The codes of a block of examples. Four examples lie together: of each group four codes, then of the next.
template <class T>
class Codes {
  public:
    static constexpr int L = LANES<T>, TOGETHER = 4;

    Codes() = default;
    Codes(const Coding& coding, int64_t rows)  // whole panels of them
        : coding_(coding), rows_(rows), numbers_(rows * coding.numbers()), lines_(rows * coding.groups()), places_(rows * coding.binned()) {}

    // Example r of the block, from its numbers, codes and places; from null: it is empty.
    void gather(int64_t r, const T* numbers, const uint16_t* codes, const T* places) {
        const int binned = coding_.binned();
        T *number = numbers_ + r * coding_.numbers(), *place = places_ + first_of(r, binned);
        for (int i = 0; i < coding_.numbers(); ++i) number[i] = numbers ? numbers[i] : T(0);
        for (int g = 0; g < binned; ++g) place[g * TOGETHER] = codes && codes[g] < coding_[g].bins ? places[g] : T(0);
        coding_.lines_of(codes, lines_ + first_of(r, coding_.groups()), TOGETHER);
    }

    // The same column by column: number i, or the codes or places of group g, of m examples from r on, which
    // begin four together; what the four after the last hold may be anything.
    void numbers(int i, int64_t r, int64_t m, const T* values) {
        T* number = numbers_ + r * coding_.numbers() + i;
        for (int64_t k = 0; k < m; ++k) number[k * coding_.numbers()] = values[k];
    }
    void put(int g, int64_t r, int64_t m, const int32_t* codes) {
        const int32_t start = coding_.line_of(g, 0), bins = coding_[g].bins;
        in_fours(m, lines_ + r * coding_.groups() + g * TOGETHER, coding_.groups(), codes, [=](int32_t code) { return LINE_BYTES * uint32_t(start + code + std::min(code, bins)); });
    }
    void put_places(int g, int64_t r, int64_t m, const T* places) {
        in_fours(m, places_ + r * coding_.binned() + g * TOGETHER, coding_.binned(), places, [](T place) { return place; });
    }

    // [1] for V lines of units, of whom `table` holds the weights, `table_apart` numbers from one line to the next: Z of four
    // examples from r on, as far as the groups of one span add to it, and after the last span g of it.
    template <int V, class G>
    void weighted_inputs(const T* table, int64_t table_apart, int span, int64_t r, T* a, int64_t a_apart, const G& g) const {
        const int n = coding_.groups(), binned = coding_.binned(), n_numbers = coding_.numbers();
        const int first = coding_.span(span), last = coding_.span(span + 1), last_binned = std::min(last, binned);
        const uint32_t* line = lines_ + r * n + first * TOGETHER;
        const T* place = places_ + r * binned + first * TOGETHER;
        Line<T> sum[TOGETHER * V];  // they do not wait for each other
        const auto each = [&](auto&& f) __attribute__((always_inline)) {
            unrolled<TOGETHER>([&](auto k) __attribute__((always_inline)) {
                unrolled<V>([&](auto v) __attribute__((always_inline)) { f(k, v, sum[k * V + v]); });
            });
        };
        if (first == 0) {
            each([&](auto, auto v, Line<T>& own) __attribute__((always_inline)) { own = load(table + v * table_apart); });
            accumulate<TOGETHER, V>(sum, numbers_ + r * n_numbers, {n_numbers, 0, 1}, 1, n_numbers, table + L, table_apart);
        } else
            each([&](auto k, auto v, Line<T>& own) __attribute__((always_inline)) { own = load(a + v * a_apart + k * L); });
        int i = first;
        for (; i < last_binned; ++i, line += TOGETHER, place += TOGETHER)
            each([&](auto k, auto v, Line<T>& own) __attribute__((always_inline)) {
                const T* at = offset(table, line[k]) + v * table_apart;
                own = fma(broadcast(place[k]), load(at + L), own + load(at));
            });
        for (; i < last; ++i, line += TOGETHER)
            each([&](auto k, auto v, Line<T>& own) __attribute__((always_inline)) { own = own + load(offset(table, line[k]) + v * table_apart); });
        if (last == n)
            each([&](auto k, auto v, Line<T>& own) __attribute__((always_inline)) { store(a + v * a_apart + k * L, g(own)); });
        else
            each([&](auto k, auto v, Line<T>& own) __attribute__((always_inline)) { store(a + v * a_apart + k * L, own); });
    }

    // Counting: examples in the order of their codes, and in their own. A few groups at a time, so that what they need stays in
    // the first cache; not one alone, as examples of the same code wait for each other.
    void sort(int64_t rows, Sorted<T>& sorted) const {
        for (int first = 0, run = 0; first < coding_.groups(); first += TOGETHER) run = sort(rows, first, std::min(coding_.groups(), first + TOGETHER), run, sorted);
    }

    // [9] for the coded columns and one line of units, of which dZ holds all examples and a line of
    // zeros for the empty one: to `dW`, a line a column. Nothing depends on how long a code's runs are, so no
    // jump is mispredicted. (A sum that is not finite makes those after it so, too; then the training has diverged.)
    void gradients(const T* dz, Sorted<T>& sorted, T* dW) const {
        constexpr int RUN = Sorted<T>::RUN;
        const int32_t* begin = sorted.begins;
        const uint32_t* code = sorted.codes;
        const T* goes_on = sorted.goes_on;
        T* in_bins = sorted.in_bins;
        for (int g = 0; g < coding_.groups(); dW += coding_[g++].columns * L, begin += 3) {
            auto ones = broadcast(T(0)), parts = ones;
            const uint16_t* example = sorted.examples + begin[0] * RUN;
            uint64_t four;  // one load for four, as the time of a run is that of its loads
            static_assert(sizeof four == RUN * sizeof *example && std::endian::native == std::endian::little);
            const auto slope = [&](int k) __attribute__((always_inline)) { return load(offset(dz, uint16_t(four >> 16 * k))); };
            const T* place = sorted.places + begin[0] * RUN;
            for (int run = begin[0]; run < begin[1]; ++run, example += RUN, place += RUN) {
                std::memcpy(&four, example, sizeof four);
                const auto d0 = slope(0), d1 = slope(1), d2 = slope(2), d3 = slope(3), same = broadcast(goes_on[run]);
                ones = fma(same, ones, (d0 + d1) + (d2 + d3));
                parts = fma(same, parts, fma(broadcast(place[0]), d0, broadcast(place[1]) * d1) + fma(broadcast(place[2]), d2, broadcast(place[3]) * d3));
                store(offset(in_bins, code[run]), ones), store(offset(dW, code[run]), parts);
            }
            auto later = broadcast(T(0));  // the sum of the later bins belongs to every column before them
            for (int c = coding_[g].bins - 1; c >= 0; --c) {
                store(dW + c * L, load(dW + c * L) + later);
                later = later + load(in_bins + c * L);
            }
            for (int run = begin[1]; run < begin[2]; ++run, example += RUN) {
                std::memcpy(&four, example, sizeof four);
                ones = fma(broadcast(goes_on[run]), ones, (slope(0) + slope(1)) + (slope(2) + slope(3)));
                store(offset(dW, code[run]), ones);
            }
        }
    }

    const T* numbers(int64_t r) const { return numbers_ + r * coding_.numbers(); }

  private:
    // The same of groups first … last, whose first run is given; returns the run after their last.
    int sort(int64_t rows, int first, int last, int run, Sorted<T>& sorted) const {
        constexpr int RUN = Sorted<T>::RUN;
        const int n = coding_.groups(), binned = coding_.binned(), before = run;
        int32_t *next = sorted.next, *begin = sorted.begins + 3 * first;
        std::fill(next + coding_.line_of(first, 0), next + coding_.line_of(last - 1, coding_[last - 1].columns) + 1, 0);
        for (int64_t r = 0; r < rows; r += TOGETHER)
            for (int64_t i = r * n + first * TOGETHER; i < r * n + last * TOGETHER; ++i) ++next[lines_[i] / LINE_BYTES];
        for (int g = first; g < last; ++g, begin += 3) {
            const auto [columns, bins] = coding_[g];
            begin[0] = run;
            for (int c = 0; c <= columns; ++c) {
                if (c == bins) begin[1] = run;
                if (c == columns) begin[2] = run;
                int32_t& at = next[coding_.line_of(g, c)];
                const int runs = std::max(1, (at + RUN - 1) / RUN);
                at = run * RUN;
                for (int k = 0; k < runs; ++k, ++run) sorted.codes[run] = c * LINE_BYTES, sorted.goes_on[run] = k > 0;
            }
        }
        uint16_t* example = sorted.examples;
        T* places = sorted.places;
        std::fill(example + before * RUN, example + run * RUN, uint16_t(rows_ * LINE_BYTES));
        const int middle = std::clamp(binned, first, last);
        for (int64_t r = 0; r < rows; r += TOGETHER) {
            const uint32_t* line = lines_ + r * n + first * TOGETHER;
            const T* place = places_ + r * binned + std::min(first, binned) * TOGETHER;
            const auto put = [&](int k) __attribute__((always_inline)) {
                const int32_t at = next[line[k] / LINE_BYTES]++;
                example[at] = uint16_t((r + k) * LINE_BYTES);
                return at;
            };
            for (int g = first; g < middle; ++g, line += TOGETHER, place += TOGETHER) unrolled<TOGETHER>([&](auto k) { places[put(k)] = place[k]; });
            for (int g = middle; g < last; ++g, line += TOGETHER) unrolled<TOGETHER>([&](auto k) { put(k); });
        }
        return run;
    }

    // f of m values, four to four: those of the next four come n fours later.
    template <class N, class V, class F>
    static void in_fours(int64_t m, N* to, int n, const V* values, F&& f) {
        for (int64_t k = 0; k < m; k += TOGETHER, to += TOGETHER * n) {
            N four[TOGETHER];
            unrolled<TOGETHER>([&](auto one) { four[one] = f(values[k + one]); });
            std::memcpy(to, four, sizeof four);
        }
    }

    // Where the first of an example's n codes, or places, is.
    static int64_t first_of(int64_t r, int n) { return r / TOGETHER * TOGETHER * n + r % TOGETHER; }

    Coding coding_;
    int64_t rows_ = 0;
    Buffer<T> numbers_;
    Buffer<uint32_t> lines_;  // of a table: where they begin, in bytes
    Buffer<T> places_;
};

}  // namespace shoal
