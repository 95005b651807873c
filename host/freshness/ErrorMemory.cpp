// SPDX-License-Identifier: Apache-2.0
#include "freshness/ErrorMemory.h"

namespace wasmproxy::host {

std::optional<ErrorMemory::Entry> ErrorMemory::find(const std::string& key) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _entries.find(key);
    if (found == _entries.end()) return std::nullopt;
    if (found->second.until > Clock::now()) return found->second;
    _entries.erase(found);
    return std::nullopt;
}

void ErrorMemory::remember(const std::string& key, const Error& error, Clock::time_point until) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_entries.size() >= _most && _entries.count(key) == 0) _entries.erase(_entries.begin());
    _entries.insert_or_assign(key, Entry{error, until});
}

void ErrorMemory::forget(const std::string& key) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _entries.erase(key);
}

void ErrorMemory::clear() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _entries.clear();
}

} // namespace wasmproxy::host
