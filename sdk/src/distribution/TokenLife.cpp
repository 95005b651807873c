// SPDX-License-Identifier: Apache-2.0
#include "TokenLife.h"

#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/oci/Error.h"

#include <openssl/evp.h>

#include <algorithm>
#include <optional>
#include <string>

namespace wasmproxy {

namespace {

using std::chrono::seconds;

seconds bounded(double value) {
    return seconds(static_cast<std::int64_t>(
        std::clamp(value, double(TokenCache::MinimumLife.count()), double(TokenCache::MaximumLife.count()))));
}

std::optional<double> numberIn(const StrictJson& json, const char* key) {
    const auto member = json.find(key);
    if (!member) return {};
    try {
        return member->asNumber();
    } catch (const Error&) {
        return {};
    }
}

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

std::optional<seconds> lifeOfJwt(std::string_view token, std::chrono::system_clock::time_point now) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return {};
    const std::size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return {};
    const auto payload = base64UrlDecoded(token.substr(first + 1, second - first - 1));
    if (!payload) return {};
    try {
        const auto claims = StrictJson::parse(*payload, "token", ErrorCode::UpstreamInvalid);
        const auto expires = numberIn(claims, "exp");
        if (!expires) return {};
        double life = *expires - double(std::chrono::system_clock::to_time_t(now));
        // A local clock that is behind must not stretch it.
        if (const auto issued = numberIn(claims, "iat")) life = std::min(life, *expires - *issued);
        return bounded(life);
    } catch (const Error&) {
        return {};
    }
}

} // namespace

seconds lifeOf(const StrictJson& response, std::string_view token, std::chrono::system_clock::time_point now) {
    if (const auto life = numberIn(response, "expires_in")) return bounded(*life);
    return lifeOfJwt(token, now).value_or(TokenCache::MinimumLife);
}

} // namespace wasmproxy
