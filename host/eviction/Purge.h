// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Makes modules forgotten because an operator says so: what tags mean, which Repository holds what, and the contents
/// that no other Repository is known to hold. Answers that send a removed module keep it open.
///
/// What the index knows goes last, and stays while a shared cache cannot be asked: purging again finds what is left.
class Purge {
public:
    using Digests = std::set<Digest>;
    struct Plan {
        std::vector<Reference> tags;
        std::map<Repository, std::vector<ModuleRecord>> modules; ///< but for what others of the Repository need
        std::map<Repository, Digests> links;                     ///< whatever they are
        std::vector<Digest> pinned;                              ///< not empty: these are in the way
        bool nothing() const { return pinned.empty() && tags.empty() && modules.empty() && links.empty(); }
    };
    struct Purged {
        std::size_t tags = 0;
        std::size_t modules = 0; ///< records of artifacts
        std::size_t links = 0;
        std::size_t contents = 0;
        std::uint64_t bytes = 0;
        std::set<std::string> unreached; ///< shared caches that failed; then contents are all that was removed
    };
    struct Told {
        std::function<void(const Digest&)> forgetHot = {};   ///< before a content is removed
        std::function<void(const Reference&)> distrust = {}; ///< a tag, of which no replica's record counts any more
    };

    /// All outlive it.
    Purge(CacheTiers& cache, DigestIndex& index, Told told, std::uint64_t manifestBytes)
        : _cache(cache), _index(index), _told(std::move(told)), _manifestBytes(manifestBytes) {}

    // From the index alone.
    Plan reference(const Reference& reference) const; ///< the tag, or what a digest names in this Repository
    Plan repository(const Repository& repository) const;
    Plan digest(const Digest& digest) const; ///< a module's or a manifest's, in every Repository

    /// Nothing where something is pinned. What it throws leaves what can be purged again.
    Purged run(Call& call, const Plan& plan);

private:
    using Links = std::map<Repository, Digests>;
    void addPinned(const std::vector<ModuleRecord>& records, Plan& plan) const;
    Digests contentsOf(Call& call, const ModuleRecord& record);
    Digests contentsOf(Call& call, const Repository& repository, const std::vector<ModuleRecord>& records);
    bool heldOnlyBy(const Links& links, const Digest& digest) const;
    std::set<std::string> removeShared(Call& call, const std::vector<Reference>& tags, const Links& links,
                                       const Digests& contents);
    void removeHere(Call& call, const Digests& contents, Purged& purged);
    void forget(Call& call, const Links& links, const Digests& contents, Purged& purged);

    CacheTiers& _cache;
    DigestIndex& _index;
    const Told _told;
    const std::uint64_t _manifestBytes;
};

} // namespace wasmproxy::host
