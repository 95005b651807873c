// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Client.h"
#include "wasmproxy/plugin/SharedStore.h"

#include <memory>

namespace wasmproxy::s3 {

/// Records as small objects, named by the sha256 of their key. Each says its key and until when it counts: S3 forgets
/// nothing by itself but by days, so one that is over is read as absent.
class S3Records : public SharedStore {
public:
    S3Records(HostServices& host, std::shared_ptr<S3Client> client) : _host(host), _client(std::move(client)) {}
    virtual ~S3Records() = default;

    std::optional<std::string> record(Call& call, const std::string& key) override;
    void putRecord(Call& call, const std::string& key, const std::string& value,
                   std::chrono::seconds lifetime) override;
    void removeRecord(Call& call, const std::string& key) override;
    bool canLock() const noexcept override { return false; } ///< nothing in S3 is given back by itself in time
    std::unique_ptr<Lock> tryLock(Call&, const std::string&, std::chrono::milliseconds) override { return nullptr; }

private:
    HostServices& _host;
    const std::shared_ptr<S3Client> _client;
};

} // namespace wasmproxy::s3
