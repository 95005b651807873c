// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy {

/// Standard base64. Missing padding and line breaks are tolerated, as every reader of docker's files does; anything
/// else that is not base64 is nullopt. The caller wipes the result.
std::optional<std::string> decodeBase64(std::string_view text);

} // namespace wasmproxy
