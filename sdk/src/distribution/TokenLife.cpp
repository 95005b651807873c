// SPDX-License-Identifier: Apache-2.0
#include "TokenLife.h"

#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/oci/Error.h"

#include "JwtClaims.h"

#include <algorithm>
#include <optional>

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

std::optional<seconds> lifeOfJwt(std::string_view token, std::chrono::system_clock::time_point now) {
    const auto claims = jwtClaims(token);
    const auto expires = claims ? numberIn(*claims, "exp") : std::nullopt;
    if (!expires) return {};
    double life = *expires - double(std::chrono::system_clock::to_time_t(now));
    // A local clock that is behind must not stretch it.
    if (const auto issued = numberIn(*claims, "iat")) life = std::min(life, *expires - *issued);
    return bounded(life);
}

} // namespace

seconds lifeOf(const StrictJson& response, std::string_view token, std::chrono::system_clock::time_point now) {
    if (const auto life = numberIn(response, "expires_in")) return bounded(*life);
    return lifeOfJwt(token, now).value_or(TokenCache::MinimumLife);
}

} // namespace wasmproxy
