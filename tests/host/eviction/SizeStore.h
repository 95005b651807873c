// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <map>
#include <mutex>

namespace wasmproxy::host::test {

/// A store of contents that are nothing but a size, so that 10^5 operations on it cost nothing.
class SizeStore : public CacheStore {
public:
    void put(const Digest& digest, std::uint64_t size) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _sizes[digest] = size;
    }
    std::map<Digest, std::uint64_t> contents() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _sizes;
    }
    int visits() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _visits;
    }

    std::unique_ptr<Blob> open(Call&, const Digest& digest) override {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _sizes.find(digest);
        if (found == _sizes.end()) return nullptr;
        return std::make_unique<Zeros>(found->second);
    }
    std::unique_ptr<Ingest> ingest(Call&, std::uint64_t) override {
        throw Error(ErrorCode::Internal, "contents are put here");
    }
    bool remove(Call&, const Digest& digest) override {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _sizes.erase(digest) != 0;
    }
    void visit(Call&, const std::function<void(const StoredBlob&)>& visitor) override {
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            ++_visits;
        }
        for (const auto& [digest, size] : contents())
            visitor({digest, size});
    }

private:
    class Zeros : public Blob {
    public:
        explicit Zeros(std::uint64_t size) : _size(size) {}
        std::uint64_t size() const noexcept override { return _size; }
        std::size_t read(std::uint64_t, char*, std::size_t) override { return 0; }

    private:
        std::uint64_t _size;
    };

    mutable std::mutex _mutex;
    std::map<Digest, std::uint64_t> _sizes;
    int _visits = 0;
};

} // namespace wasmproxy::host::test
