// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy {

struct Platform {
    std::string os;
    std::string architecture;
    std::string variant;
};

/// A pointer to content. Source: OCI image-spec descriptor.md. Value type.
struct Descriptor {
    static constexpr std::uint64_t UnknownSize = ~std::uint64_t(0);

    std::string mediaType; ///< essence form, may be empty
    Digest digest;
    std::uint64_t size = UnknownSize; ///< bytes
    std::string artifactType;
    std::optional<Platform> platform;
    std::map<std::string, std::string> annotations;
    bool foreign = false; ///< it had `urls`: attacker's words, never fetched
    /// Inline content. In a parsed document: decoded `data`, not verified. From RegistryBackend::resolve: the
    /// manifest's bytes, if the backend had to GET them anyway.
    std::optional<std::string> data;
};

} // namespace wasmproxy
