// SPDX-License-Identifier: Apache-2.0
#include "HttpFetch.h"

#include <algorithm>

namespace wasmproxy::test {
namespace {

constexpr int Ok = 200;

bool mayTryAgain(int status) {
    return status >= 500 && status != 501 && status != 505 && status != 511;
}

} // namespace

const char* nameOf(Reply::Failure failure) {
    switch (failure) {
    case Reply::Failure::None:
        return "none";
    case Reply::Failure::Refused:
        return "connection refused";
    case Reply::Failure::Reset:
        return "connection reset";
    case Reply::Failure::Ended:
        return "connection ended";
    case Reply::Failure::Late:
        return "deadline exceeded";
    }
    return "?";
}

HttpFetch::HttpFetch(std::string path, unsigned seed, const Timing& timing)
    : _path(std::move(path)),
      _timing(timing),
      _random(seed),
      _backOff(std::chrono::duration<double, std::milli>(timing.backOff).count()) {}

Step HttpFetch::begin(Clock::time_point now) {
    _end = now + _timing.total;
    return attempt(now);
}

Step HttpFetch::attempt(Clock::time_point now) {
    ++_attempts;
    // A request whose context is over fails at once, and the loop ends with it.
    if (now >= _end) return {Step::Kind::Failed, {}, "30 s are over; before: " + _last};
    _deadline = std::min(now + _timing.attempt, _end);
    return {Step::Kind::Request};
}

std::string HttpFetch::request() const {
    return "GET " + _path +
           " HTTP/1.1\r\nHost: wasmfetcher.istio-system.svc.cluster.local\r\nUser-Agent: Go-http-client/1.1\r\n"
           "Accept-Encoding: gzip\r\n\r\n";
}

Step HttpFetch::replied(const Reply& reply, Clock::time_point now) {
    if (reply.status == 0) {
        _last = nameOf(reply.failure);
        if (now >= _end) return {Step::Kind::Failed, {}, "30 s are over; before: " + _last};
        return again(_last);
    }
    if (reply.status == Ok) {
        if (!reply.whole()) return {Step::Kind::Failed, {}, std::string("body of a 200: ") + nameOf(reply.failure)};
        if (!reply.moduleRight) return {Step::Kind::Failed, {}, "wrong module"};
        return {Step::Kind::Loaded};
    }
    _last = "status " + std::to_string(reply.status);
    if (!mayTryAgain(reply.status)) return {Step::Kind::Failed, {}, _last};
    return again(_last);
}

/// The agent sleeps after its last attempt, too, before it gives up.
Step HttpFetch::again(const std::string& why) {
    std::uniform_real_distribution<double> spread(1 - _timing.jitter, 1 + _timing.jitter);
    const std::chrono::duration<double, std::milli> sleep(_backOff * spread(_random));
    _backOff = std::min(_backOff * _timing.factor, static_cast<double>(_timing.longest.count()));
    return {Step::Kind::Sleep, std::chrono::duration_cast<std::chrono::milliseconds>(sleep), why};
}

Step HttpFetch::slept(Clock::time_point now) {
    if (_attempts >= _timing.attempts)
        return {Step::Kind::Failed, {}, std::to_string(_attempts) + " attempts; last: " + _last};
    return attempt(now);
}

} // namespace wasmproxy::test
