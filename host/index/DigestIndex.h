// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/Reference.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::host {

/// What a tag meant when it was last asked for upstream.
struct TagRecord {
    Digest digest;                                     ///< of the manifest or ImageIndex
    std::chrono::system_clock::time_point validatedAt; ///< wall clock, since it outlives the process
    Digest previous = {};                              ///< what it meant before; empty: not seen to move
};

/// The module inside an artifact, keyed by the digest that the reference resolved to (an ImageIndex's or a manifest's).
struct ModuleRecord {
    Digest manifest;         ///< the key
    Digest selectedManifest; ///< the child where `manifest` is an ImageIndex, else the same
    Digest module;           ///< sha256 of the module's bytes
    std::uint64_t size = 0;  ///< of the module, bytes
    std::string layout;
    Digest layer;
    std::string entry;
    std::string proxyAbi; ///< empty: the module exports none
    std::chrono::system_clock::time_point pulledAt;
};

/// One content in the cache store.
struct ContentRecord {
    Digest digest;
    std::uint64_t size = 0;
    std::chrono::system_clock::time_point lastUsed;
};

/// An operator's claim on a module or a manifest: what belongs to it is not evicted.
struct PinRecord {
    Digest digest; ///< of a module's bytes or of a manifest
    std::chrono::system_clock::time_point since;
};

struct AccessRecord {
    Digest module;
    std::string reference; ///< canonical
    std::string caller;    ///< address
    std::chrono::system_clock::time_point at;
    std::int64_t id = 0;     ///< given by the database; greater is later
    std::uint64_t times = 1; ///< how many this one stands for when it is recorded: only counts know
};

/// Which accesses.
struct AccessQuery {
    std::optional<Digest> module = std::nullopt;
    std::string caller = {}; ///< empty: whoever
    std::optional<std::chrono::system_clock::time_point> from = std::nullopt;
    std::optional<std::chrono::system_clock::time_point> until = std::nullopt; ///< not of that moment itself
    std::int64_t before = 0; ///< only those with a lesser id; 0: from the newest
    std::size_t limit = 100;
};

struct AccessPage {
    std::vector<AccessRecord> rows; ///< newest first
    std::int64_t next = 0;          ///< the `before` of what follows; 0: nothing does
};

/// How often somebody fetched a module on one day, UTC. Outlives the accesses.
struct AccessCount {
    std::int64_t day = 0; ///< since 1970-01-01
    Digest module;
    std::string caller;
    std::uint64_t count = 0;
};

struct AccessCountQuery {
    std::optional<Digest> module = std::nullopt;
    std::string caller = {};
    std::int64_t fromDay = 0;
    std::int64_t untilDay = 1000000;                 ///< that day included
    std::optional<AccessCount> after = std::nullopt; ///< its day, module and caller: the last that was seen
    std::size_t limit = 100;
};

struct DigestIndexSettings {
    std::string path;
    std::chrono::hours accessRetention{24 * 30};
    std::uint64_t accessLimit = 1000000; ///< older accesses go first; bounds the file
};

/// Which digest a tag meant, which module an artifact holds, which Repository a digest belongs to, who fetched what.
///
/// Tags, modules, links, contents and pins are held in memory and answered from there by any thread without touching
/// the disk (readers share a lock). SQLite stands behind, written by one thread that this object owns and joins:
/// record*() and link() return after their row is committed; accesses are batched and never wait (a full queue drops
/// and counts). A database that is corrupt, of a newer schema or unreadable is set aside as `<path>.bad-<n>` and
/// replaced, or if its folder cannot be written, by one in memory; one that cannot be written is an Error{StorageFault}
/// from the record call, and memory stays right for this process; the database is brought up to it once it can be
/// written again. `<path>.copy` holds tags, links, pins and modules as they were at most a minute ago, and is where
/// they come from after a database was set aside or lost. One process per path.
class DigestIndex {
public:
    explicit DigestIndex(DigestIndexSettings settings); ///< throws Error{StorageFault} naming the path
    ~DigestIndex();                                     ///< writes what is queued

    std::optional<TagRecord> tag(const Reference& reference) const; ///< keyed by repository and tag
    std::optional<ModuleRecord> module(const Digest& manifest) const;
    /// Records that hold this module, one per manifest, newest first.
    std::vector<ModuleRecord> modulesBySha256(const Digest& module) const;
    bool linked(const Digest& digest, const Repository& repository) const;
    std::vector<Repository> links(const Digest& digest) const;
    /// Tags (canonical "host/path:tag") that mean `manifest` now.
    std::vector<std::string> tagsOf(const Digest& manifest) const;
    std::vector<ModuleRecord> modules() const;                   ///< all, newest first
    std::vector<std::pair<std::string, TagRecord>> tags() const; ///< all, by "host/path:tag" in its order
    std::size_t moduleCount() const;
    std::vector<Digest> linkedTo(const Repository& repository) const;    ///< in their order
    std::vector<std::string> tagsIn(const Repository& repository) const; ///< canonical "host/path:tag", in their order

    /// A reference with a digest is not recorded: the registry was not asked what its tag means.
    /// `validatedAt`: when that was asked, or before; what has been validated since stays.
    void recordTag(const Reference& reference, const Digest& digest,
                   std::chrono::system_clock::time_point validatedAt = std::chrono::system_clock::now());
    void forgetTag(const Reference& reference);
    /// The module and the links of manifest, selected manifest, layer and module to `repository`, in one transaction.
    void recordModule(const ModuleRecord& record, const Repository& repository);
    void link(const Digest& digest, const Repository& repository);
    void unlink(const Digest& digest, const Repository& repository);
    void forgetModule(const Digest& manifest);

    void pin(const Digest& digest); ///< again: the first time counts
    void unpin(const Digest& digest);
    std::optional<PinRecord> pinned(const Digest& digest) const;
    std::vector<PinRecord> pins() const; ///< by digest

    /// Changes with every tag, module and link, so that what was found in them is right as long as this is the same.
    /// Cheap.
    std::uint64_t version() const noexcept;

    void recordContent(const Digest& digest, std::uint64_t size,
                       std::chrono::system_clock::time_point usedAt = std::chrono::system_clock::now());
    void forgetContent(const Digest& digest);
    std::optional<ContentRecord> content(const Digest& digest) const;
    std::uint64_t contentBytes() const;
    std::size_t contentCount() const;
    std::vector<ContentRecord> contentsByAge() const; ///< least recently used first

    /// Any thread, no wait; also marks the module's content as used. What one caller asks for more than some thirty
    /// times a second leaves fewer rows than accesses; their counts are right.
    void recordAccess(const Digest& module, const std::string& reference, const std::string& caller,
                      std::chrono::system_clock::time_point at) noexcept;
    void recordAccess(const AccessRecord& access) noexcept {
        recordAccess(access.module, access.reference, access.caller, access.at);
    }
    std::vector<AccessRecord> accesses(std::size_t limit) const; ///< newest first, from the database
    /// Waits for the database. A rare filter may give fewer than `limit` with a `next`.
    AccessPage accesses(const AccessQuery& query) const;
    std::vector<AccessCount> accessCounts(const AccessCountQuery& query) const; ///< newest day first; waits, too
    std::uint64_t droppedAccesses() const noexcept;
    bool inMemory() const noexcept; ///< alone: the file's folder could not be written at the start
    std::string setAside() const;   ///< where a bad database was moved at start; empty: it was good

private:
    struct Store;
    std::unique_ptr<Store> _store;
};

} // namespace wasmproxy::host
