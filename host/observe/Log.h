// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace wasmproxy::host {

using LogField = std::pair<const char*, std::string>;

/// Sets up Poco's logging for this process: level "error", "warning", "information" or "debug"; format "text" or
/// "json". Lines go to standard error. Called once, before other threads.
void configureLog(const std::string& level, const std::string& format);

/// From now on; throws Error{SettingsInvalid} for a level that is none. Any thread.
void setLogLevel(const std::string& level);
std::string logLevel(); ///< "information"; any thread

/// One line: what happened and its fields (`request`, `reference`, `registry`, `credential`, `cause`, `hint`, …), as
/// `message key=value …` or as one JSON object. Control, escape and bidirectional characters in values are escaped.
/// Thread-safe, never throws; a field with an empty value is left out.
void log(LogLevel level, const std::string& message, std::initializer_list<LogField> fields = {}) noexcept;
bool logEnabled(LogLevel level) noexcept;

/// The line `audit` with these fields, whatever the level is: who may lower it must not hide what he does next.
void logAudit(std::initializer_list<LogField> fields) noexcept;

} // namespace wasmproxy::host
