// SPDX-License-Identifier: Apache-2.0
#include "observe/Log.h"

#include "observe/LogFormatter.h"
#include "observe/StderrChannel.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/AutoPtr.h>
#include <Poco/FormattingChannel.h>
#include <Poco/Logger.h>

namespace wasmproxy::host {
namespace {

Poco::Message::Priority priorityOf(LogLevel level) noexcept {
    switch (level) {
    case LogLevel::Error:
        return Poco::Message::PRIO_ERROR;
    case LogLevel::Warning:
        return Poco::Message::PRIO_WARNING;
    case LogLevel::Information:
        return Poco::Message::PRIO_INFORMATION;
    case LogLevel::Debug:
        break;
    }
    return Poco::Message::PRIO_DEBUG;
}

Poco::Logger& logger() {
    // Poco owns it for the life of the process; looked up once because every look-up takes a global lock.
    static Poco::Logger& ours = Poco::Logger::get("wasm-proxy");
    return ours;
}

Poco::Message lineOf(LogLevel level, const std::string& message, std::initializer_list<LogField> fields) {
    Poco::Message line("wasm-proxy", message, priorityOf(level));
    std::size_t position = 0;
    for (const auto& [key, value] : fields) {
        if (!value.empty()) LogFormatter::addField(line, position++, key, value);
    }
    return line;
}

} // namespace

void setLogLevel(const std::string& level) {
    if (level != "error" && level != "warning" && level != "information" && level != "debug") {
        throw Error(ErrorCode::SettingsInvalid, "log.level: unknown level '" + level + "'",
                    "use error, warning, information or debug");
    }
    logger();
    Poco::Logger::setLevel("", Poco::Logger::parseLevel(level));
}

std::string logLevel() {
    const int level = logger().getLevel();
    return level >= Poco::Message::PRIO_DEBUG         ? "debug"
           : level >= Poco::Message::PRIO_INFORMATION ? "information"
           : level >= Poco::Message::PRIO_WARNING     ? "warning"
                                                      : "error";
}

void configureLog(const std::string& level, const std::string& format) {
    if (format != "text" && format != "json") {
        throw Error(ErrorCode::SettingsInvalid, "log.format: unknown format '" + format + "'", "use text or json");
    }
    const auto style = format == "json" ? LogFormatter::Style::Json : LogFormatter::Style::Text;
    Poco::AutoPtr<Poco::Channel> out(new StderrChannel);
    Poco::AutoPtr<Poco::Formatter> formatter(new LogFormatter(style));
    Poco::AutoPtr<Poco::Channel> channel(new Poco::FormattingChannel(formatter, out));
    logger();
    Poco::Logger::setChannel("", channel);
    setLogLevel(level);
}

void log(LogLevel level, const std::string& message, std::initializer_list<LogField> fields) noexcept {
    try {
        if (logEnabled(level)) logger().log(lineOf(level, message, fields));
    } catch (...) {
        // Out of memory, or standard error is gone: there is nowhere to say so.
    }
}

void logAudit(std::initializer_list<LogField> fields) noexcept {
    try {
        auto channel = logger().getChannel(); // not through the logger, which filters
        if (channel) channel->log(lineOf(LogLevel::Information, "audit", fields));
    } catch (...) {
        // As above.
    }
}

bool logEnabled(LogLevel level) noexcept {
    try {
        return logger().is(priorityOf(level));
    } catch (...) {
        return false;
    }
}

} // namespace wasmproxy::host
