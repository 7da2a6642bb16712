// Columns that are nearly all zeros and ones, without writing them out. A group of such
// columns comes from one column of a table; of each example one code, and for a number in a
// bin its place there, says what the whole group holds:
//
//   code c < bins         columns before c hold 1, column c holds the place, the others 0
//   bins ≤ c < columns    column c holds 1, the others 0      (a word; or a number's hole)
//   c = columns           all hold 0                          (a word without a column)
//
// So [1] W1 X is, for each example, a sum of columns of W1 and of their running sums, and [9]
// dW1 = dZ1 Xᵀ adds the example's dZ1 to what it was summed from. Lanes are units here, and
// stay apart; every sum goes over the groups, or over the examples, in their order. While the
// kernel works, the coded columns of W1 and of all that belongs to it (its gradient, an optimiser's
// state) lie behind the others, not by rows but as lines of units: `turn`.
// Twin: Coded.dense in src/shoal/data/examples.py writes the columns out.
#pragma once

#include <vector>

#include "memory.hpp"
#include "products.hpp"

namespace shoal {

struct Group {
    int columns, bins;
};

// A line of units, of which the last one may be short.
template <class T>
SHOAL_INLINE Line<T> load_units(const T* at, int units) {
    return units == LANES<T> ? load_anywhere(at) : load_some(at, units);
}

template <class T>
SHOAL_INLINE void store_units(T* at, const Line<T>& line, int units) {
    units == LANES<T> ? store_anywhere(at, line) : store_some(at, line, units);
}

// A matrix by rows, a row a unit, whose last columns are coded; and the same as the kernel works with
// it: the other columns by rows, then the coded ones, for each line of units column after column.
// From the first to the second, or `back`; L is the units of a line.
template <bool back, int L, class T>
void turn(int n_units, int n_x, int coded, const T* from, T* to) {
    const auto move = [&](int64_t by_rows, int64_t at_work) __attribute__((always_inline)) { back ? to[by_rows] = from[at_work] : to[at_work] = from[by_rows]; };
    const int others = n_x - coded;
    for (int64_t j = 0; j < n_units; ++j)
        for (int i = 0; i < others; ++i) move(j * n_x + i, j * others + i);
    for (int64_t first = 0; first < n_units; first += L) {
        const int64_t units = std::min<int64_t>(L, n_units - first), start = int64_t(n_units) * others + first * coded;
        for (int c = 0; c < coded; ++c)
            for (int u = 0; u < units; ++u) move((first + u) * n_x + others + c, start + c * units + u);
    }
}

// Where the columns of the groups lie in a table with a line for each: first of a bin the sum
// of the columns before it, then its own column; then the other columns, then a line of zeros.
class Coding {
  public:
    Coding() = default;
    explicit Coding(const std::vector<Group>& groups) : groups_(groups) {
        for (const Group& group : groups) {
            starts_.push_back(lines_), ends_.push_back(group.columns), bins_.push_back(group.bins);
            lines_ += group.columns + group.bins + 1;
            columns_ += group.columns;
            binned_ += group.bins > 0;
        }
    }

    int groups() const { return int(groups_.size()); }
    int binned() const { return binned_; }  // groups with bins: they come first
    int columns() const { return columns_; }
    int lines() const { return lines_ + 1; }  // behind each line there is another one
    const Group& operator[](int group) const { return groups_[group]; }

    // The table's line for each code of an example.
    void lines_of(const uint16_t* codes, uint32_t* line) const {
        const int32_t *start = starts_.data(), *end = ends_.data(), *bins = bins_.data();
        for (int g = 0, n = groups(); g < n; ++g) {
            const int32_t code = std::min<int32_t>(codes[g], end[g]);
            line[g] = uint32_t(start[g] + code + std::min(code, bins[g]));
        }
    }

    // The table's lines for some units, from their lines of the columns.
    template <class T>
    void spread(const T* column, int units, T* table) const {
        constexpr int L = LANES<T>;
        for (const Group& g : groups_) {
            auto before = broadcast(T(0));
            for (int c = 0; c < g.bins; ++c, column += units, table += 2 * L) {
                const auto own = load_units(column, units);
                store(table, before), store(table + L, own);
                before = before + own;
            }
            for (int c = g.bins; c < g.columns; ++c, column += units, table += L) store(table, load_units(column, units));
            store(table, broadcast(T(0)));
            table += L;
        }
        store(table, broadcast(T(0)));
    }

