// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpTransport.h"
#include "wasmproxy/plugin/Secret.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy {

/// Foreign text for a message: one line, no control, bidirectional or broken UTF-8 characters, at most 300 bytes, no
/// URL's query, and none of `secrets` (a hostile registry may echo what it was sent).
std::string presentable(std::string_view text, const std::vector<std::string_view>& secrets = {});

/// The first error's message of a refusal's body (OCI's, an OAuth2 endpoint's, or short plain text); "" for none, HTML
/// or a body that breaks. Reads at most 64 KiB. As it came: pass it through presentable().
std::string errorMessage(HttpResponse& response);

/// What `Retry-After` asks for, in seconds or as a date; at most an hour, zero for none.
std::chrono::seconds retryAfter(const HttpResponse& response, std::chrono::system_clock::time_point now);

/// The ErrorCode of a registry's final refusal.
ErrorCode codeOfStatus(int status) noexcept;

} // namespace wasmproxy
