// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Keys.h"
#include "RedisServer.h"
#include "wasmproxy/plugin/SharedStore.h"

#include <memory>
#include <string>

namespace wasmproxy::redis {

/// Records and locks as keys of one Redis. Thread-safe.
class RedisRecords : public SharedStore {
public:
    RedisRecords(std::shared_ptr<RedisServer> server, std::string prefix)
        : _server(std::move(server)), _keys{std::move(prefix)} {}
    virtual ~RedisRecords() = default;

    std::optional<std::string> record(Call& call, const std::string& key) override;
    void putRecord(Call& call, const std::string& key, const std::string& value,
                   std::chrono::seconds lifetime) override;
    void removeRecord(Call& call, const std::string& key) override;
    bool canLock() const noexcept override { return _server->settings().locks.get(); }
    std::unique_ptr<Lock> tryLock(Call& call, const std::string& key, std::chrono::milliseconds lifetime) override;

private:
    const std::shared_ptr<RedisServer> _server;
    const Keys _keys;
};

} // namespace wasmproxy::redis
