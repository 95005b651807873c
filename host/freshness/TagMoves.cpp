// SPDX-License-Identifier: Apache-2.0
#include "freshness/TagMoves.h"

#include <algorithm>

namespace wasmproxy::host {

bool TagMoves::record(const std::string& reference, const Digest& from, const Digest& to,
                      const std::string& requestId) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto last =
        std::find_if(_moves.begin(), _moves.end(), [&](const TagMove& each) { return each.reference == reference; });
    if (last != _moves.end() && last->to == to) return false;
    _moves.push_front({++_total, std::chrono::system_clock::now(), reference, from, to, requestId});
    if (_moves.size() > Most) _moves.pop_back();
    return true;
}

std::vector<TagMove> TagMoves::newestFirst() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return {_moves.begin(), _moves.end()};
}

std::uint64_t TagMoves::total() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _total;
}

} // namespace wasmproxy::host
