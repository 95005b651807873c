// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Contents.h"
#include "RedisRecords.h"
#include "RedisServer.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>

namespace wasmproxy::redis {

/// The cache store that proxies share in one Redis. Nothing is asked of it until the first use: it may be away when
/// the proxy starts. Thread-safe.
class RedisStore : public CacheStore {
public:
    RedisStore(HostServices& host, std::unique_ptr<RedisSettings> settings);
    ~RedisStore() override { _server->retire(); }

    void* ability(const char* id) noexcept override;
    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override;
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override;
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override;

private:
    const std::shared_ptr<RedisServer> _server;
    const std::shared_ptr<Contents> _contents;
    RedisRecords _records;
};

} // namespace wasmproxy::redis
