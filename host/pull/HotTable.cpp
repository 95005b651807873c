// SPDX-License-Identifier: Apache-2.0
#include "pull/HotTable.h"

#include "pull/MemoryFile.h"

#include <vector>

namespace wasmproxy::host {

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
    auto copy = std::make_shared<MemoryFile>();
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
