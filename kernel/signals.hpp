// How a call from Python is interrupted: by another thread, or by a signal.
#pragma once

#include <nanobind/nanobind.h>

#include "threads.hpp"

namespace shoal {

namespace nb = nanobind;

// A flag that any thread may raise, and the exception of the signal that raised it.
struct StopFlag {
    std::atomic<bool> raised{false};
    nb::object exception = nb::none();
};

inline bool look_for_signals(void* context) {
    nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return false;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    static_cast<StopFlag*>(context)->exception = nb::steal(value ? value : Py_NewRef(Py_None));
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return true;
}

inline Stop stop_of(StopFlag& flag) { return Stop(flag.raised, look_for_signals, &flag); }

}  // namespace shoal
