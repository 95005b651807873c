// SPDX-License-Identifier: Apache-2.0
#include "net/LanePool.h"

#include "net/Target.h"

#include <algorithm>
#include <new>

namespace wasmproxy::host {
namespace {

void initialiseCurl() {
    static std::once_flag once; // process-wide by nature; never undone, since plugins' threads may outlive any owner
    std::call_once(once, [] {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw Error(ErrorCode::Internal, "libcurl does not initialise");
    });
}

TransportSettings normalised(TransportSettings values) {
    std::set<std::string> hosts;
    for (const auto& host : values.trustedHosts)
        hosts.insert(normalisedHost(host));
    values.trustedHosts = std::move(hosts);
    return values;
}

} // namespace

Lane::Lane() : _multi(curl_multi_init()) {
    if (_multi == nullptr) throw std::bad_alloc();
    curl_multi_setopt(_multi, CURLMOPT_MAXCONNECTS, LanePool::ConnectionsPerLane);
    curl_multi_setopt(_multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

Lane::~Lane() {
    endExchange();
    curl_multi_cleanup(_multi);
}

void Lane::beginExchange() {
    _easy = curl_easy_init();
    if (_easy == nullptr) throw std::bad_alloc();
}

void Lane::endExchange() noexcept {
    curl_easy_cleanup(_easy);
    _easy = nullptr;
}

bool Lane::served(const std::string& origin) const {
    return std::find(_origins.begin(), _origins.end(), origin) != _origins.end();
}

void Lane::remember(const std::string& origin) {
    _origins.erase(std::remove(_origins.begin(), _origins.end(), origin), _origins.end());
    _origins.push_back(origin);
    if (_origins.size() > static_cast<std::size_t>(LanePool::ConnectionsPerLane)) _origins.erase(_origins.begin());
}

LanePool::LanePool(TransportSettings values) : settings(normalised(std::move(values))) {
    initialiseCurl();
}

std::unique_ptr<Lane> LanePool::acquire(const std::string& origin) {
    std::unique_ptr<Lane> lane;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        auto found = std::find_if(_idle.rbegin(), _idle.rend(),
                                  [&](const std::unique_ptr<Lane>& idle) { return idle->served(origin); });
        if (found == _idle.rend()) found = _idle.rbegin();
        if (found != _idle.rend()) {
            lane = std::move(*found);
            _idle.erase(std::next(found).base());
        }
    }
    if (!lane) lane = std::make_unique<Lane>();
    lane->beginExchange();
    lane->remember(origin);
    return lane;
}

void LanePool::release(std::unique_ptr<Lane> lane) {
    std::list<std::unique_ptr<Lane>> dropped; // closing connections needs no lock
    lane->idleSince = std::chrono::steady_clock::now();
    const auto oldest = lane->idleSince - MaxIdleTime;
    const std::lock_guard<std::mutex> lock(_mutex);
    _idle.push_back(std::move(lane));
    while (_idle.size() > MaxIdle || _idle.front()->idleSince < oldest) {
        dropped.splice(dropped.end(), _idle, _idle.begin());
    }
}

} // namespace wasmproxy::host
