// SPDX-License-Identifier: Apache-2.0
#include "TemporaryStore.h"

namespace wasmproxy::host {

class TemporaryStore::View : public Blob {
public:
    explicit View(std::shared_ptr<TemporaryFile> file) : _file(std::move(file)) {}
    std::uint64_t size() const noexcept override { return _file->size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return _file->read(offset, buffer, size);
    }
    int descriptor() const noexcept override { return _file->descriptor(); }

private:
    const std::shared_ptr<TemporaryFile> _file;
};

class TemporaryStore::Write : public Ingest {
public:
    explicit Write(TemporaryStore& store) : _store(store), _file(std::make_shared<TemporaryFile>(store._folder)) {}
    void write(const char* bytes, std::size_t size) override { _file->append(bytes, size); }
    void commit(const Digest& digest) override {
        const std::lock_guard<std::mutex> lock(_store._mutex);
        _store._files[digest] = _file;
    }

private:
    TemporaryStore& _store;
    const std::shared_ptr<TemporaryFile> _file;
};

std::unique_ptr<Blob> TemporaryStore::open(Call&, const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _files.find(digest);
    return found == _files.end() ? nullptr : std::make_unique<View>(found->second);
}

std::unique_ptr<Ingest> TemporaryStore::ingest(Call&, std::uint64_t) {
    return std::make_unique<Write>(*this);
}

bool TemporaryStore::remove(Call&, const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _files.erase(digest) > 0;
}

void TemporaryStore::visit(Call&, const std::function<void(const StoredBlob&)>& visitor) {
    const std::lock_guard<std::mutex> lock(_mutex);
    for (const auto& [digest, file] : _files)
        visitor({digest, file->size()});
}

} // namespace wasmproxy::host
