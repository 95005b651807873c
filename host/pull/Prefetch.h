// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleService.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Has a list of modules pulled before anybody asks for them: when it is told to, on schedule, and again while one
/// cannot be. A few at a time, on the service's threads; none of its own. Thread-safe.
class Prefetch {
public:
    using Clock = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;

    struct Plan {
        std::vector<std::string> references; ///< each parses, with or without oci://
        Milliseconds every{std::chrono::hours(1)};
        /// After the first use(): waiting() until each has been pulled or cannot be, and no longer. Zero: not at all.
        Milliseconds waitAtMost{0};
    };

    struct Item {
        std::string reference;        ///< canonical
        std::optional<Error> error;   ///< why the last try failed
        std::optional<Digest> module; ///< when it was pulled last, with the next two
        std::optional<Digest> manifest;
        std::uint64_t size = 0;
        std::chrono::system_clock::time_point pulledAt{};
        bool pulled() const { return module && !error; }
        bool settled() const { return module || (error && !error->retryable()); } ///< waiting would change nothing
    };

    struct State {
        Milliseconds every{0};
        bool waiting = false;
        std::vector<Item> items; ///< by reference
        std::size_t pulled() const;
        std::size_t failed() const; ///< the last try; the rest has not been tried
    };

    /// `modules` answers nothing any more when this goes.
    explicit Prefetch(ModuleService& modules) : _modules(modules) {}

    /// From now on; what is new in the list is pulled at once, what is no longer in it is forgotten.
    void use(const Plan& plan);
    /// To be called every few seconds: what is due is asked for.
    void tick();
    State state() const;
    /// Readiness has to wait: "prefetching 2 of 5"; empty: it has not.
    std::string waiting() const;

private:
    struct Entry {
        Item item;
        Reference parsed;
        Clock::time_point due = Clock::now();
        bool asked = false;
        int failures = 0; ///< in a row
    };
    using Entries = std::map<std::string, Entry>;

    void answered(const std::string& key, const ModuleResult& result);
    Entries::iterator nextDue();
    void endWait();

    ModuleService& _modules;
    mutable std::mutex _mutex;
    Entries _entries;
    Milliseconds _every{0};
    std::size_t _asked = 0;
    bool _asking = false; // a thread is in tick()
    bool _used = false;
    std::optional<Clock::time_point> _waitUntil;
};

} // namespace wasmproxy::host