  private:
    std::vector<Group> groups_;
    std::vector<int32_t> starts_, ends_, bins_;
    int lines_ = 0, columns_ = 0, binned_ = 0;
};

constexpr int LINES_AT_ONCE = 4;  // of units, so that sums over examples do not wait for each other

// What one thread needs to work on coded columns.
template <class T>
struct Desk {
    static constexpr int L = LANES<T>, W = LINES_AT_ONCE;
    Buffer<T> slopes, zeros;
    Buffer<uint16_t> order;  // the examples of a group by their codes
    Buffer<int32_t> ends;    // where each code's examples end

    Desk() = default;
    Desk(const Coding& coding, int64_t rows) {
        if (!coding.groups()) return;
        slopes = Buffer<T>(rows * L * W);
        zeros = Buffer<T>(L);
        order = Buffer<uint16_t>(rows * coding.groups());
        ends = Buffer<int32_t>(coding.columns() + coding.groups());
    }
};

// The first layer's weights of the coded columns, as tables: one for each line of units.
template <class T>
class Tables {
  public:
    static constexpr int L = LANES<T>;

    Tables() = default;
    Tables(const Coding& coding, int n_units)
        : coding_(coding), n_units_(n_units), data_(int64_t(coding.lines()) * lines_of_units(n_units) * L) {}

    static int lines_of_units(int n_units) { return (n_units + L - 1) / L; }

    // Takes W's coded columns, which lie from `columns` on, for units first … last (whole lines of them).
    void take(const T* columns, int first, int last) {
        for (int i = first; i < last; i += L) coding_.spread(columns + int64_t(i) * coding_.columns(), std::min(L, n_units_ - i), data_ + start(i));
    }

    const T* of(int first_unit) const { return data_ + start(first_unit); }

  private:
    int64_t start(int first_unit) const { return int64_t(first_unit) * coding_.lines(); }

    Coding coding_;
    int n_units_ = 0;
    Buffer<T> data_;
};

// dZ of W lines of units: examples as rows.
template <int W, class T>
void turn_slopes(const T* dz, int64_t n_panels, int n_units, int first, Desk<T>& desk) {
    constexpr int L = LANES<T>;
    alignas(LINE_BYTES) T turned[L * L];
    const T* row[L];
    for (int64_t p = 0; p < n_panels; ++p, dz += int64_t(n_units) * L)
        for (int w = 0; w < W; ++w) {
            const int unit = first + w * L;
            for (int u = 0; u < L; ++u) row[u] = unit + u < n_units ? dz + (unit + u) * L : static_cast<const T*>(desk.zeros);
            transpose_rows(row, L, turned);
            for (int r = 0; r < L; ++r) store(desk.slopes + ((p * L + r) * W + w) * L, load(turned + r * L));
        }
}

// The codes of a block of examples.
template <class T>
class Codes {
  public:
    static constexpr int L = LANES<T>;

    Codes() = default;
    Codes(const Coding& coding, int n_units, int64_t n_panels)
        : coding_(coding), n_units_(n_units), codes_(n_panels * L * coding.groups()), lines_(n_panels * L * coding.groups()),
          places_(n_panels * L * coding.binned()), none_(coding.groups()) {
        for (int g = 0; g < coding.groups(); ++g) none_[g] = uint16_t(coding[g].columns);
    }

    // Example r of the block, from its codes and places; from null: all columns hold 0.
    void gather(int64_t r, const uint16_t* codes, const T* places) {
        const int n = coding_.groups(), binned = coding_.binned();
        uint16_t* code = codes_ + r * n;
        T* place = places_ + r * binned;
        for (int g = 0; g < n; ++g) code[g] = codes ? std::min(codes[g], none_[g]) : none_[g];
        for (int g = 0; g < binned; ++g) place[g] = code[g] < coding_[g].bins ? places[g] : T(0);
        coding_.lines_of(code, lines_ + r * n);
    }

    // [1] for the coded columns: adds them to panel p of Z, where `table` holds the weights of
    // units first, first + 1 …
    void add_to(T* z, int64_t p, int first, const T* table) const {
        constexpr int TOGETHER = 4;  // examples: their sums do not wait for each other
        alignas(LINE_BYTES) T sums[L * L], turned[L * L];
        const int n = coding_.groups(), binned = coding_.binned();
        for (int r = 0; r < L; r += TOGETHER) {
            Line<T> sum[TOGETHER];
            const uint32_t* line = lines_ + (p * L + r) * n;
            const T* place = places_ + (p * L + r) * binned;
            unrolled<TOGETHER>([&](auto k) { sum[k] = broadcast(T(0)); });
            for (int g = 0; g < binned; ++g)
                unrolled<TOGETHER>([&](auto k) __attribute__((always_inline)) {
                    const T* at = table + size_t(line[k * n + g]) * L;
                    sum[k] = fma(broadcast(place[k * binned + g]), load(at + L), sum[k] + load(at));
                });
            for (int g = binned; g < n; ++g)
                unrolled<TOGETHER>([&](auto k) __attribute__((always_inline)) { sum[k] = sum[k] + load(table + size_t(line[k * n + g]) * L); });
            unrolled<TOGETHER>([&](auto k) { store(sums + (r + k) * L, sum[k]); });
        }
        const T* row[L];
        for (int r = 0; r < L; ++r) row[r] = sums + r * L;
        transpose_rows(row, L, turned);
        for (int u = 0; u < std::min(L, n_units_ - first); ++u) store(z + (first + u) * L, load(z + (first + u) * L) + load(turned + u * L));
    }

