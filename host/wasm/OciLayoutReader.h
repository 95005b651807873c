// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ModuleFinder.h"
#include "wasmproxy/oci/Digest.h"

#include <string>

namespace wasmproxy::host {

/// Takes the contents of a layout, one after the other.
class LayoutSink {
public:
    virtual ~LayoutSink() = default;
    virtual void write(const char* bytes, std::size_t size) = 0;
    /// What was written since the last end() is this content: `digest` is of the bytes, not only of their name.
    virtual void end(const Digest& digest, std::uint64_t size) = 0;
};

struct LayoutLimits {
    ModuleLimits unpack; ///< archiveBytes, entries and names, ratio
    std::uint64_t contentBytes = 512u << 20;
    std::uint64_t documentBytes = 4u << 20; ///< of index.json
    std::size_t contents = 1000;
};

/// Reads an OCI image layout out of a tar archive, plain or gzip, and returns its index.json. Every blob is hashed; one
/// that is not what its name says, a link, a second index.json, another version and what is no layout are refused.
/// `what` names the archive in errors. Throws Error{ModuleUnusable}; what `sink` throws passes through. Source: OCI
/// image-spec, image-layout.md.
std::string readOciLayout(Blob& archive, const std::string& what, LayoutSink& sink, const LayoutLimits& limits);

} // namespace wasmproxy::host
