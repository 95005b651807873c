// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fetch.h"

#include <random>
#include <string>

namespace wasmproxy::test {

/// istio-agent and an http:// URL: five attempts of 15 s, 30 s in all; a transport's error and 5xx (not 501, 505, 511)
/// are tried again after about 0.5 s, half as much more each time, +-50 %. Every other status is final, and so is a 200
/// whose body fails. A sleep is never cut short.
class HttpFetch : public Fetch {
public:
    struct Timing {
        std::chrono::milliseconds total{30000};
        std::chrono::milliseconds attempt{15000};
        int attempts = 5;
        std::chrono::milliseconds backOff{500};
        double factor = 1.5;
        double jitter = 0.5;
        std::chrono::milliseconds longest{60000};
    };

    HttpFetch(std::string path, unsigned seed) : HttpFetch(std::move(path), seed, Timing()) {}
    HttpFetch(std::string path, unsigned seed, const Timing& timing);

    Step begin(Clock::time_point now) override;
    std::string request() const override;
    Clock::time_point deadline() const override { return _deadline; }
    bool wantsModule() const override { return true; }
    Step replied(const Reply& reply, Clock::time_point now) override;
    Step slept(Clock::time_point now) override;

private:
    Step attempt(Clock::time_point now);
    Step again(const std::string& why);

    const std::string _path;
    const Timing _timing;
    std::minstd_rand _random;
    Clock::time_point _end;
    Clock::time_point _deadline;
    int _attempts = 0;
    double _backOff; ///< milliseconds
    std::string _last;
};

} // namespace wasmproxy::test
