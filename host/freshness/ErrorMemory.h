// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace wasmproxy::host {

/// Errors that answer for a while in place of the registry, by key. Bounded: where there are too many, any goes.
/// Thread-safe.
class ErrorMemory {
public:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        Error error;
        Clock::time_point until;
    };

    explicit ErrorMemory(std::size_t most = 10000) : _most(most) {}

    std::optional<Entry> find(const std::string& key);
    void remember(const std::string& key, const Error& error, Clock::time_point until);
    void forget(const std::string& key);
    void clear();

private:
    const std::size_t _most;
    std::mutex _mutex;
    std::unordered_map<std::string, Entry> _entries;
};

} // namespace wasmproxy::host
