// SPDX-License-Identifier: Apache-2.0
#include "eviction/Purge.h"

#include "pull/ArtifactContents.h"
#include "pull/IndexWrite.h"
#include "pull/SharedRecords.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds SharedPatience{10}; // for one content

} // namespace

// ---- what there is

void Purge::addPinned(const std::vector<ModuleRecord>& records, Plan& plan) const {
    Digests pinned(plan.pinned.begin(), plan.pinned.end());
    for (const auto& record : records)
        for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
            if (_index.pinned(digest)) pinned.insert(digest);
    plan.pinned.assign(pinned.begin(), pinned.end());
}

Purge::Plan Purge::reference(const Reference& reference) const {
    Plan plan;
    const auto& repository = reference.repository();
    auto manifest = reference.digest();
    const auto tag = manifest ? std::nullopt : _index.tag(reference);
    if (tag) manifest = tag->digest;
    if (!manifest) return plan;
    bool others = false;
    for (const auto& key : _index.tagsOf(*manifest)) {
        auto other = Reference::parse(key);
        if (other.repository() != repository) continue;
        // Of a tag that is purged, another may still mean the same.
        if (tag && other.tag() != reference.tag())
            others = true;
        else
            plan.tags.push_back(std::move(other));
    }
    const auto record = _index.module(*manifest);
    if (!record || !_index.linked(*manifest, repository)) return plan;
    addPinned({*record}, plan);
    if (!others) plan.modules[repository].push_back(*record);
    return plan;
}

Purge::Plan Purge::repository(const Repository& repository) const {
    Plan plan;
    for (const auto& key : _index.tagsIn(repository))
        plan.tags.push_back(Reference::parse(key));
    const auto digests = _index.linkedTo(repository);
    if (digests.empty()) return plan;
    plan.links[repository] = {digests.begin(), digests.end()};
    for (const auto& digest : digests)
        if (const auto record = _index.module(digest)) addPinned({*record}, plan);
    return plan;
}

Purge::Plan Purge::digest(const Digest& digest) const {
    Plan plan;
    auto records = _index.modulesBySha256(digest);
    if (const auto record = _index.module(digest)) records.push_back(*record);
    if (_index.pinned(digest)) plan.pinned.push_back(digest);
    addPinned(records, plan);
    for (const auto& record : records) {
        for (const auto& key : _index.tagsOf(record.manifest))
            plan.tags.push_back(Reference::parse(key));
        for (const auto& repository : _index.links(record.manifest))
            plan.modules[repository].push_back(record);
    }
    // A content that no record tells of: a layer, or one that was cached before the index was lost.
    if (records.empty())
        for (const auto& repository : _index.links(digest))
            plan.links[repository].insert(digest);
    return plan;
}

Purge::Digests Purge::contentsOf(Call& call, const ModuleRecord& record) {
    Digests digests;
    for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
        if (!digest.empty()) digests.insert(digest);
    // What lies between the two, the config and other layers are named by documents alone, if they are cached here: to
    // remove something nothing is fetched.
    try {
        Descriptor top;
        top.digest = record.manifest;
        const auto open = [&](const Descriptor& each) {
            auto blob = _cache.openTrusted(call, each.digest);
            return blob && CacheTiers::matches(*blob, each.digest, call) ? std::move(blob) : nullptr;
        };
        const auto artifact = ArtifactContents::read(top, open, _manifestBytes);
        for (const auto& each : artifact.manifests)
            digests.insert(each.digest);
        for (const auto& each : artifact.contents)
            digests.insert(each.digest);
    } catch (const Error&) {
        call.check("purging"); // No longer cached, unreadable, or the module is a plain file without a manifest.
    }
    return digests;
}

Purge::Digests Purge::contentsOf(Call& call, const Repository& repository, const std::vector<ModuleRecord>& records) {
    Digests contents;
    for (const auto& record : records)
        contents.merge(contentsOf(call, record));
    for (const auto& other : _index.modules()) {
        const bool purgedToo = std::any_of(records.begin(), records.end(),
                                           [&](const ModuleRecord& each) { return each.manifest == other.manifest; });
        if (purgedToo || !_index.linked(other.manifest, repository)) continue;
        for (const auto& digest : contentsOf(call, other))
            contents.erase(digest);
    }
    return contents;
}

bool Purge::heldOnlyBy(const Links& links, const Digest& digest) const {
    const auto holders = _index.links(digest);
    return std::all_of(holders.begin(), holders.end(), [&](const Repository& holder) {
        const auto found = links.find(holder);
        return found != links.end() && found->second.count(digest) != 0;
    });
}

// ---- removing it

Purge::Purged Purge::run(Call& call, const Plan& plan) {
    Purged purged;
    if (!plan.pinned.empty()) return purged;
    auto links = plan.links;
    for (const auto& [repository, records] : plan.modules)
        links[repository].merge(contentsOf(call, repository, records));
    Digests contents;
    for (const auto& [repository, digests] : links)
        for (const auto& digest : digests)
            if (heldOnlyBy(links, digest)) contents.insert(digest);
    if (_told.distrust)
        for (const auto& tag : plan.tags)
            _told.distrust(tag);
    purged.unreached = removeShared(call, plan.tags, links, contents);
    removeHere(call, contents, purged);
    if (purged.unreached.empty()) forget(call, links, contents, purged);
    for (const auto& tag : plan.tags) {
        const auto known = _index.tag(tag);
        if (!known) continue;
        writeIndex(call.requestId(), [&] { _index.forgetTag(tag); });
        if (purged.unreached.empty())
            ++purged.tags;
        else // to be purged again by its name; until then the registry is asked what it means
            writeIndex(call.requestId(), [&] { _index.recordTag(tag, known->digest, {}); });
    }
    return purged;
}

std::set<std::string> Purge::removeShared(Call& call, const std::vector<Reference>& tags, const Links& links,
                                          const Digests& contents) {
    std::set<std::string> unreached;
    const SharedRecords records{};
    for (const auto& tier : _cache.tiers()) {
        if (!tier.shared) continue;
        try {
            for (const auto& tag : tags)
                records.removeTag(call, tier, tag);
            for (const auto& [repository, digests] : links)
                for (const auto& digest : digests)
                    if (_index.module(digest)) records.removeModule(call, tier, repository, digest);
            for (const auto& digest : contents) {
                auto within = call.within(SharedPatience);
                tier.store->remove(within, digest);
            }
        } catch (const std::exception& error) {
            call.check("purging");
            _cache.failed(tier, call, "purging", error);
            unreached.insert(tier.name);
        }
    }
    return unreached;
}

void Purge::removeHere(Call& call, const Digests& contents, Purged& purged) {
    for (const auto& digest : contents) {
        call.check("purging");
        if (_told.forgetHot) _told.forgetHot(digest);
        const auto blob = _cache.openTrusted(call, digest);
        if (!blob) continue;
        _cache.remove(call, digest);
        writeIndex(call.requestId(), [&] { _index.forgetContent(digest); });
        ++purged.contents;
        purged.bytes += blob->size();
    }
}

void Purge::forget(Call& call, const Links& links, const Digests& contents, Purged& purged) {
    for (const auto& [repository, digests] : links)
        for (const auto& digest : digests) {
            if (!_index.linked(digest, repository)) continue;
            writeIndex(call.requestId(), [&, &to = repository] { _index.unlink(digest, to); });
            ++purged.links;
        }
    for (const auto& digest : contents) {
        if (!_index.module(digest)) continue;
        writeIndex(call.requestId(), [&] { _index.forgetModule(digest); });
        ++purged.modules;
    }
}

} // namespace wasmproxy::host
