// SPDX-License-Identifier: Apache-2.0
#include "pull/RecentContents.h"

namespace wasmproxy::host {

std::vector<Digest> RecentContents::add(const Digest& digest, std::uint64_t size) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (const auto found = _entries.find(digest); found != _entries.end()) erase(found->second);
    _order.push_front({digest, size});
    _entries[digest] = _order.begin();
    _bytes += size;
    return trim();
}

std::vector<Digest> RecentContents::setCapacity(std::uint64_t bytes) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _capacity = bytes;
    return trim();
}

std::vector<Digest> RecentContents::trim() {
    std::vector<Digest> gone;
    while (_bytes > _capacity) {
        gone.push_back(_order.back().digest);
        erase(std::prev(_order.end()));
    }
    return gone;
}

void RecentContents::used(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (const auto found = _entries.find(digest); found != _entries.end())
        _order.splice(_order.begin(), _order, found->second);
}

void RecentContents::forget(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (const auto found = _entries.find(digest); found != _entries.end()) erase(found->second);
}

RecentContents::Held RecentContents::held() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return {_order.size(), _bytes};
}

void RecentContents::erase(Order::iterator entry) {
    _bytes -= entry->size;
    _entries.erase(entry->digest);
    _order.erase(entry);
}

} // namespace wasmproxy::host
