// SPDX-License-Identifier: Apache-2.0
#include "JwtClaims.h"

#include "wasmproxy/oci/Error.h"

#include <openssl/evp.h>

#include <algorithm>
#include <string>

namespace wasmproxy {

namespace {

std::optional<std::string> base64UrlDecoded(std::string_view text) {
    std::string input(text);
    std::replace(input.begin(), input.end(), '-', '+');
    std::replace(input.begin(), input.end(), '_', '/');
    const std::size_t padding = (4 - input.size() % 4) % 4;
    input.append(padding, '=');
    std::string output(input.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(output.data()),
                        reinterpret_cast<const unsigned char*>(input.data()), static_cast<int>(input.size()));
    if (size < 0 || input.empty()) return {};
    output.resize(static_cast<std::size_t>(size) - padding);
    return output;
}

} // namespace

std::optional<StrictJson> jwtClaims(std::string_view token) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return {};
    const std::size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return {};
    const auto payload = base64UrlDecoded(token.substr(first + 1, second - first - 1));
    if (!payload) return {};
    try {
        auto claims = StrictJson::parse(*payload, "token", ErrorCode::UpstreamInvalid);
        if (claims.isObject()) return claims;
    } catch (const Error&) {
        // No JSON: no JWT.
    }
    return {};
}

} // namespace wasmproxy
