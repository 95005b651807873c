// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wasmproxy {

/// An image manifest: config and layers, bottom layer first. Source: OCI image-spec manifest.md; Docker schema 2.
struct Manifest {
    std::string mediaType; ///< as classified; never empty
    std::string artifactType;
    Descriptor config;
    std::vector<Descriptor> layers;
    std::optional<Descriptor> subject;
    std::map<std::string, std::string> annotations;
};

/// OCI's multi-manifest (Docker: manifest list).
struct ImageIndex {
    std::string mediaType;
    std::string artifactType;
    std::vector<Descriptor> manifests;
    std::map<std::string, std::string> annotations;
};

struct ManifestLimits {
    std::size_t bytes = 4u << 20;
    std::size_t descriptors = 1000; ///< layers or children
    std::size_t depth = 32;         ///< of the JSON
};

/// Parses manifest bytes. `contentType` is what the registry said (may be empty). Classification is by the body's
/// `mediaType`, then the Content-Type, then the shape; a body whose mediaType differs from a manifest Content-Type, one
/// with both `layers` and `manifests` (CVE-2021-41190), one with duplicate keys, schema 1, sizes outside 0..2^53, and
/// anything that is not a JSON object (an HTML page) are refused.
/// Throws Error{UpstreamInvalid} with the reason; pure, thread-safe.
std::variant<Manifest, ImageIndex> parseManifest(std::string_view bytes, std::string_view contentType,
                                                 const ManifestLimits& limits = {});

} // namespace wasmproxy
