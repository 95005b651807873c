// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/Watch.h"
#include "wasmproxy/plugin/Call.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::kubernetes {

/// Whether a Watch has told all there is, once at least; for those who wait for it. Thread-safe.
class Knowledge {
public:
    void learned();
    void failed(const Error& error);

    /// Waits until it is known, `until` at most; false: it is not. Does not wait where the API server has just refused.
    bool await(const Call& call, Call::Clock::time_point until, Watch& watch);
    /// Why not, for `title` ("Secret istio-system/regcred").
    Error whyNot(const std::string& title) const;
    bool refused() const; ///< for want of permission, at the last attempt

private:
    mutable std::mutex _mutex;
    std::condition_variable _changed;
    bool _known = false;
    std::optional<Error> _failure; ///< of the last attempt
    bool _refused = false;         ///< it was for want of permission
    Call::Clock::time_point _failedAt;
    unsigned _attempts = 0;
};

} // namespace wasmproxy::kubernetes
