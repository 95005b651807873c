// SPDX-License-Identifier: Apache-2.0
#include "DigestIndex.h"

#include "IndexTables.h"
#include "IndexWriter.h"

#include "observe/Log.h"

#include <algorithm>
#include <iterator>

namespace wasmproxy::host {

namespace {

std::string keyOf(const Reference& reference) {
    return reference.repository().str() + ":" + reference.tag();
}

} // namespace

struct DigestIndex::Store {
    explicit Store(const DigestIndexSettings& settings) {
        auto database = std::make_unique<IndexDatabase>(settings.path);
        tables.apply(database->load());
        setAside = database->setAside();
        inMemory = database->inMemory();
        // One that is not there any more has the same remedy.
        if (!setAside.empty() || database->isNew()) restore(settings.path, *database);
        if (database->skippedRows() != 0)
            log(LogLevel::Warning, "rows of the index were damaged and are skipped",
                {{"path", settings.path}, {"rows", std::to_string(database->skippedRows())}});
        writer = std::make_unique<IndexWriter>(std::move(database), tables, settings);
    }

    void restore(const std::string& path, IndexDatabase& database) {
        const auto changes = IndexCopy(path).read();
        if (changes.empty()) return;
        tables.apply(changes);
        database.rewrite(changes);
        log(LogLevel::Information, "tags, links and modules of the index were taken from its copy",
            {{"path", path}, {"rows", std::to_string(changes.size())}});
    }

