// The shape of a network, and its examples.
#pragma once

#include <vector>

#include "codes.hpp"
#include "sparse.hpp"

namespace shoal {

// clang-format off
enum class Activation { tanh, relu, leaky_relu, sigmoid, identity };
enum class Output { sigmoid, softmax, identity, poisson };
// clang-format on

struct Shape {
    int n_x, n_h, n_y;
    Activation g;
    Output sigma;
    std::vector<Group> groups{};  // of coded columns, the last ones of n_x
    int entries = 0;  // of a sparse row, about; then all columns are one group, and given as Entries

    int n_coded() const {
        int n = 0;
        for (const Group& group : groups) n += group.columns;
        return n;
    }
    int n_in() const { return n_h ? n_h : n_x; }     // what the output layer sees
    int n_units() const { return n_h ? n_h : n_y; }  // what the first layer computes
    // All parameters lie in one vector: W1 by rows, b1, W2 by rows, b2.
    int64_t W1() const { return 0; }
    int64_t b1() const { return int64_t(n_h) * n_x; }
    int64_t W2() const { return b1() + n_h; }
    int64_t b2() const { return W2() + int64_t(n_y) * n_in(); }
    int64_t size() const { return b2() + n_y; }
    int64_t first_layer() const { return n_h ? W1() : W2(); }  // the matrix that sees X
    int64_t first_biases() const { return n_h ? b1() : b2(); }
    int n_numbers() const { return n_x - n_coded(); }
    template <class T>
    int lines_of_units() const { return (n_units() + LANES<T> - 1) / LANES<T>; }
};

// The matrix that sees X by rows, a row a unit; and the same as lines of units, column after column.
// From the first to the second, or `back`; L is the units of a line.
template <bool back, int L, class T>
void turn(int n_units, int n_x, const T* from, T* to) {
    for (int64_t first = 0; first < n_units; first += L) {
        const int64_t units = std::min<int64_t>(L, n_units - first), start = first * n_x;
        if constexpr (L == LANES<T>)
            if (units == L) {
                if constexpr (back) {
                    T* row[L];
                    for (int u = 0; u < L; ++u) row[u] = to + (first + u) * n_x;
                    transpose_rows<true>(row, n_x, from + start);
                } else {
                    const T* row[L];
                    for (int u = 0; u < L; ++u) row[u] = from + (first + u) * n_x;
                    transpose_rows(row, n_x, to + start);
                }
                continue;
            }
        for (int i = 0; i < n_x; ++i)
            for (int u = 0; u < units; ++u) {
                const int64_t by_rows = (first + u) * n_x + i, by_lines = start + i * units + u;
                back ? to[by_rows] = from[by_lines] : to[by_lines] = from[by_rows];
            }
    }
}

// Parameters, a gradient or an optimiser's state in the kernel's layout: with coded columns the matrix that
// sees X is turned, in a copy. The destructor writes the values back to what was given.
template <class T>
class KernelLayout {
  public:
    KernelLayout(const Shape& shape, T* given) : shape_(shape), given_(given), at_(given) { begin(given); }
    KernelLayout(const Shape& shape, const T* given) : shape_(shape), at_(const_cast<T*>(given)) { begin(given); }
    ~KernelLayout() {
        if (turned_ && given_) move<true>(turned_, given_);
    }
    KernelLayout(const KernelLayout&) = delete;
    operator T*() { return at_; }
    operator const T*() const { return at_; }

  private:
    void begin(const T* given) {
        if (shape_.groups.empty()) return;
        turned_ = Buffer<T>(shape_.size());
        move<false>(given, turned_);
        at_ = turned_;
    }

    template <bool back>
    void move(const T* from, T* to) const {
        const int64_t start = shape_.first_layer(), end = start + int64_t(shape_.n_units()) * shape_.n_x;
        std::copy(from, from + start, to), std::copy(from + end, from + shape_.size(), to + end);
        turn<back, LANES<T>>(shape_.n_units(), shape_.n_x, from + start, to + start);
    }

    Shape shape_;
    T *given_ = nullptr, *at_;
    Buffer<T> turned_;
};

template <class T>
struct Examples {  // as Python holds them: one row is one example
    const T* X;             // (rows, n_x), but for the coded columns
    const T* Y;             // (rows, n_y), or null when there are labels
    const int32_t* labels;  // (rows,), the class of each; or null
    const T* weights;       // (rows,), or null: all 1
    const uint16_t* codes = nullptr;  // (rows, groups)
    const T* places = nullptr;        // (rows, groups with bins): in their bins
    Entries<T> entries{};             // in place of all columns
};

struct Rows {  // which rows of the examples, in which order
    const uint32_t* index;  // or null: consecutive
    int64_t first;
    int64_t operator[](int64_t i) const { return index ? index[first + i] : first + i; }
};
}  // namespace shoal
