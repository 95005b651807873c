// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <chrono>
#include <string>

namespace wasmproxy {

/// One piece of work on behalf of a request: first argument of every plugin call. Owned by the caller, used by one
/// thread at a time, valid until the call (and what it returned: readers, ingests) has ended.
class Call {
public:
    using Clock = std::chrono::steady_clock;

    Call(std::string requestId, Clock::time_point deadline) : _requestId(std::move(requestId)), _deadline(deadline) {}

    const std::string& requestId() const noexcept { return _requestId; }
    Clock::time_point deadline() const noexcept { return _deadline; }
    bool expired() const noexcept { return Clock::now() >= _deadline; }
    /// Never negative.
    std::chrono::milliseconds remaining() const noexcept {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(_deadline - Clock::now());
        return left.count() > 0 ? left : std::chrono::milliseconds(0);
    }
    /// Throws Error{DeadlineExceeded} once the deadline has passed. `doing` completes "while …".
    void check(const char* doing) const {
        if (expired()) throw Error(ErrorCode::DeadlineExceeded, std::string("deadline passed while ") + doing);
    }

private:
    std::string _requestId;
    Clock::time_point _deadline;
};

} // namespace wasmproxy
