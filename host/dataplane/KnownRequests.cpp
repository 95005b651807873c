// SPDX-License-Identifier: Apache-2.0
#include "dataplane/KnownRequests.h"

#include <functional>

namespace wasmproxy::host {

const KnownRequest* KnownRequests::find(std::string_view head) const noexcept {
    if (head.size() > LongestHead) return nullptr;
    const auto& place = _places[std::hash<std::string_view>()(head) % Places];
    return place && place->bytes == head ? place.get() : nullptr;
}

void KnownRequests::remember(KnownRequest request) {
    if (request.bytes.size() > LongestHead) return;
    auto& place = _places[std::hash<std::string_view>()(request.bytes) % Places];
    clear(place);
    if (_bodyBytes + request.body.size() > MostBodyBytes) std::string().swap(request.body);
    _bodyBytes += request.body.size();
    place = std::make_unique<KnownRequest>(std::move(request));
}

void KnownRequests::forgetBefore(std::chrono::system_clock::time_point time) noexcept {
    for (auto& place : _places)
        if (place && place->terms->until < time) clear(place);
}

void KnownRequests::clear(std::unique_ptr<KnownRequest>& place) noexcept {
    if (!place) return;
    _bodyBytes -= place->body.size();
    place.reset();
}

} // namespace wasmproxy::host
