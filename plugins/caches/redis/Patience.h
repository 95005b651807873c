// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Call.h"

#include <chrono>

namespace wasmproxy::redis {

/// How long one thing may take: as long as its Call, and no longer than a bound of our own. Who had half of that and
/// waited in vain has learned something about the server; who had less has not.
class Patience {
public:
    using Time = std::chrono::milliseconds;

    Patience(const Call& call, Time own) : _call(call.within(own)), _own(own), _given(_call.remaining()) {}

    const Call& call() const noexcept { return _call; }
    bool over() const noexcept { return _call.expired(); }
    /// To wait without looking whether the Call was cancelled; at least 1 ms while there is time.
    Time slice() const noexcept;
    /// Until the descriptor is ready for `events` (poll(2)). Throws ServerFault: "… while <doing>".
    void await(int descriptor, short events, const char* doing) const;
    [[noreturn]] void fail(const char* doing) const;

private:
    Call _call;
    Time _own;
    Time _given; ///< what there was at the beginning
};

} // namespace wasmproxy::redis
