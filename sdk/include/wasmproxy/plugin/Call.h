// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Trace.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

namespace wasmproxy {

/// One piece of work on behalf of a request: first argument of every plugin call. Owned by the caller, used by one
/// thread at a time, valid until the call (and what it returned: readers, ingests) has ended.
class Call {
public:
    using Clock = std::chrono::steady_clock;

    /// `cancelled` may be null; once true the Call counts as expired. It outlives the Call.
    Call(std::string requestId, Clock::time_point deadline, const std::atomic<bool>* cancelled = nullptr,
         Trace trace = {})
        : _requestId(std::move(requestId)), _deadline(deadline), _cancelled(cancelled), _trace(std::move(trace)) {}

    const std::string& requestId() const noexcept { return _requestId; }
    /// The trace that the request belongs to; empty: none. HttpTransport passes it on with every request of this Call.
    const Trace& trace() const noexcept { return _trace; }
    Clock::time_point deadline() const noexcept { return _deadline; }
    /// Past its deadline, or the host is shutting down. Whoever waits long looks at this at least every 200 ms.
    bool expired() const noexcept { return cancelled() || Clock::now() >= _deadline; }
    bool cancelled() const noexcept { return _cancelled != nullptr && _cancelled->load(std::memory_order_relaxed); }
    /// Never negative; zero once expired.
    std::chrono::milliseconds remaining() const noexcept {
        if (cancelled()) return std::chrono::milliseconds(0);
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(_deadline - Clock::now());
        return left.count() > 0 ? left : std::chrono::milliseconds(0);
    }
    /// A part of this work that may take no longer than `time`; ends with this Call, too.
    Call within(std::chrono::milliseconds time) const {
        return Call(_requestId, std::min(_deadline, Clock::now() + time), _cancelled, _trace);
    }
    /// Throws Error{DeadlineExceeded} once the deadline has passed. `doing` completes "while …".
    void check(const char* doing) const {
        if (cancelled()) throw Error(ErrorCode::DeadlineExceeded, std::string("shut down while ") + doing);
        if (expired()) throw Error(ErrorCode::DeadlineExceeded, std::string("deadline passed while ") + doing);
    }

private:
    std::string _requestId;
    Clock::time_point _deadline;
    const std::atomic<bool>* _cancelled;
    Trace _trace;
};

} // namespace wasmproxy
