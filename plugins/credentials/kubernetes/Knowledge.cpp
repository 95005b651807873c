// SPDX-License-Identifier: Apache-2.0
#include "Knowledge.h"

#include <algorithm>

namespace wasmproxy::kubernetes {
namespace {

using namespace std::chrono_literals;

constexpr auto Fresh = 1s;      // a refusal younger than this is believed
constexpr auto Longest = 200ms; // how late a cancelled Call may be seen

} // namespace

void Knowledge::learned() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _known = true;
        _failure.reset();
    }
    _changed.notify_all();
}

void Knowledge::failed(const Error& error) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _failure = error; // an Error alone: what crosses the seam is of the SDK
        const auto* answer = dynamic_cast<const ApiError*>(&error);
        _refused = answer != nullptr && answer->forbidden();
        _failedAt = Call::Clock::now();
        ++_attempts;
    }
    _changed.notify_all();
}

bool Knowledge::await(const Call& call, Call::Clock::time_point until, Watch& watch) {
    std::unique_lock<std::mutex> lock(_mutex);
    const unsigned begun = _attempts;
    const bool fresh = _failure && Call::Clock::now() - _failedAt < Fresh;
    while (!_known) {
        if (_failure && _refused && (fresh || _attempts != begun)) return false;
        const auto now = Call::Clock::now();
        if (call.expired() || now >= until) return false;
        watch.nudge();
        _changed.wait_until(lock, std::min(until, now + Longest));
    }
    return true;
}

Error Knowledge::whyNot(const std::string& title) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_failure)
        return Error(ErrorCode::CredentialSourceFault, title + " cannot be read: " + _failure->what(),
                     _failure->hint());
    return Error(ErrorCode::CredentialSourceFault,
                 title + " is not known yet: the API server has not answered in time");
}

bool Knowledge::refused() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _failure && _refused;
}

} // namespace wasmproxy::kubernetes
