// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Reference.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_set>

namespace wasmproxy::host {

/// Which tags are asked for again before their time is over: those that somebody asks for, each once per validation,
/// at a moment of its own. Bounded: a tag that finds no room is asked for when its time is over. Thread-safe; for what
/// is scheduled already, claim() is one load.
class RefreshSchedule {
public:
    using Milliseconds = std::chrono::milliseconds;
    /// Nothing is scheduled for longer: a later request is early enough.
    static constexpr Milliseconds Furthest = std::chrono::hours(1);

    explicit RefreshSchedule(std::size_t most = 10000) : _most(most) {}

    /// A number for one validation of one tag under one configuration.
    static std::uint64_t markOf(const Reference& reference, std::chrono::system_clock::time_point validated,
                                std::uint64_t generation) noexcept;
    /// For another try at the same validation.
    static std::uint64_t again(std::uint64_t mark, std::int64_t attempt) noexcept;
    /// From a validation to the next question: 80 to 95 % of the time that it counts, the same for the same mark.
    static Milliseconds share(std::uint64_t mark, Milliseconds tagTtl) noexcept;

    /// True for one caller: it calls done() after `delay` and asks then.
    bool claim(std::uint64_t mark, Milliseconds delay);
    void done(std::uint64_t mark);
    std::size_t scheduled() const;

private:
    static constexpr std::size_t Slots = 4096;

    const std::size_t _most;
    std::array<std::atomic<std::uint64_t>, Slots> _seen{}; // a mark that was claimed, or found no room
    mutable std::mutex _mutex;
    std::unordered_set<std::uint64_t> _scheduled;
};

} // namespace wasmproxy::host
