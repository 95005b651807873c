// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace wasmproxy::file {

/// "6h0m0s", "1.5h", "300ms", "0": a duration as Go prints and reads it. nullopt: it is none, is negative or longer
/// than a hundred years.
std::optional<std::chrono::milliseconds> parseGoDuration(std::string_view text);

} // namespace wasmproxy::file
