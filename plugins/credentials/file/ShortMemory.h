// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::file {

/// Values that are forgotten after a time of their own. Bounded: when it is full, what would go first goes.
/// Thread-safe.
template <class Value>
class ShortMemory {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t MaxValues = 1000;

    std::optional<Value> find(const std::string& key) {
        const std::lock_guard<std::mutex> guard(_mutex);
        sweep();
        const auto found = _values.find(key);
        if (found == _values.end()) return std::nullopt;
        return std::optional<Value>(std::in_place, found->second.value);
    }
    void put(const std::string& key, Value value, Clock::time_point until) {
        const std::lock_guard<std::mutex> guard(_mutex);
        sweep();
        _values.erase(key);
        if (_values.size() >= MaxValues) {
            auto first = _values.begin();
            for (auto at = first; at != _values.end(); ++at)
                if (at->second.until < first->second.until) first = at;
            _values.erase(first);
        }
        _values.emplace(key, Kept{std::move(value), until});
    }

private:
    struct Kept {
        Value value;
        Clock::time_point until;
    };
    void sweep() {
        const auto now = Clock::now();
        for (auto at = _values.begin(); at != _values.end();)
            at = at->second.until <= now ? _values.erase(at) : std::next(at);
    }
    std::mutex _mutex;
    std::map<std::string, Kept> _values;
};

} // namespace wasmproxy::file
