// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace wasmproxy {

/// How many pulls a registry still allows: the ability "registry-health/1" of a RegistryBackend. Owned by the backend;
/// thread-safe.
struct RegistryHealth {
    static constexpr const char* Id = "registry-health/1";

    struct Measurement {
        std::optional<std::uint64_t> limit;         ///< pulls per window
        std::optional<std::uint64_t> remaining;     ///< of them
        std::optional<std::chrono::seconds> window; ///< after which all are allowed again
        std::chrono::system_clock::time_point measuredAt{};
        std::string source; ///< whom the registry counts them for: an address or an account; may be empty
    };

    /// What the registry said last; nullopt: it never spoke of a limit. It may be older than its window.
    virtual std::optional<Measurement> measurement() const = 0;

protected:
    ~RegistryHealth() = default;
};

} // namespace wasmproxy
