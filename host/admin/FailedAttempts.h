// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

namespace wasmproxy::host {

/// How often an address may be wrong: ten times, and then once in six seconds. Bounded: of very many addresses the ones
/// that failed longest ago are forgotten. An IPv6 address counts as its /64, which is what one host has. Thread-safe.
class FailedAttempts {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t MaxAddresses = 1024;
    static constexpr int Burst = 10;
    static constexpr std::chrono::seconds Recovery{6};

    /// Zero: it may try. Else how long it has to wait.
    std::chrono::seconds waitOf(const std::string& address, Clock::time_point now = Clock::now());
    void failed(const std::string& address, Clock::time_point now = Clock::now());
    std::size_t size() const;

private:
    static std::string keyOf(const std::string& address);

    mutable std::mutex _mutex;
    /// When all is forgiven: each failure moves it further from now.
    std::unordered_map<std::string, Clock::time_point> _clean;
};

} // namespace wasmproxy::host
