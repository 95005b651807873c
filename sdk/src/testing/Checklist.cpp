// SPDX-License-Identifier: Apache-2.0
#include "Checklist.h"

#include "wasmproxy/oci/Error.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace wasmproxy::testing {

bool Checklist::check(const std::string& name, const std::function<void()>& body) {
    Finding finding{name, false, {}};
    try {
        body();
        finding.passed = true;
    } catch (const Broken& broken) {
        finding.detail = broken.what();
    } catch (const Error& error) {
        finding.detail = std::string("it threw Error{") + traitsOf(error.code()).name + "}: " + error.what();
    } catch (const std::exception& error) {
        finding.detail = std::string("it threw something that is not an Error: ") + error.what();
    } catch (...) {
        finding.detail = "it threw something that is not even a std::exception";
    }
    if (_redact) finding.detail = _redact(finding.detail);
    _findings.push_back(finding);
    return finding.passed;
}

void Checklist::require(bool condition, const std::string& expected) {
    if (!condition) throw Broken("expected: " + expected);
}

void inParallel(std::size_t count, const std::function<void(std::size_t)>& body) {
    std::mutex mutex;
    std::condition_variable started;
    std::size_t ready = 0;
    std::exception_ptr failure;
    std::vector<std::thread> threads;
    threads.reserve(count);
    const auto run = [&](std::size_t i) {
        try {
            {
                std::unique_lock<std::mutex> lock(mutex);
                ++ready;
                started.notify_all();
                started.wait(lock, [&] { return ready >= count; });
            }
            body(i);
        } catch (...) {
            const std::lock_guard<std::mutex> guard(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    try {
        for (std::size_t i = 0; i < count; ++i)
            threads.emplace_back(run, i);
    } catch (...) { // no more threads: those that run must not wait for the rest
        const std::lock_guard<std::mutex> guard(mutex);
        failure = std::current_exception();
        ready = count;
        started.notify_all();
    }
    for (std::thread& thread : threads)
        thread.join();
    if (failure) std::rethrow_exception(failure);
}

} // namespace wasmproxy::testing
