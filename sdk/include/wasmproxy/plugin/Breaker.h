// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <random>
#include <string>

namespace wasmproxy {

/// Leaves a server alone after failures in a row: for 0.5 s, then twice as long each time, up to 30 s, give or take a
/// fifth. After each pause one request tries. Says so once when it begins and once when it is over. Thread-safe.
class Breaker {
public:
    using Clock = std::chrono::steady_clock;
    using Now = std::function<Clock::time_point()>;
    using Say = std::function<void(bool good, const std::string& line)>;

    static constexpr int Threshold = 3;
    static constexpr std::chrono::milliseconds FirstPause{500};
    static constexpr std::chrono::milliseconds LongestPause{30000};

    explicit Breaker(Say say, Now now = Clock::now) : _say(std::move(say)), _now(std::move(now)) {}

    /// The right to try, to be answered by exactly one of the three below.
    enum class Admission { Refused, Usual, Probe };
    Admission admit();
    void succeeded(Admission admission);
    void failed(Admission admission, const std::string& why);
    void undecided(Admission admission); ///< it ended for a reason of its own
    /// Why it is open; "" while it is not.
    std::string reason() const;
    void silence(); ///< nothing is said from now on

private:
    void pause();

    mutable std::mutex _mutex;
    Say _say;
    Now _now;
    std::minstd_rand _random{std::random_device{}()};
    int _failures = 0;
    bool _open = false;
    bool _probing = false;
    std::chrono::milliseconds _length{FirstPause};
    Clock::time_point _since{};
    Clock::time_point _until{};
    std::string _reason;
};

} // namespace wasmproxy
