// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/ApiClient.h"
#include "wasmproxy/kubernetes/ApiError.h"
#include "wasmproxy/kubernetes/WatchListener.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace wasmproxy::kubernetes {

/// How often is asked. The defaults are those of Kubernetes' own clients.
struct WatchTiming {
    std::chrono::milliseconds firstDelay{800}; ///< after a failure; doubles, and up to as much again by chance
    std::chrono::milliseconds longestDelay{30000};
    std::chrono::milliseconds shortest{1000}; ///< a watch that ends sooner, without an event, counts as a failure
    std::chrono::milliseconds relist{1000};   ///< up to this long, by chance, before a list after 410
    std::chrono::milliseconds poll{30000};    ///< where watching is not allowed; sooner at first
    std::chrono::milliseconds nudge{1000};    ///< between attempts, at least, however often somebody asks
    std::chrono::seconds watchAtLeast{300};
    std::chrono::seconds watchAtMost{600};
    std::chrono::milliseconds answer{30000}; ///< for a whole list
};

/// Follows objects: lists them, watches from there, and lists again when the API server has lost the place. On an
/// outage it keeps asking and what is known stays in force; both ends of an outage are one line in the log. Where only
/// `get` is allowed (or `list`, but not `watch`), it asks every WatchTiming::poll. Owns one thread.
class Watch {
public:
    /// `client` and `listener` outlive this.
    Watch(ApiClient& client, ApiResource resource, Selection selection, WatchListener& listener,
          const WatchTiming& timing = {});
    ~Watch(); ///< stops, joins

    void start(); ///< once
    void stop() noexcept;
    /// Somebody waits: does not sit out the delay after a failure. Cheap.
    void nudge();

private:
    using Clock = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;
    struct Pause {
        Milliseconds time{0};
        bool canBeShortened = true;
    };

    void run();
    void attempt();
    void list();
    bool readOne();
    void follow();
    bool event(const StrictJson& event);
    Pause failed(const Error& error);
    void works();
    void pollInstead(const ApiError& error);
    Milliseconds backOff();
    Milliseconds byChance(Milliseconds most);
    void sleep(const Pause& pause);
    std::string title() const { return _resource.title(_selection.name); }

    ApiClient& _client;
    const ApiResource _resource;
    const Selection _selection;
    WatchListener& _listener;
    const WatchTiming _timing;

    // Of the thread alone.
    std::mt19937 _random;
    std::string _version; ///< the last one seen; empty: list first
    bool _listedOnce = false;
    Milliseconds _delay;
    Pause _next;
    std::string _failure; ///< what the log was told; empty: it works
    int _refusals = 0;    ///< of watches, in a row

    std::atomic<bool> _stopping{false};
    std::mutex _mutex;
    std::condition_variable _wake;
    bool _nudged = false;
    std::thread _thread;
};

} // namespace wasmproxy::kubernetes
