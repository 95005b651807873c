// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "RedisStore.h"

namespace wasmproxy::redis {

class RedisStoreFactory : public BasicFactory<CacheStore, RedisStore, RedisSettings> {
public:
    const char* name() const noexcept override { return "redis"; }
};

} // namespace wasmproxy::redis

WASMPROXY_PLUGIN("redis", "0.1.0", wasmproxy::redis::RedisStoreFactory)
