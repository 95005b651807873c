// SPDX-License-Identifier: Apache-2.0
#include "freshness/RefreshSchedule.h"

#include <functional>
#include <string_view>

namespace wasmproxy::host {
namespace {

/// splitmix64: neighbours in, nothing alike out.
std::uint64_t mixed(std::uint64_t value) noexcept {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

std::uint64_t hashOf(std::string_view text) noexcept {
    return std::hash<std::string_view>()(text);
}

} // namespace

std::uint64_t RefreshSchedule::markOf(const Reference& reference, std::chrono::system_clock::time_point validated,
                                      std::uint64_t generation) noexcept {
    const auto& repository = reference.repository();
    std::uint64_t mark = mixed(hashOf(repository.host()) + generation);
    mark = mixed(mark ^ hashOf(repository.path()));
    mark = mixed(mark ^ hashOf(reference.tag()));
    return mixed(mark ^ static_cast<std::uint64_t>(validated.time_since_epoch().count())) | 1; // 0 is an empty slot
}

std::uint64_t RefreshSchedule::again(std::uint64_t mark, std::int64_t attempt) noexcept {
    return mixed(mark ^ static_cast<std::uint64_t>(attempt)) | 1;
}

RefreshSchedule::Milliseconds RefreshSchedule::share(std::uint64_t mark, Milliseconds tagTtl) noexcept {
    const double part = 0.80 + 0.15 * static_cast<double>(mark >> 11) / static_cast<double>(std::uint64_t(1) << 53);
    return Milliseconds(static_cast<Milliseconds::rep>(part * static_cast<double>(tagTtl.count())));
}

bool RefreshSchedule::claim(std::uint64_t mark, Milliseconds delay) {
    auto& seen = _seen[(mark >> 1) % Slots];
    if (seen.load(std::memory_order_relaxed) == mark || delay > Furthest) return false;
    const std::lock_guard<std::mutex> lock(_mutex);
    seen.store(mark, std::memory_order_relaxed);
    return _scheduled.size() < _most && _scheduled.insert(mark).second;
}

void RefreshSchedule::done(std::uint64_t mark) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _scheduled.erase(mark);
}

std::size_t RefreshSchedule::scheduled() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _scheduled.size();
}

} // namespace wasmproxy::host
