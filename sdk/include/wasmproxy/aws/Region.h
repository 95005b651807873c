// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::aws {

/// Is it a region's name, as far as its characters go?
bool isRegion(std::string_view text);

/// Under which domain the services of that region are: "amazonaws.com", "amazonaws.com.cn".
std::string domainOf(const std::string& region);

/// The origin that a setting names which is host, host:port or an http(s) URL without a path: "api.example.com" becomes
/// "https://api.example.com". Throws Error{UpstreamInvalid}.
std::string originOf(const std::string& endpoint);

/// Is it what originOf() takes?
bool isEndpoint(const std::string& text);

} // namespace wasmproxy::aws
