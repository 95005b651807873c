// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::host {

/// The longest message or field value that a log line shows, in bytes before escaping; the rest is cut and "…" added.
constexpr std::size_t MaxLogValue = 2048;

/// For text lines: control, line-separating and bidirectional characters as \n or \u202e, bytes that are not UTF-8 as
/// \xff. `quoted` also escapes quotes and backslashes and puts quotes around.
std::string escapeLogText(std::string_view value, bool quoted);
/// Whether a text line must quote this value for `key=value` to be read back without doubt.
bool needsLogQuotes(std::string_view value);
/// A JSON string with its quotes. What is not UTF-8 becomes U+FFFD; the same characters are escaped as in text.
std::string escapeLogJson(std::string_view value);

} // namespace wasmproxy::host
