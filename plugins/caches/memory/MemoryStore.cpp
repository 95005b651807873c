// SPDX-License-Identifier: Apache-2.0
#include "MemoryStore.h"

#include <vector>

namespace wasmproxy::memory {

class MemoryStore::Reading : public Blob {
public:
    explicit Reading(std::shared_ptr<const Content> content) : _content(std::move(content)) {}
    std::uint64_t size() const noexcept override { return _content->size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return _content->read(offset, buffer, size);
    }
    int descriptor() const noexcept override { return _content->descriptor(); }

private:
    const std::shared_ptr<const Content> _content;
};

class MemoryStore::Writing : public Ingest {
public:
    explicit Writing(MemoryStore& store) : _store(store), _content(std::make_shared<Content>(store._budget)) {}

    void write(const char* bytes, std::size_t size) override {
        requireOpen();
        try {
            _content->append(bytes, size);
        } catch (...) {
            _content.reset(); // at once: others may need what it took
            throw;
        }
    }
    void commit(const Digest& digest) override {
        requireOpen();
        if (digest.empty()) throw Error(ErrorCode::Internal, "commit needs a digest");
        const auto content = std::move(_content);
        content->seal();
        const std::lock_guard<std::mutex> lock(_store._mutex);
        _store._contents.emplace(digest, content); // what is there already is the same
    }

private:
    void requireOpen() const {
        if (!_content) throw Error(ErrorCode::StorageFault, "the ingest is committed or has failed before");
    }

    MemoryStore& _store;
    std::shared_ptr<Content> _content; // null once committed or failed
};

MemoryStore::MemoryStore(HostServices&, std::unique_ptr<MemorySettings> settings)
    : _budget(std::make_shared<Budget>(settings->maxBytes.get())) {}

std::unique_ptr<Blob> MemoryStore::open(Call&, const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _contents.find(digest);
    if (found == _contents.end()) return nullptr;
    return std::make_unique<Reading>(found->second);
}

std::unique_ptr<Ingest> MemoryStore::ingest(Call&, std::uint64_t) {
    return std::make_unique<Writing>(*this);
}

bool MemoryStore::remove(Call&, const Digest& digest) {
    std::shared_ptr<const Content> gone; // freed outside the lock
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _contents.find(digest);
    if (found == _contents.end()) return false;
    gone = std::move(found->second);
    _contents.erase(found);
    return true;
}

void MemoryStore::visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) {
    std::vector<StoredBlob> blobs;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        blobs.reserve(_contents.size());
        for (const auto& [digest, content] : _contents)
            blobs.push_back({digest, content->size()});
    }
    for (const auto& blob : blobs) {
        call.check("listing the cache in memory");
        visitor(blob);
    }
}

} // namespace wasmproxy::memory
