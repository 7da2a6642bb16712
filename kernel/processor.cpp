// What this processor can run, found out without executing an instruction that it may lack.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

namespace nb = nanobind;

static std::vector<std::string> builds() {
    std::vector<std::string> names;  // the best first
#if defined(__x86_64__)
    __builtin_cpu_init();
    const auto has = [](int answer) { return answer != 0; };
    const bool v3 = has(__builtin_cpu_supports("avx2")) && has(__builtin_cpu_supports("fma")) &&
                    has(__builtin_cpu_supports("bmi")) && has(__builtin_cpu_supports("bmi2"));
    const bool v4 = v3 && has(__builtin_cpu_supports("avx512f")) && has(__builtin_cpu_supports("avx512bw")) &&
                    has(__builtin_cpu_supports("avx512cd")) && has(__builtin_cpu_supports("avx512dq")) &&
                    has(__builtin_cpu_supports("avx512vl"));
    if (v4) names.push_back("avx512");
    if (v3) names.push_back("avx2");
#elif defined(__aarch64__)
    names.push_back("neon");
#endif
    return names;
}

NB_MODULE(_processor, m) {
    m.doc() = "Which builds of the kernel this processor can run.";
    m.def("builds", &builds, "Names of the builds that run here, the fastest first.");
}
