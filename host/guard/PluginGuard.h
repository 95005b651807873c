// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "observe/Metrics.h"
#include "wasmproxy/oci/Error.h"

#include <chrono>
#include <string>

namespace wasmproxy::host {

/// Stands around every call into one plugin instance, so that the rest of the host needs no try/catch for plugins: it
/// times and counts the call, and whatever is thrown that is not an Error leaves as Error{PluginFault} with the
/// instance's name. Thread-safe.
class PluginGuard {
public:
    PluginGuard(std::string instance, Metrics& metrics) : _instance(std::move(instance)), _metrics(metrics) {}

    template <class Call>
    auto run(const char* method, Call&& call) const {
        const Timer timer{*this, method, std::chrono::steady_clock::now()};
        try {
            return call();
        } catch (const Error&) {
            timer.failed = true;
            throw;
        } catch (const std::exception& error) {
            timer.failed = true;
            throw Error(ErrorCode::PluginFault, _instance + " " + method + " threw: " + error.what());
        } catch (...) {
            timer.failed = true;
            throw Error(ErrorCode::PluginFault,
                        _instance + " " + method + " threw something that is no std::exception");
        }
    }
    /// For what is called too often to be timed: a body's chunks.
    template <class Call>
    auto quick(const char* method, Call&& call) const {
        try {
            return call();
        } catch (const Error&) {
            throw;
        } catch (const std::exception& error) {
            throw Error(ErrorCode::PluginFault, _instance + " " + method + " threw: " + error.what());
        } catch (...) {
            throw Error(ErrorCode::PluginFault,
                        _instance + " " + method + " threw something that is no std::exception");
        }
    }
    const std::string& instance() const noexcept { return _instance; }

private:
    struct Timer {
        const PluginGuard& guard;
        const char* method;
        std::chrono::steady_clock::time_point begun;
        mutable bool failed = false;
        ~Timer() {
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
            guard._metrics.pluginCall(guard._instance, method, took.count(), failed);
        }
    };

    std::string _instance;
    Metrics& _metrics;
};

} // namespace wasmproxy::host
