// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/CallerAddress.h"

#include <cstddef>
#include <map>
#include <mutex>

namespace wasmproxy::host {

/// How many connections are open, in total and per address. Thread-safe.
class ConnectionLimits {
public:
    ConnectionLimits(std::size_t total, std::size_t perAddress) : _total(total), _perAddress(perAddress) {}

    /// False: a bound is reached. True must be answered with release().
    bool acquire(const CallerAddress& address) {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_open >= _total) return false;
        std::size_t& count = _counts[address];
        if (count >= _perAddress) {
            if (count == 0) _counts.erase(address);
            return false;
        }
        ++count;
        ++_open;
        return true;
    }

    void release(const CallerAddress& address) {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _counts.find(address);
        if (found == _counts.end()) return;
        if (--found->second == 0) _counts.erase(found);
        --_open;
    }

private:
    std::mutex _mutex;
    const std::size_t _total;
    const std::size_t _perAddress;
    std::size_t _open = 0;
    std::map<CallerAddress, std::size_t> _counts;
};

} // namespace wasmproxy::host
