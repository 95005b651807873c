// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace wasmproxy::host {

/// Which large bodies may begin now. A client gives one attempt so long, its body included, and a link that is shared
/// fairly among too many gives nobody's body in time: so only as many begin as the link carries in a
/// second, or in what is left of that, and the others wait for their turn. How much it carries is measured while it has
/// enough to do: neither a time without work nor clients that are slow for themselves make it less. Thread-safe; never
/// waits.
class BodyAdmission {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds Interval{100}; ///< between two calls of measure()

    struct Limits {
        bool enabled = true;
        std::chrono::milliseconds within{13000};        ///< a body should have arrived after, from its request on
        std::uint64_t always = std::uint64_t(64) << 20; ///< so much may be on its way, whatever was measured
    };

    explicit BodyAdmission(Limits limits) : _limits(limits) {}

    /// True: a body of that size, asked for so long ago, may begin; it counts as on its way from now on.
    bool admit(std::uint64_t size, Clock::duration waited) noexcept;
    void arrived(std::uint64_t bytes, bool counted) noexcept; ///< of what is on its way; `counted`: not set aside
    void left(std::uint64_t bytes) noexcept;                  ///< the rest of a body that will never arrive
    /// Whether a client that has taken so much in that time will not have the rest in time, by far.
    bool isSlow(std::uint64_t rest, std::uint64_t taken, Clock::duration age) const noexcept;
    /// A client is slow for itself: what it still has to take holds up nobody else.
    void setAside(std::uint64_t bytes) noexcept { left(bytes); }

    /// Called at intervals by each loop; only the first of each interval has an effect.
    void measure(Clock::time_point now) noexcept;

    double rate() const noexcept; ///< bytes per second that the link was seen to carry; 0: not known yet
    std::uint64_t onTheirWay() const noexcept;

private:
    static constexpr std::size_t Ticks = 5; // over which a rise is believed

    const Limits _limits;
    mutable std::mutex _mutex;
    std::uint64_t _onTheirWay = 0;
    std::uint64_t _arrived = 0; // since the last tick
    std::uint64_t _least = 0;   // on their way, since the last tick
    double _rate = 0;
    Clock::time_point _tick{};
    std::array<double, Ticks> _bytes{};
    std::array<double, Ticks> _seconds{};
    std::size_t _next = 0;
};

} // namespace wasmproxy::host
