// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/CurlTransport.h"

#include <chrono>
#include <curl/curl.h>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// A multi handle with the connections it keeps, and the easy handle of the exchange that uses it. One thread at a
/// time. Every exchange has a new easy handle: after a failed name resolution libcurl 7.88 refuses options on a used
/// one, even reset.
class Lane {
public:
    Lane();
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void beginExchange(); ///< throws std::bad_alloc
    void endExchange() noexcept;
    CURL* easy() const noexcept { return _easy; }
    CURLM* multi() const noexcept { return _multi; }
    bool served(const std::string& origin) const;
    void remember(const std::string& origin); ///< the few last ones

    std::chrono::steady_clock::time_point idleSince{};

private:
    CURLM* _multi;
    CURL* _easy = nullptr;
    std::vector<std::string> _origins;
};

/// The lanes of one transport that nobody uses now. Thread-safe.
class LanePool {
public:
    static constexpr std::size_t MaxIdle = 32;
    static constexpr std::chrono::seconds MaxIdleTime{110};
    static constexpr long ConnectionsPerLane = 4;

    explicit LanePool(TransportSettings values);

    /// One that may have a connection to `origin`, else the one used last, else a new one.
    std::unique_ptr<Lane> acquire(const std::string& origin);
    void release(std::unique_ptr<Lane> lane);

    const TransportSettings settings; ///< trusted hosts in normalised form

private:
    std::mutex _mutex;
    std::list<std::unique_ptr<Lane>> _idle; ///< the one used last is at the back
};

} // namespace wasmproxy::host