    IndexTables tables;
    std::string setAside;
    bool inMemory = false;
    std::unique_ptr<IndexWriter> writer;
};

DigestIndex::DigestIndex(DigestIndexSettings settings) : _store(std::make_unique<Store>(settings)) {}

DigestIndex::~DigestIndex() = default;

std::optional<TagRecord> DigestIndex::tag(const Reference& reference) const {
    return _store->tables.tag(keyOf(reference));
}

std::optional<ModuleRecord> DigestIndex::module(const Digest& manifest) const {
    return _store->tables.module(manifest);
}

std::vector<ModuleRecord> DigestIndex::modulesBySha256(const Digest& module) const {
    return _store->tables.modulesBySha256(module);
}

bool DigestIndex::linked(const Digest& digest, const Repository& repository) const {
    return _store->tables.linked(digest, repository);
}

std::vector<Repository> DigestIndex::links(const Digest& digest) const {
    return _store->tables.links(digest);
}

std::vector<std::string> DigestIndex::tagsOf(const Digest& manifest) const {
    return _store->tables.tagsOf(manifest);
}

std::vector<ModuleRecord> DigestIndex::modules() const {
    return _store->tables.modules();
}

std::vector<Digest> DigestIndex::linkedTo(const Repository& repository) const {
    return _store->tables.linkedTo(repository);
}

std::vector<std::string> DigestIndex::tagsIn(const Repository& repository) const {
    return _store->tables.tagsIn(repository);
}

std::vector<std::pair<std::string, TagRecord>> DigestIndex::tags() const {
    return _store->tables.tags();
}

std::size_t DigestIndex::moduleCount() const {
    return _store->tables.moduleCount();
}

void DigestIndex::recordTag(const Reference& reference, const Digest& digest,
                            std::chrono::system_clock::time_point validatedAt) {
    // The registry was asked for the digest: what the tag means was not looked at.
    if (reference.digest() || reference.tag().empty()) return;
    // Who was told earlier and took longer must not take back what came since; a time to come was a wrong clock's.
    const auto known = tag(reference);
    if (known && known->validatedAt > validatedAt && known->validatedAt <= std::chrono::system_clock::now()) return;
    const auto previous = !known ? Digest() : known->digest == digest ? known->previous : known->digest;
    _store->writer->commit({TagSet{keyOf(reference), {digest, validatedAt, previous}}});
}

void DigestIndex::forgetTag(const Reference& reference) {
    if (tag(reference)) _store->writer->commit({TagForgotten{keyOf(reference)}});
}

void DigestIndex::recordModule(const ModuleRecord& given, const Repository& repository) {
    ModuleRecord record = given;
    // A foreign name with a NUL would read back shorter than it was written.
    for (auto* text : {&record.layout, &record.entry, &record.proxyAbi})
        std::replace(text->begin(), text->end(), '\0', '?');
    IndexChanges changes{record};
    for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
        if (!digest.empty()) changes.emplace_back(LinkAdded{digest, repository});
    _store->writer->commit(std::move(changes));
}

void DigestIndex::link(const Digest& digest, const Repository& repository) {
    if (linked(digest, repository)) return;
    _store->writer->commit({LinkAdded{digest, repository}});
}

void DigestIndex::unlink(const Digest& digest, const Repository& repository) {
    if (linked(digest, repository)) _store->writer->commit({LinkRemoved{digest, repository}});
}

void DigestIndex::forgetModule(const Digest& manifest) {
    if (module(manifest)) _store->writer->commit({ModuleForgotten{manifest}});
}

void DigestIndex::pin(const Digest& digest) {
    if (!pinned(digest)) _store->writer->commit({PinRecord{digest, std::chrono::system_clock::now()}});
}

void DigestIndex::unpin(const Digest& digest) {
    if (pinned(digest)) _store->writer->commit({PinRemoved{digest}});
}

std::optional<PinRecord> DigestIndex::pinned(const Digest& digest) const {
    return _store->tables.pin(digest);
}

std::vector<PinRecord> DigestIndex::pins() const {
    return _store->tables.pins();
}

void DigestIndex::recordContent(const Digest& digest, std::uint64_t size,
                                std::chrono::system_clock::time_point usedAt) {
    _store->writer->commit({ContentRecord{digest, size, usedAt}});
}

std::optional<ContentRecord> DigestIndex::content(const Digest& digest) const {
    return _store->tables.content(digest);
}

void DigestIndex::forgetContent(const Digest& digest) {
    _store->writer->commit({ContentForgotten{digest}});
}

std::uint64_t DigestIndex::contentBytes() const {
    return _store->tables.contentBytes();
}

std::size_t DigestIndex::contentCount() const {
    return _store->tables.contentCount();
}

std::vector<ContentRecord> DigestIndex::contentsByAge() const {
    return _store->tables.contentsByAge();
}

void DigestIndex::recordAccess(const Digest& module, const std::string& reference, const std::string& caller,
                               std::chrono::system_clock::time_point at) noexcept {
    _store->writer->recordAccess(module, reference, caller, at);
}

std::uint64_t DigestIndex::version() const noexcept {
    return _store->tables.version();
}

std::vector<AccessRecord> DigestIndex::accesses(std::size_t limit) const {
    AccessQuery query;
    query.limit = limit;
    return accesses(query).rows;
}

AccessPage DigestIndex::accesses(const AccessQuery& query) const {
    // Each step is short, so that commits get their turn on the writer's thread.
    constexpr int MostSteps = 40;
    AccessPage page;
    AccessQuery rest = query;
    for (int step = 0; step < MostSteps; ++step) {
        rest.limit = query.limit - page.rows.size();
        auto found = _store->writer->accesses(rest);
        page.rows.insert(page.rows.end(), std::make_move_iterator(found.rows.begin()),
                         std::make_move_iterator(found.rows.end()));
        page.next = rest.before = found.next;
        if (page.next == 0 || page.rows.size() >= query.limit) break;
    }
    return page;
}

std::vector<AccessCount> DigestIndex::accessCounts(const AccessCountQuery& query) const {
    return _store->writer->accessCounts(query);
}

std::uint64_t DigestIndex::droppedAccesses() const noexcept {
    return _store->writer->droppedAccesses();
}

bool DigestIndex::inMemory() const noexcept {
    return _store->inMemory;
}

std::string DigestIndex::setAside() const {
    return _store->setAside;
}

} // namespace wasmproxy::host
