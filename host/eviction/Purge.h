// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"
#include "pull/SharedRecords.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Makes modules forgotten because an operator says so: what tags mean, which Repository holds what, and the contents
/// that no other Repository is known to hold. Answers that send a removed module keep it open.
class Purge {
public:
    struct Purged {
        std::size_t tags = 0;
        std::size_t modules = 0; ///< records of artifacts
        std::size_t links = 0;
        std::size_t contents = 0;
        std::uint64_t bytes = 0;
        std::vector<Digest> pinned;      ///< not empty: these are in the way, and nothing was removed
        std::set<std::string> unreached; ///< shared caches that failed: what was purged may still be there
        bool nothing() const { return tags + modules + links + contents == 0; }
    };

    /// All outlive it. `forgetHot` is called before a content is removed.
    Purge(CacheTiers& cache, DigestIndex& index, std::function<void(const Digest&)> forgetHot,
          std::uint64_t manifestBytes)
        : _cache(cache), _index(index), _forgetHot(std::move(forgetHot)), _manifestBytes(manifestBytes) {}

    /// The tag, or what a digest names in this Repository.
    Purged reference(Call& call, const Reference& reference);
    Purged repository(Call& call, const Repository& repository);
    /// A module's or a manifest's, in every Repository.
    Purged digest(Call& call, const Digest& digest);

private:
    using Digests = std::set<Digest>;
    bool inTheWay(const std::vector<ModuleRecord>& records, Purged& purged) const;
    Digests contentsOf(Call& call, const ModuleRecord& record);
    void forgetTag(Call& call, const std::string& key, Purged& purged);
    void remove(Call& call, const std::vector<ModuleRecord>& records, const Repository& repository, Purged& purged);
    void unlink(Call& call, const Digests& digests, const Repository& repository, Purged& purged);

    CacheTiers& _cache;
    DigestIndex& _index;
    const std::function<void(const Digest&)> _forgetHot;
    const std::uint64_t _manifestBytes;
};

} // namespace wasmproxy::host