    // [9] for the coded columns, which lie from dW on: units first … last (whole lines of them),
    // from all panels of dZ. Each column adds its own examples, in their order.
    void gradients(const T* dz, int64_t n_panels, int first, int last, T* dW, Desk<T>& desk) const {
        sort(n_panels * L, desk);
        in_tiles<LINES_AT_ONCE>(first / L, (last + L - 1) / L, [&](auto W, int line) { gradients_of_lines<W>(dz, n_panels, line * L, dW, desk); });
    }

  private:
    // Counting: the examples of each group in the order of their codes.
    void sort(int64_t rows, Desk<T>& desk) const {
        const int n = coding_.groups();
        int32_t* end = desk.ends;
        uint16_t* order = desk.order;
        for (int g = 0; g < n; ++g, order += rows) {
            const int codes = coding_[g].columns + 1;
            std::fill(end, end + codes, 0);
            for (int64_t r = 0; r < rows; ++r) ++end[codes_[r * n + g]];
            for (int c = 1; c < codes; ++c) end[c] += end[c - 1];
            for (int64_t r = rows; r-- > 0;) order[--end[codes_[r * n + g]]] = uint16_t(r);
            for (int c = 0; c + 1 < codes; ++c) end[c] = end[c + 1];
            end[codes - 1] = int32_t(rows);
            end += codes;
        }
    }

    template <int W>
    void gradients_of_lines(const T* dz, int64_t n_panels, int first, T* dW, Desk<T>& desk) const {
        const int n = coding_.groups(), binned = coding_.binned(), n_columns = coding_.columns();
        const int last_units = std::min(L, n_units_ - first - (W - 1) * L);  // of the last of these lines
        const int64_t rows = n_panels * L;
        turn_slopes<W>(dz, n_panels, n_units_, first, desk);
        const T* slopes = desk.slopes;
        dW += int64_t(first) * n_columns;
        const uint16_t* order = desk.order;
        const int32_t* ends = desk.ends;
        int before = 0;  // columns of the groups before
        for (int g = 0; g < n; ++g, order += rows) {
            const auto [columns, bins] = coding_[g];
            Line<T> later[W];  // what the bins behind received belongs to every column before them
            unrolled<W>([&](auto w) { later[w] = broadcast(T(0)); });
            for (int c = columns - 1; c >= 0; --c) {
                Line<T> ones[W], parts[W];
                unrolled<W>([&](auto w) { ones[w] = parts[w] = broadcast(T(0)); });
                const int begin = c ? ends[c - 1] : 0;
                if (c < bins)
                    for (int i = begin; i < ends[c]; ++i) {
                        const T* d = slopes + order[i] * (W * L);
                        const auto place = broadcast(places_[order[i] * binned + g]);
                        unrolled<W>([&](auto w) __attribute__((always_inline)) {
                            const auto slope = load(d + w * L);
                            ones[w] = ones[w] + slope, parts[w] = fma(place, slope, parts[w]);
                        });
                    }
                else
                    for (int i = begin; i < ends[c]; ++i) {
                        const T* d = slopes + order[i] * (W * L);
                        unrolled<W>([&](auto w) __attribute__((always_inline)) { ones[w] = ones[w] + load(d + w * L); });
                    }
                unrolled<W>([&](auto w) __attribute__((always_inline)) {
                    const int units = w + 1 < W ? L : last_units;
                    store_units(dW + int64_t(w) * n_columns * L + (before + c) * units, c < bins ? parts[w] + later[w] : ones[w], units);
                    if (c < bins) later[w] = later[w] + ones[w];
                });
            }
            before += columns, ends += columns + 1;
        }
    }

    Coding coding_;
    int n_units_ = 0;
    Buffer<uint16_t> codes_;  // of each example and group
    Buffer<uint32_t> lines_;  // and where its line is in a table
    Buffer<T> places_;
    Buffer<uint16_t> none_;
};

}  // namespace shoal
