// SPDX-License-Identifier: Apache-2.0
#include "IndexTables.h"

#include <algorithm>
#include <mutex>

namespace wasmproxy::host {

namespace {

/// Removes `value` from the set at `key`, and the set once it is empty.
template <class Map, class Key, class Value>
void removeFrom(Map& map, const Key& key, const Value& value) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    found->second.erase(value);
    if (found->second.empty()) map.erase(found);
}

void sortNewestFirst(std::vector<ModuleRecord>& records) {
    std::sort(records.begin(), records.end(), [](const ModuleRecord& a, const ModuleRecord& b) {
        return a.pulledAt != b.pulledAt ? a.pulledAt > b.pulledAt : a.manifest < b.manifest;
    });
}

} // namespace

void IndexTables::apply(const IndexChanges& changes) {
    const std::unique_lock lock(_mutex);
    for (const auto& change : changes)
        std::visit([this](const auto& one) { apply(one); }, change);
}

void IndexTables::apply(const TagSet& change) {
    auto& record = _tags[change.key];
    removeFrom(_tagsByDigest, record.digest, change.key);
    record = change.record;
    _tagsByDigest[record.digest].insert(change.key);
}

void IndexTables::apply(const TagForgotten& change) {
    const auto found = _tags.find(change.key);
    if (found == _tags.end()) return;
    removeFrom(_tagsByDigest, found->second.digest, change.key);
    _tags.erase(found);
}

void IndexTables::apply(const ModuleRecord& change) {
    auto& record = _modules[change.manifest];
    removeFrom(_manifestsByModule, record.module, change.manifest);
    record = change;
    _manifestsByModule[record.module].insert(record.manifest);
}

void IndexTables::apply(const LinkAdded& change) {
    _links[change.digest].insert(change.repository);
}

void IndexTables::apply(const ContentRecord& change) {
    auto& record = _contents[change.digest];
    _contentBytes += change.size - record.size;
    record = change;
}

void IndexTables::apply(const ContentForgotten& change) {
    const auto found = _contents.find(change.digest);
    if (found == _contents.end()) return;
    _contentBytes -= found->second.size;
    _contents.erase(found);
}

IndexChanges IndexTables::snapshot() const {
    const std::shared_lock lock(_mutex);
    IndexChanges changes;
    changes.reserve(_tags.size() + _modules.size() + _links.size() + _contents.size());
    for (const auto& [key, record] : _tags)
        changes.emplace_back(TagSet{key, record});
    for (const auto& entry : _modules)
        changes.emplace_back(entry.second);
    for (const auto& [digest, repositories] : _links)
        for (const auto& repository : repositories)
            changes.emplace_back(LinkAdded{digest, repository});
    for (const auto& entry : _contents)
        changes.emplace_back(entry.second);
    return changes;
}

std::optional<TagRecord> IndexTables::tag(const std::string& key) const {
    const std::shared_lock lock(_mutex);
    const auto found = _tags.find(key);
    return found == _tags.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ModuleRecord> IndexTables::module(const Digest& manifest) const {
    const std::shared_lock lock(_mutex);
    const auto found = _modules.find(manifest);
    return found == _modules.end() ? std::nullopt : std::optional(found->second);
}

std::vector<ModuleRecord> IndexTables::modulesBySha256(const Digest& module) const {
    std::vector<ModuleRecord> records;
    {
        const std::shared_lock lock(_mutex);
        const auto found = _manifestsByModule.find(module);
        if (found == _manifestsByModule.end()) return records;
        for (const auto& manifest : found->second)
            records.push_back(_modules.at(manifest));
    }
    sortNewestFirst(records);
    return records;
}

bool IndexTables::linked(const Digest& digest, const Repository& repository) const {
    const std::shared_lock lock(_mutex);
    const auto found = _links.find(digest);
    return found != _links.end() && found->second.count(repository) != 0;
}

std::vector<Repository> IndexTables::links(const Digest& digest) const {
    const std::shared_lock lock(_mutex);
    const auto found = _links.find(digest);
    if (found == _links.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<std::string> IndexTables::tagsOf(const Digest& manifest) const {
    const std::shared_lock lock(_mutex);
    const auto found = _tagsByDigest.find(manifest);
    if (found == _tagsByDigest.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<ModuleRecord> IndexTables::modules() const {
    std::vector<ModuleRecord> records;
    {
        const std::shared_lock lock(_mutex);
        records.reserve(_modules.size());
        for (const auto& entry : _modules)
            records.push_back(entry.second);
    }
    sortNewestFirst(records);
    return records;
}

std::size_t IndexTables::moduleCount() const {
    const std::shared_lock lock(_mutex);
    return _modules.size();
}

std::optional<ContentRecord> IndexTables::content(const Digest& digest) const {
    const std::shared_lock lock(_mutex);
    const auto found = _contents.find(digest);
    return found == _contents.end() ? std::nullopt : std::optional(found->second);
}

std::uint64_t IndexTables::contentBytes() const {
    const std::shared_lock lock(_mutex);
    return _contentBytes;
}

std::vector<ContentRecord> IndexTables::contentsByAge() const {
    std::vector<ContentRecord> records;
    {
        const std::shared_lock lock(_mutex);
        records.reserve(_contents.size());
        for (const auto& entry : _contents)
            records.push_back(entry.second);
    }
    std::sort(records.begin(), records.end(), [](const ContentRecord& a, const ContentRecord& b) {
        return a.lastUsed != b.lastUsed ? a.lastUsed < b.lastUsed : a.digest < b.digest;
    });
    return records;
}

} // namespace wasmproxy::host
