// SPDX-License-Identifier: Apache-2.0
#include "RedisLock.h"

namespace wasmproxy::redis {

RedisLock::~RedisLock() {
    if (!_taken) return;
    constexpr const char* Script =
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('unlink', KEYS[1]) end return 0";
    try {
        _server->tell(Request{"EVAL", Script, "1", _key, _token});
    } catch (const std::bad_alloc&) { // it expires
    }
}

} // namespace wasmproxy::redis
