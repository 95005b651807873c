// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/testing/FixedClock.h"

#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::testing {

/// The host, as a plugin's test sees it: the given transport, a clock to set, and every log line kept. Thread-safe.
class TestServices : public HostServices {
public:
    struct Line {
        LogLevel level;
        std::string text;
    };

    /// `http` outlives this. Without one, a plugin that uses http() gets Error{Internal}.
    explicit TestServices(HttpTransport& http) : _http(&http) {}
    TestServices() = default;

    HttpTransport& http() override;
    std::chrono::system_clock::time_point now() const override { return clock.now(); }
    void log(LogLevel level, const std::string& line) noexcept override;

    std::vector<Line> lines() const;
    bool logged(const std::string& part) const; ///< does any line hold it?

    FixedClock clock;

private:
    HttpTransport* _http = nullptr;
    mutable std::mutex _mutex;
    std::vector<Line> _lines;
};

} // namespace wasmproxy::testing
