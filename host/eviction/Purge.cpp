// SPDX-License-Identifier: Apache-2.0
#include "eviction/Purge.h"

#include "pull/ArtifactContents.h"

#include <algorithm>
#include <map>

namespace wasmproxy::host {

bool Purge::inTheWay(const std::vector<ModuleRecord>& records, Purged& purged) const {
    std::set<Digest> pinned;
    for (const auto& record : records)
        for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
            if (_index.pinned(digest)) pinned.insert(digest);
    purged.pinned.assign(pinned.begin(), pinned.end());
    return !pinned.empty();
}

Purge::Purged Purge::reference(Call& call, const Reference& reference) {
    Purged purged;
    const auto& repository = reference.repository();
    auto manifest = reference.digest();
    const auto tag = manifest ? std::nullopt : _index.tag(reference);
    if (tag) manifest = tag->digest;
    if (!manifest) return purged;
    std::vector<ModuleRecord> records;
    if (const auto record = _index.module(*manifest); record && _index.linked(*manifest, repository)) {
        records.push_back(*record);
        if (inTheWay(records, purged)) return purged;
    }
    std::size_t others = 0;
    for (const auto& key : _index.tagsOf(*manifest)) {
        const auto other = Reference::parse(key);
        if (other.repository() != repository) continue;
        // Of a tag that is purged, another may still mean the same.
        if (tag && other.tag() != reference.tag())
            ++others;
        else
            forgetTag(call, key, purged);
    }
    if (others == 0) remove(call, records, repository, purged);
    return purged;
}

Purge::Purged Purge::repository(Call& call, const Repository& repository) {
    Purged purged;
    const auto digests = _index.linkedTo(repository);
    std::vector<ModuleRecord> records;
    for (const auto& digest : digests)
        if (const auto record = _index.module(digest)) records.push_back(*record);
    if (inTheWay(records, purged)) return purged;
    for (const auto& key : _index.tagsIn(repository))
        forgetTag(call, key, purged);
    unlink(call, {digests.begin(), digests.end()}, repository, purged);
    return purged;
}

Purge::Purged Purge::digest(Call& call, const Digest& digest) {
    Purged purged;
    auto records = _index.modulesBySha256(digest);
    if (const auto record = _index.module(digest)) records.push_back(*record);
    if (_index.pinned(digest)) {
        purged.pinned.push_back(digest);
        return purged;
    }
    if (inTheWay(records, purged)) return purged;
    std::map<Repository, std::vector<ModuleRecord>> byRepository;
    for (const auto& record : records) {
        for (const auto& key : _index.tagsOf(record.manifest))
            forgetTag(call, key, purged);
        for (const auto& repository : _index.links(record.manifest))
            byRepository[repository].push_back(record);
    }
    for (const auto& [repository, its] : byRepository)
        remove(call, its, repository, purged);
    // A content that no record tells of: a layer, or one that was cached before the index was lost.
    if (records.empty())
        for (const auto& repository : _index.links(digest))
            unlink(call, {digest}, repository, purged);
    return purged;
}

void Purge::forgetTag(Call& call, const std::string& key, Purged& purged) {
    const auto reference = Reference::parse(key);
    _index.forgetTag(reference);
    ++purged.tags;
    for (auto& name : SharedRecords(_cache).removeTag(call, reference))
        purged.unreached.insert(std::move(name));
}

Purge::Digests Purge::contentsOf(Call& call, const ModuleRecord& record) {
    Digests digests;
    for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
        if (!digest.empty()) digests.insert(digest);
    // What lies between the two, the config and other layers are named by documents alone, if they are cached.
    try {
        Descriptor top;
        top.digest = record.manifest;
        const auto open = [&](const Descriptor& each) { return _cache.openVerified(call, each.digest); };
        const auto artifact = ArtifactContents::read(top, open, _manifestBytes);
        for (const auto& each : artifact.manifests)
            digests.insert(each.digest);
        for (const auto& each : artifact.contents)
            digests.insert(each.digest);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::StorageFault || error.code() == ErrorCode::DeadlineExceeded) throw;
        // No longer cached, or the module is a plain file without a manifest.
    }
    return digests;
}

void Purge::remove(Call& call, const std::vector<ModuleRecord>& records, const Repository& repository, Purged& purged) {
    Digests gone;
    for (const auto& record : records)
        gone.merge(contentsOf(call, record));
    for (const auto& other : _index.modules()) {
        const bool purgedToo = std::any_of(records.begin(), records.end(),
                                           [&](const ModuleRecord& each) { return each.manifest == other.manifest; });
        if (purgedToo || !_index.linked(other.manifest, repository)) continue;
        for (const auto& digest : contentsOf(call, other))
            gone.erase(digest);
    }
    unlink(call, gone, repository, purged);
}

void Purge::unlink(Call& call, const Digests& digests, const Repository& repository, Purged& purged) {
    // Links first: what is cut off here is a content that nobody can ask for.
    for (const auto& digest : digests) {
        if (!_index.linked(digest, repository)) continue;
        _index.unlink(digest, repository);
        ++purged.links;
        if (!_index.module(digest)) continue;
        for (auto& name : SharedRecords(_cache).removeModule(call, repository, digest))
            purged.unreached.insert(std::move(name));
    }
    std::vector<Digest> gone;
    for (const auto& digest : digests) {
        if (!_index.links(digest).empty()) continue;
        gone.push_back(digest);
        if (_index.module(digest)) {
            _index.forgetModule(digest);
            ++purged.modules;
        }
        if (_forgetHot) _forgetHot(digest);
        const auto blob = _cache.openTrusted(call, digest);
        if (!blob) continue;
        _cache.remove(call, digest);
        _index.forgetContent(digest);
        ++purged.contents;
        purged.bytes += blob->size();
    }
    // Last: these may be slow, or out of reach.
    for (auto& name : _cache.removeShared(call, gone))
        purged.unreached.insert(std::move(name));
}

} // namespace wasmproxy::host
