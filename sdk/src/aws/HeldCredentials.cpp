// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/aws/HeldCredentials.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::aws {
namespace {

using std::chrono::seconds;

constexpr seconds Patience{8}; ///< for one look: it must not use up the time of the request that happens to do it
constexpr seconds Usual{60};
constexpr seconds AfterFailure{15};
constexpr seconds BeforeEnd{600};

seconds heldFor(const AwsCredentials& credentials, std::chrono::system_clock::time_point now) {
    if (!credentials.expires) return Usual;
    const auto life = std::chrono::duration_cast<seconds>(*credentials.expires - now);
    if (life < 2 * BeforeEnd) return std::clamp(life / 2, seconds(1), Usual);
    return life - BeforeEnd;
}

bool same(const AwsCredentials& a, const AwsCredentials& b) {
    return a.accessKeyId == b.accessKeyId && a.secretAccessKey == b.secretAccessKey && a.sessionToken == b.sessionToken;
}

} // namespace

bool HeldCredentials::alive() const {
    return _held && (!_held->expires || _host.now() < *_held->expires);
}

std::shared_ptr<const AwsCredentials> HeldCredentials::get(Call& call) {
    Lock lock(_mutex);
    while (true) {
        if (alive() && (_looking || Call::Clock::now() < _lookAgain)) return _held;
        if (!_looking) break;
        call.check("waiting for AWS credentials");
        _found.wait_for(lock, std::min(call.remaining(), std::chrono::milliseconds(200)));
    }
    look(call, lock);
    return _held;
}

std::shared_ptr<const AwsCredentials> HeldCredentials::insteadOf(Call& call, const AwsCredentials& refused) {
    {
        const Lock lock(_mutex);
        if (_held && same(*_held, refused)) _lookAgain = {};
    }
    auto now = get(call);
    return same(*now, refused) ? nullptr : now;
}

void HeldCredentials::look(Call& call, Lock& lock) {
    _looking = true;
    lock.unlock();
    std::shared_ptr<const AwsCredentials> found;
    std::string failure;
    std::exception_ptr thrown;
    try {
        Call part = call.within(Patience);
        found = std::make_shared<const AwsCredentials>(_find(part));
    } catch (const std::exception& error) {
        thrown = std::current_exception();
        failure = error.what();
    } catch (...) {
        thrown = std::current_exception();
        failure = "of an unknown kind";
    }
    lock.lock();
    _looking = false;
    _found.notify_all();
    if (found) {
        _lookAgain = Call::Clock::now() + heldFor(*found, _host.now());
        _held = std::move(found);
        _complained = false;
        return;
    }
    if (!alive()) std::rethrow_exception(thrown);
    _lookAgain = Call::Clock::now() + AfterFailure;
    if (_complained) return;
    _complained = true;
    _host.log(LogLevel::Warning, "AWS credentials cannot be renewed, those in hand stay in use: " + failure);
}

} // namespace wasmproxy::aws
