// A team of threads that share one piece of work, and how to stop it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <system_error>
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
        const int n = n_;  // read before it counts as arrived: after that others may continue, and change it
        if (n == 1) return;
        const int phase = phase_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.store(phase + 1, std::memory_order_release);
            phase_.notify_all();
            return;
        }
        for (int spin = 0; spin < 200; ++spin) {  // some 3 to 10 µs
            if (phase_.load(std::memory_order_acquire) != phase) return;
#if defined(__x86_64__)
            _mm_pause();
#elif defined(__aarch64__)
            asm volatile("isb");  // takes about as long; its own `yield` takes no time
#endif
        }
        // The member that is waited for may need this processor, so it is yielded for a millisecond; then sleep.
        const auto began = Clock::now();
        while (phase_.load(std::memory_order_acquire) == phase && Clock::now() - began < std::chrono::milliseconds(1)) std::this_thread::yield();
        phase_.wait(phase, std::memory_order_acquire);
        idle_.fetch_add((Clock::now() - began).count(), std::memory_order_relaxed);
    }

    // Whether a barrier takes long: two threads on neighbouring processors took 30 to 60 ns, on processors of two
    // chiplets 160 to 220, on one and the same 6,000 (AMD EPYC, Zen 5). All members call it together; if so, they
    // may be called again after twenty times as long as it took, and no less than a twentieth of a second.
    bool far(int t) {
        const auto began = Clock::now();
        wait();  // all are there
        far_after(t, 4, std::chrono::microseconds(10), began);  // a few are enough to notice an overloaded processor
        return far_ || far_after(t, 32, n_ * std::chrono::nanoseconds(70), began);
    }

    // For a team that shrinks or grows: to be called while no member waits, or will before it knows.
    void set_team(int n) { n_ = n, idle_ = 0, asked_ = Clock::now(); }

    // Whether in the last tenth of a second the members have waited here, longer than they spin, for more than a
    // third of the time: other programs use the processors, and one member alone is faster. (A shorter look would
    // be misled by BLAS, whose threads spin for a while after a product.) One member calls it.
    bool crowded() {
        const auto now = Clock::now();
        const auto passed = now - asked_;
        if (passed < std::chrono::milliseconds(100)) return false;
        asked_ = now, alone_until_ = now + 20 * passed;
        return 3 * idle_.exchange(0, std::memory_order_relaxed) > n_ * passed.count();
    }

    // Whether the processors may be free again: after twenty times as long as was needed to notice the load.
    bool may_be_free() const { return Clock::now() > alone_until_; }

  private:
    using Clock = std::chrono::steady_clock;

    // Whether that many barriers take longer than `most` each.
    bool far_after(int t, int meetings, Clock::duration most, Clock::time_point asked) {
        const auto began = Clock::now();
        for (int i = 0; i < meetings; ++i) wait();
        if (t == 0) {
            const auto now = Clock::now();
            far_ = now - began > meetings * most;
            if (far_) alone_until_ = now + std::max<Clock::duration>(std::chrono::milliseconds(50), 20 * (now - asked));
        }
        wait();
        return far_;
    }

    int n_;
    bool far_ = false;
    std::atomic<int> arrived_{0}, phase_{0};
    std::atomic<int64_t> idle_{0};  // of all members, in the clock's units
    Clock::time_point asked_ = Clock::now(), alone_until_ = asked_;
};

// Runs f(0) … f(n - 1), each on a thread of its own; the caller's thread is number 0. If the system refuses a
// thread, or has no memory for one, those that were started do the work: set_team gets their number before
// the first begins. Neither f nor set_team may throw.
template <class G, class F>
void run_team(int n, G&& set_team, F&& f) {
    std::vector<std::thread> others;
    std::atomic<bool> begun{false};
    try {
        others.reserve(n - 1);
        for (int t = 1; t < n; ++t)
            others.emplace_back([&f, &begun, t] {
                begun.wait(false);
                f(t);
            });
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
    set_team(int(others.size()) + 1);
    begun = true;
    begun.notify_all();
    f(0);
    for (auto& thread : others) thread.join();
}

// The part of 0 … n that belongs to member t of a team.
struct Share {
    int64_t first, last;
    Share(int64_t n, int t, int team) : first(n * t / team), last(n * (t + 1) / team) {}
};

// Whether a long call should end: another thread may raise the flag, or a signal may have come, for which
// `look` is called. One Stop belongs to one call and to the thread that made it.
class Stop {
  public:
    using Look = bool (*)(void*);  // true when the call should end
    static constexpr std::chrono::milliseconds EVERY{50};

    explicit Stop(std::atomic<bool>& flag, Look look = nullptr, void* context = nullptr)
        : flag_(flag), look_(look), context_(context) {}

    bool requested() const { return flag_.load(std::memory_order_relaxed); }

    // Only for the thread that made the call, as often as wanted: looks at most every 50 ms.
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
