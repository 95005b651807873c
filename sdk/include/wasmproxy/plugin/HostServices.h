// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Component.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include <chrono>
#include <string>

namespace wasmproxy {

enum class LogLevel { Error, Warning, Information, Debug };

/// What the host gives to one plugin instance. Owned by the host, outlives the instance, thread-safe.
class HostServices : public Component {
public:
    virtual HttpTransport& http() = 0;
    /// Wall clock, for expiry of tokens and certificates; deadlines use Call::Clock.
    virtual std::chrono::system_clock::time_point now() const = 0;
    /// One line, prefixed with the instance's name by the host. Never a secret.
    virtual void log(LogLevel level, const std::string& line) noexcept = 0;
};

} // namespace wasmproxy
