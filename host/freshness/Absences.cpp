// SPDX-License-Identifier: Apache-2.0
#include "freshness/Absences.h"

namespace wasmproxy::host {

bool Absences::believed(const std::string& key, Clock::time_point now) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_since.size() >= _most && _since.count(key) == 0) _since.erase(_since.begin());
    return now - _since.emplace(key, now).first->second >= _believedAfter;
}

void Absences::forget(const std::string& key) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _since.erase(key);
}

} // namespace wasmproxy::host
