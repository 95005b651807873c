// SPDX-License-Identifier: Apache-2.0
#include "ChallengeMemory.h"

#include <algorithm>

namespace wasmproxy {

std::optional<ChallengeMemory::Remembered> ChallengeMemory::find(const std::string& origin) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _rows.find(origin);
    if (found == _rows.end()) return {};
    return found->second.value;
}

void ChallengeMemory::remember(const std::string& origin, Remembered value) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_rows.size() >= _capacity && _rows.find(origin) == _rows.end())
        _rows.erase(std::min_element(_rows.begin(), _rows.end(),
                                     [](const auto& a, const auto& b) { return a.second.age < b.second.age; }));
    _rows[origin] = {std::move(value), ++_clock};
}

void ChallengeMemory::forget(const std::string& origin) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _rows.erase(origin);
}

} // namespace wasmproxy
