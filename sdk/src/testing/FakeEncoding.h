// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace wasmproxy::testing {

std::string lowered(std::string text);
std::string percentDecoded(const std::string& text);
std::string base64Decoded(const std::string& text); ///< up to the first byte that is none
/// `a=1&b=2`, decoded; several values of a key are joined by spaces.
std::map<std::string, std::string> formOf(const std::string& text);
/// Is `canary` in `text`: plain, percent-encoded, or inside a base64 word?
bool holds(const std::string& text, const std::string& canary);

} // namespace wasmproxy::testing
