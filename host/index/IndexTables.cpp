// SPDX-License-Identifier: Apache-2.0
#include "IndexTables.h"

#include <algorithm>
#include <mutex>

namespace wasmproxy::host {

namespace {

constexpr std::size_t Slice = 1000; // rows for which the lock is held at a time

/// Removes `value` from the set at `key`, and the set once it is empty.
template <class Map, class Key, class Value>
void removeFrom(Map& map, const Key& key, const Value& value) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    found->second.erase(value);
    if (found->second.empty()) map.erase(found);
}

/// Whether it has a say in who is answered with what.
bool decides(const IndexChange& change) {
    return !std::holds_alternative<ContentRecord>(change) && !std::holds_alternative<ContentForgotten>(change) &&
           !std::holds_alternative<PinRecord>(change) && !std::holds_alternative<PinRemoved>(change);
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
    // Last: who has seen the new version sees the changes.
    if (std::any_of(changes.begin(), changes.end(), decides)) _version.fetch_add(1, std::memory_order_release);
}

void IndexTables::apply(const TagSet& change) {
    auto& record = _tags[change.key];
    removeFrom(_tagsByDigest, record.digest, change.key);
    const auto previous = record.digest == change.record.digest ? record.previous : record.digest;
    record = change.record;
    if (record.previous.empty()) record.previous = previous;
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

void IndexTables::apply(const ModuleForgotten& change) {
    const auto found = _modules.find(change.manifest);
    if (found == _modules.end()) return;
    removeFrom(_manifestsByModule, found->second.module, change.manifest);
    _modules.erase(found);
}

void IndexTables::apply(const LinkRemoved& change) {
    removeFrom(_links, change.digest, change.repository);
}

void IndexTables::apply(const PinRecord& change) {
    _pins.insert_or_assign(change.digest, change);
}

void IndexTables::apply(const PinRemoved& change) {
    _pins.erase(change.digest);
}

IndexChanges IndexTables::snapshot() const {
    const std::shared_lock lock(_mutex);
    IndexChanges changes;
    changes.reserve(_tags.size() + _modules.size() + _links.size() + _contents.size());
    for (const auto& [key, record] : _tags)
        changes.emplace_back(TagSet{key, record});
    for (const auto& [digest, repositories] : _links)
        for (const auto& repository : repositories)
            changes.emplace_back(LinkAdded{digest, repository});
    for (const auto& entry : _contents)
        changes.emplace_back(entry.second);
    for (const auto& entry : _pins)
        changes.emplace_back(entry.second);
    for (const auto& entry : _modules)
        changes.emplace_back(entry.second);
    return changes;
}

template <class Map, class Add>
void IndexTables::visit(const Map& map, const std::function<void(const IndexChanges&)>& take, Add add) const {
    std::vector<typename Map::key_type> keys;
    {
        const std::shared_lock lock(_mutex);
        keys.reserve(map.size());
        for (const auto& entry : map)
            keys.push_back(entry.first);
    }
    for (std::size_t next = 0; next < keys.size();) {
        IndexChanges slice;
        {
            const std::shared_lock lock(_mutex);
            for (const auto end = std::min(keys.size(), next + Slice); next < end; ++next)
                if (const auto found = map.find(keys[next]); found != map.end()) add(*found, slice);
        }
        take(slice);
    }
}

void IndexTables::visit(const std::function<void(const IndexChanges&)>& take) const {
    const auto value = [](const auto& entry, IndexChanges& slice) { slice.emplace_back(entry.second); };
    visit(_tags, take, [](const auto& entry, IndexChanges& slice) {
        slice.emplace_back(TagSet{entry.first, entry.second});
    });
    visit(_links, take, [](const auto& entry, IndexChanges& slice) {
        for (const auto& repository : entry.second)
            slice.emplace_back(LinkAdded{entry.first, repository});
    });
    // Last: older programs stop reading the copy at pins, or at modules.
    visit(_pins, take, value);
    visit(_modules, take, value);
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

std::vector<std::pair<std::string, TagRecord>> IndexTables::tags() const {
    std::vector<std::pair<std::string, TagRecord>> all;
    {
        const std::shared_lock lock(_mutex);
        all.assign(_tags.begin(), _tags.end());
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return all;
}

std::size_t IndexTables::moduleCount() const {
    const std::shared_lock lock(_mutex);
    return _modules.size();
}

std::vector<Digest> IndexTables::linkedTo(const Repository& repository) const {
    std::vector<Digest> digests;
    {
        const std::shared_lock lock(_mutex);
        for (const auto& [digest, repositories] : _links)
            if (repositories.count(repository) != 0) digests.push_back(digest);
    }
    std::sort(digests.begin(), digests.end());
    return digests;
}

std::vector<std::string> IndexTables::tagsIn(const Repository& repository) const {
    const auto prefix = repository.str() + ":";
    std::vector<std::string> keys;
    {
        const std::shared_lock lock(_mutex);
        // A path has no colon, so what follows the prefix is the whole tag.
        for (const auto& entry : _tags)
            if (entry.first.compare(0, prefix.size(), prefix) == 0) keys.push_back(entry.first);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

std::optional<PinRecord> IndexTables::pin(const Digest& digest) const {
    const std::shared_lock lock(_mutex);
    const auto found = _pins.find(digest);
    return found == _pins.end() ? std::nullopt : std::optional(found->second);
}

std::vector<PinRecord> IndexTables::pins() const {
    std::vector<PinRecord> records;
    const std::shared_lock lock(_mutex);
    for (const auto& entry : _pins)
        records.push_back(entry.second);
    return records;
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

std::size_t IndexTables::contentCount() const {
    const std::shared_lock lock(_mutex);
    return _contents.size();
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
