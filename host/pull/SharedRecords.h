// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// What hosts with one shared cache tell each other: what a tag of a repository meant, and which module a manifest of a
/// repository holds. JSON, read strictly; a record that is anything but its own is an Error. Thread-safe.
class SharedRecords {
public:
    using Time = std::chrono::system_clock::time_point;
    struct Tag {
        Digest manifest;
        Time validatedAt; ///< to the millisecond; a little ahead of our clock: now
    };

    // Of one shared tier. Throw Error; nullopt: there is none.
    std::optional<Tag> tag(Call& call, const CacheTiers::Tier& tier, const Reference& reference) const;
    std::optional<ModuleRecord> module(Call& call, const CacheTiers::Tier& tier, const Repository& repository,
                                       const Digest& manifest) const;
    void putTag(Call& call, const CacheTiers::Tier& tier, const Reference& reference, const Tag& tag,
                std::chrono::seconds lifetime) const;
    void putModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository, const ModuleRecord& record,
                   std::chrono::seconds lifetime) const;
    void removeTag(Call& call, const CacheTiers::Tier& tier, const Reference& reference) const;
    void removeModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository,
                      const Digest& manifest) const;

    /// How far another host's clock may be ahead.
    static constexpr std::chrono::seconds Skew{2};
};

} // namespace wasmproxy::host
