// SPDX-License-Identifier: Apache-2.0
#include "RedisLock.h"

#include <algorithm>

namespace wasmproxy::redis {

std::string lifetimeText(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds Longest = std::chrono::hours(10 * 365 * 24);
    return std::to_string(std::clamp(time, std::chrono::milliseconds(1), Longest).count());
}

RedisLock::~RedisLock() {
    if (!_taken) return;
    constexpr const char* Script =
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('unlink', KEYS[1]) end return 0";
    try {
        _server->tell(Request{"EVAL", Script, "1", _key, _token});
    } catch (const std::bad_alloc&) { // it expires
    }
}

bool RedisLock::renew(Call& call, std::chrono::milliseconds lifetime) {
    constexpr const char* Script = "if redis.call('get', KEYS[1]) == ARGV[1] then "
                                   "return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";
    const auto replies = _server->ask(call, Request{"EVAL", Script, "1", _key, _token, lifetimeText(lifetime)});
    if (!replies.front().is(Reply::Kind::Integer)) _server->unexpected("EVAL");
    return replies.front().number == 1;
}

} // namespace wasmproxy::redis
