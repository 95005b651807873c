// SPDX-License-Identifier: Apache-2.0
#include "admin/FailedAttempts.h"

#include <algorithm>
#include <arpa/inet.h>

namespace wasmproxy::host {

std::string FailedAttempts::keyOf(const std::string& address) {
    in6_addr v6{};
    if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) return address;
    return {reinterpret_cast<const char*>(v6.s6_addr), 8};
}

std::chrono::seconds FailedAttempts::waitOf(const std::string& address, Clock::time_point now) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _clean.find(keyOf(address));
    if (found == _clean.end()) return std::chrono::seconds(0);
    if (found->second <= now) {
        _clean.erase(found);
        return std::chrono::seconds(0);
    }
    const auto over = found->second - now - (Burst - 1) * Recovery;
    return over <= Clock::duration(0) ? std::chrono::seconds(0) : std::chrono::ceil<std::chrono::seconds>(over);
}

void FailedAttempts::failed(const std::string& address, Clock::time_point now) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const std::string key = keyOf(address);
    auto found = _clean.find(key);
    if (found == _clean.end()) {
        if (_clean.size() >= MaxAddresses)
            _clean.erase(std::min_element(_clean.begin(), _clean.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; }));
        found = _clean.emplace(key, now).first;
    }
    // Several at once may fail after they were let try; that counts no further.
    found->second = std::min(std::max(found->second, now) + Recovery, now + Burst * Recovery);
}

std::size_t FailedAttempts::size() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _clean.size();
}

} // namespace wasmproxy::host
