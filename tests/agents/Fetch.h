// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace wasmproxy::test {

/// What came of one request of an agent.
struct Reply {
    enum class Failure {
        None,
        Refused, ///< nobody listens, or the Service has no ready endpoint
        Reset,   ///< ECONNRESET, EPIPE
        Ended,   ///< the peer closed before the answer was complete
        Late     ///< the attempt's deadline
    };
    int status = 0; ///< 0: no head came
    Failure failure = Failure::None;
    std::string challenge;    ///< WWW-Authenticate
    std::string body;         ///< of everything but the module
    bool moduleRight = false; ///< the module came whole and, once unboxed, has the expected checksum
    bool whole() const noexcept { return status != 0 && failure == Failure::None; }
};

/// How an agent goes on.
struct Step {
    enum class Kind { Request, Sleep, Loaded, Failed };
    Kind kind;
    std::chrono::milliseconds sleep{0};
    std::string why = {}; ///< Failed
};

/// An agent's attempt to get one module, as decisions without I/O: who drives it sends what request() says, and tells
/// what came of it. All times are given, so tests need no clock.
class Fetch {
public:
    using Clock = std::chrono::steady_clock;

    virtual ~Fetch() = default;
    virtual Step begin(Clock::time_point now) = 0;
    virtual std::string request() const = 0;                ///< head of the request to send now
    virtual Clock::time_point deadline() const = 0;         ///< of that request, body included
    virtual bool wantsModule() const = 0;                   ///< a 200 to it carries the module
    virtual bool usesTokenService() const { return false; } ///< it goes to the realm
    virtual Step replied(const Reply& reply, Clock::time_point now) = 0;
    virtual Step slept(Clock::time_point now) = 0;
};

const char* nameOf(Reply::Failure failure);

} // namespace wasmproxy::test
