// A team of threads that work on one thing, and the way to stop it.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace shoal {

// Waits until all of a team have arrived. Short waits spin: a step takes microseconds.
class Barrier {
  public:
    explicit Barrier(int n) : n_(n) {}

    void wait() {
        if (n_ == 1) return;
        const int phase = phase_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.store(phase + 1, std::memory_order_release);
            phase_.notify_all();
            return;
        }
        for (int spin = 0; spin < 2000; ++spin) {  // some 20 to 50 µs, then sleep
            if (phase_.load(std::memory_order_acquire) != phase) return;
#if defined(__x86_64__)
            _mm_pause();
#endif
        }
        phase_.wait(phase, std::memory_order_acquire);
    }

  private:
    const int n_;
    std::atomic<int> arrived_{0}, phase_{0};
};

// Runs f(0) … f(n - 1), each on a thread of its own; the caller's thread is number 0.
template <class F>
void run_team(int n, F&& f) {
    std::vector<std::thread> others;
    others.reserve(n - 1);
    for (int t = 1; t < n; ++t) others.emplace_back([&f, t] { f(t); });
    f(0);
    for (auto& thread : others) thread.join();
}

// The part of 0 … n that belongs to member t of a team.
struct Share {
    int64_t first, last;
    Share(int64_t n, int t, int team) : first(n * t / team), last(n * (t + 1) / team) {}
};

// Whether a long call should end: another thread may say so through the flag, or a signal,
// for which `look` is called. One Stop belongs to one call and to the thread that made it.
class Stop {
  public:
    using Look = bool (*)(void*);  // true when the call should end
    static constexpr std::chrono::milliseconds EVERY{50};

    explicit Stop(std::atomic<bool>& flag, Look look = nullptr, void* context = nullptr)
        : flag_(flag), look_(look), context_(context) {}

    bool requested() const { return flag_.load(std::memory_order_relaxed); }

    // For the calling thread alone, as often as it likes: looks at most every 50 ms.
    bool poll() {
        const auto now = std::chrono::steady_clock::now();
        if (look_ && now - looked_ >= EVERY) {
            looked_ = now;
            if (look_(context_)) flag_.store(true, std::memory_order_relaxed);
        }
        return requested();
    }

  private:
    std::atomic<bool>& flag_;
    Look look_;
    void* context_;
    std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
};

}  // namespace shoal
