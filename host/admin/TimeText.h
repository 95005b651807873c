// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeFormatter.h>
#include <Poco/Timestamp.h>

#include <chrono>
#include <string>

namespace wasmproxy::host {

inline std::string timeText(std::chrono::system_clock::time_point time) {
    return Poco::DateTimeFormatter::format(Poco::Timestamp::fromEpochTime(std::chrono::system_clock::to_time_t(time)),
                                           Poco::DateTimeFormat::ISO8601_FORMAT);
}

} // namespace wasmproxy::host
