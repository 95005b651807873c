// SPDX-License-Identifier: Apache-2.0
#include "pull/HotTable.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace wasmproxy::host {
namespace {

class MemoryBlob : public Blob {
public:
    MemoryBlob() : _fd(::memfd_create("module", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
        if (_fd < 0) fail("memfd_create");
    }
    ~MemoryBlob() override { ::close(_fd); }

    void append(const char* bytes, std::size_t size) {
        while (size > 0) {
            const auto count = ::write(_fd, bytes, size);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) fail("write to memfd");
            bytes += count;
            size -= static_cast<std::size_t>(count);
            _size += static_cast<std::uint64_t>(count);
        }
    }
    void seal() { ::fcntl(_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL); }

    std::uint64_t size() const noexcept override { return _size; }
    int descriptor() const noexcept override { return _fd; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        const auto count = ::pread(_fd, buffer, size, static_cast<off_t>(offset));
        if (count < 0) fail("read of memfd");
        return static_cast<std::size_t>(count);
    }

private:
    [[noreturn]] static void fail(const char* what) {
        throw Error(ErrorCode::StorageFault, std::string(what) + ": " + std::strerror(errno));
    }
    int _fd;
    std::uint64_t _size = 0;
};

} // namespace

std::shared_ptr<Blob> HotTable::find(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _entries.find(digest);
    (found == _entries.end() ? _misses : _hits).fetch_add(1, std::memory_order_relaxed);
    if (found == _entries.end()) return nullptr;
    _order.splice(_order.begin(), _order, found->second);
    return found->second->blob;
}

void HotTable::insert(const Digest& digest, std::shared_ptr<Blob> blob) {
    std::shared_ptr<Blob> released; // closed outside the lock
    const std::lock_guard<std::mutex> lock(_mutex);
    if (const auto found = _entries.find(digest); found != _entries.end()) {
        _order.splice(_order.begin(), _order, found->second);
        return;
    }
    _order.push_front({digest, std::move(blob)});
    _entries[digest] = _order.begin();
    if (_order.size() > _bound) {
        released = std::move(_order.back().blob);
        _entries.erase(_order.back().digest);
        _order.pop_back();
        ++_version;
    }
}

void HotTable::erase(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _entries.find(digest);
    if (found == _entries.end()) return;
    _order.erase(found->second);
    _entries.erase(found);
    ++_version;
}

std::shared_ptr<Blob> withDescriptor(std::unique_ptr<Blob> blob) {
    if (blob->descriptor() >= 0) return blob;
    auto copy = std::make_shared<MemoryBlob>();
    std::vector<char> chunk(256 * 1024);
    std::uint64_t offset = 0;
    while (const auto count = blob->read(offset, chunk.data(), chunk.size())) {
        copy->append(chunk.data(), count);
        offset += count;
    }
    copy->seal();
    return copy;
}

} // namespace wasmproxy::host
