// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace wasmproxy::host {

/// What it counts that a tag was validated once: as an answer, only where the registry cannot be asked, no more.
enum class Freshness { Fresh, Stale, Expired };

/// How long a validation counts, and how long past that if the registry cannot be asked. A validation in the future (a
/// clock that was set back) is past its time, not fresh for years.
struct FreshnessRules {
    std::chrono::milliseconds tagTtl;
    std::chrono::milliseconds staleIfError;

    Freshness at(std::chrono::system_clock::time_point validated,
                 std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const noexcept {
        const auto age = now - validated;
        if (age >= age.zero() && age < tagTtl) return Freshness::Fresh;
        // Not one sum: both may be as long as a settings file can say.
        return age < tagTtl || age - tagTtl < staleIfError ? Freshness::Stale : Freshness::Expired;
    }
};

inline const char* nameOf(Freshness freshness) noexcept {
    return freshness == Freshness::Fresh ? "fresh" : freshness == Freshness::Stale ? "stale" : "expired";
}

} // namespace wasmproxy::host
