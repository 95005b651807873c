// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/CacheTiers.h"
#include "wasmproxy/oci/Reference.h"

#include <functional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Writes an artifact that is cached as an OCI image layout in a tar archive: its manifests as they are, with the
/// config and the layers of the one that the module is taken from. Other children of an ImageIndex are left out.
/// Thread-safe.
class LayoutExport {
public:
    /// Brings contents of this artifact into the cache that serving its module did not need. Throws Error.
    using Fetch = std::function<void(Call&, const Reference&, const std::vector<Descriptor>&)>;

    /// `cache` outlives it.
    LayoutExport(CacheTiers& cache, std::uint64_t manifestBytes, Fetch fetch)
        : _cache(cache), _manifestBytes(manifestBytes), _fetch(std::move(fetch)) {}

    /// `reference` gives the archive its name, `manifest` is what it means. Throws Error{ModuleUnknown} where that is
    /// not cached.
    void write(Call& call, const Reference& reference, const Digest& manifest, int descriptor);

private:
    CacheTiers& _cache;
    const std::uint64_t _manifestBytes;
    const Fetch _fetch;
};

} // namespace wasmproxy::host
