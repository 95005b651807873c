// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Credential.h"

#include <cstddef>
#include <string>
#include <vector>

namespace wasmproxy {

/// What a repository holds: the ability "registry-listing/1" of a RegistryBackend. Owned by the backend; thread-safe.
/// Lists are the registry's words, change at any time and are always bounded. Throws as RegistryBackend::resolve().
class RegistryListing {
public:
    static constexpr const char* Id = "registry-listing/1";

    struct Tags {
        std::vector<std::string> names; ///< in the registry's order
        bool complete = true;           ///< false: cut at a bound, or the registry's pages went in a circle
    };

    struct Referrers {
        std::vector<Descriptor> descriptors;
        bool complete = true; ///< as Tags::complete
    };

    /// The repository's tags, at most `limit` of them; none where the registry knows no such repository.
    virtual Tags tags(Call& call, const Repository& repository, const Credential& credential, std::size_t limit) = 0;

    /// The manifests whose `subject` is `digest`, only those of `artifactType` unless it is empty. A registry without
    /// the referrers API is asked for the fallback tag.
    virtual Referrers referrers(Call& call, const Repository& repository, const Digest& digest,
                                const Credential& credential, const std::string& artifactType) = 0;

protected:
    ~RegistryListing() = default;
};

} // namespace wasmproxy
