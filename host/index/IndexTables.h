// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "IndexChange.h"

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <shared_mutex>
#include <unordered_map>

namespace wasmproxy::host {

/// The index in memory. Thread-safe: readers share a lock, apply() takes it alone.
class IndexTables {
public:
    void apply(const IndexChanges& changes);
    /// Changes that make an empty IndexTables equal to this one.
    IndexChanges snapshot() const;
    /// The same without contents, in slices between which changes get their turn: each row as it is then.
    void visit(const std::function<void(const IndexChanges&)>& take) const;
    /// Changes after every change of a tag, a module or a link.
    std::uint64_t version() const noexcept { return _version.load(std::memory_order_acquire); }

    std::optional<TagRecord> tag(const std::string& key) const;
    std::optional<ModuleRecord> module(const Digest& manifest) const;
    std::vector<ModuleRecord> modulesBySha256(const Digest& module) const;
    bool linked(const Digest& digest, const Repository& repository) const;
    std::vector<Repository> links(const Digest& digest) const;
    std::vector<std::string> tagsOf(const Digest& manifest) const;
    std::vector<ModuleRecord> modules() const;
    std::vector<std::pair<std::string, TagRecord>> tags() const; ///< by key
    std::size_t moduleCount() const;
    std::vector<Digest> linkedTo(const Repository& repository) const;
    std::vector<std::string> tagsIn(const Repository& repository) const;
    std::optional<PinRecord> pin(const Digest& digest) const;
    std::vector<PinRecord> pins() const;
    std::optional<ContentRecord> content(const Digest& digest) const;
    std::uint64_t contentBytes() const;
    std::size_t contentCount() const;
    std::vector<ContentRecord> contentsByAge() const;

private:
    void apply(const TagSet& change);
    void apply(const TagForgotten& change);
    void apply(const ModuleRecord& change);
    void apply(const LinkAdded& change);
    void apply(const ContentRecord& change);
    void apply(const ContentForgotten& change);
    void apply(const ModuleForgotten& change);
    void apply(const LinkRemoved& change);
    void apply(const PinRecord& change);
    void apply(const PinRemoved& change);
    template <class Map, class Add>
    void visit(const Map& map, const std::function<void(const IndexChanges&)>& take, Add add) const;

    mutable std::shared_mutex _mutex;
    std::atomic<std::uint64_t> _version{0};
    std::unordered_map<std::string, TagRecord> _tags;
    std::unordered_map<Digest, std::set<std::string>> _tagsByDigest;
    std::unordered_map<Digest, ModuleRecord> _modules;
    std::unordered_map<Digest, std::set<Digest>> _manifestsByModule;
    std::unordered_map<Digest, std::set<Repository>> _links;
    std::unordered_map<Digest, ContentRecord> _contents;
    std::map<Digest, PinRecord> _pins;
    std::uint64_t _contentBytes = 0;
};

} // namespace wasmproxy::host
