// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleIntake.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

std::string bytesOf(Blob& blob); ///< for documents; throws Error{StorageFault}

/// The documents from an artifact's top manifest down to the one that a module is taken from, and what that one names.
struct ArtifactContents {
    std::vector<Descriptor> manifests; ///< at least one; the last is `manifest`
    Manifest manifest;
    std::vector<Descriptor> contents; ///< its config and layers, but what lives elsewhere by its author's word

    /// nullptr: not there; then and for documents that are not right, throws what `missing` makes of the descriptor, or
    /// parseManifest() and chooseChild() do.
    using Open = std::function<std::unique_ptr<Blob>(const Descriptor&)>;
    static ArtifactContents read(const Descriptor& top, const Open& open, std::uint64_t manifestBytes);
};

} // namespace wasmproxy::host
