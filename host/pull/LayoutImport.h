// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"
#include "pull/ModuleIntake.h"

#include <string>

namespace wasmproxy::host {

/// Takes an artifact out of an archive instead of a registry, with the limits of a pull and no network: verified whole
/// before the cache gets the first byte of it, then indexed, linked to the Repository and tagged. Thread-safe.
class LayoutImport {
public:
    struct Imported {
        ModuleRecord record;
        std::size_t contents = 0;
        std::uint64_t bytes = 0;
    };

    /// Both outlive it. What an archive holds waits in `folder` until it is known to be good.
    LayoutImport(CacheTiers& cache, DigestIndex& index, PullLimits limits, std::string folder)
        : _cache(cache), _index(index), _limits(limits), _folder(std::move(folder)) {}

    /// `archive`: an OCI image layout, tar or tar.gz. Where it has several manifests, the one of the reference's digest
    /// or tag. Throws Error{ModuleUnusable} that says what is wrong with it.
    Imported take(Call& call, Blob& archive, const Reference& reference);

private:
    class Staged;
    void commit(Call& call, const Digest& digest, Blob& content);

    CacheTiers& _cache;
    DigestIndex& _index;
    const PullLimits _limits;
    const std::string _folder;
};

} // namespace wasmproxy::host
