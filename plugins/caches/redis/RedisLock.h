// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "RedisServer.h"
#include "wasmproxy/plugin/SharedStore.h"

#include <memory>
#include <string>

namespace wasmproxy::redis {

/// As Redis takes it: nothing below 1, and nothing that overflows once now is added.
std::string lifetimeText(std::chrono::milliseconds time);

/// Given back by its token: what another took after this one had expired stays.
class RedisLock : public SharedStore::Lock {
public:
    RedisLock(std::shared_ptr<RedisServer> server, std::string key, std::string token)
        : _server(std::move(server)), _key(std::move(key)), _token(std::move(token)) {}
    ~RedisLock() override;
    bool renew(Call& call, std::chrono::milliseconds lifetime) override;

    const std::string& token() const noexcept { return _token; }
    void taken() noexcept { _taken = true; }

private:
    const std::shared_ptr<RedisServer> _server;
    const std::string _key;
    const std::string _token;
    bool _taken = false;
};

} // namespace wasmproxy::redis
