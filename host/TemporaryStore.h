// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/TemporaryFile.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::host {

/// Contents in files without names: all are gone with it, whatever becomes of the process. Thread-safe.
class TemporaryStore : public CacheStore {
public:
    explicit TemporaryStore(std::string folder) : _folder(std::move(folder)) {}

    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override;
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override;
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override;

private:
    class View;
    class Write;

    const std::string _folder;
    std::mutex _mutex;
    std::map<Digest, std::shared_ptr<TemporaryFile>> _files;
};

} // namespace wasmproxy::host
