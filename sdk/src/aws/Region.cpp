// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/aws/Region.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include <algorithm>

namespace wasmproxy::aws {
namespace {

HttpUrl urlOf(const std::string& endpoint) {
    const bool whole = endpoint.find("://") != std::string::npos;
    return HttpUrl::parse(whole ? endpoint : "https://" + endpoint, "endpoint");
}

} // namespace

bool isRegion(std::string_view text) {
    const auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
    return !text.empty() && text.size() <= 63 && plain(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-'; });
}

std::string domainOf(const std::string& region) {
    return region.compare(0, 3, "cn-") == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

std::string originOf(const std::string& endpoint) {
    return urlOf(endpoint).origin();
}

bool isEndpoint(const std::string& text) {
    try {
        return urlOf(text).target() == "/" && text.find_first_of("?#") == std::string::npos;
    } catch (const Error&) {
        return false;
    }
}

} // namespace wasmproxy::aws
