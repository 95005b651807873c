// SPDX-License-Identifier: Apache-2.0
#include "IndexRows.h"

#include "IndexTime.h"

#include "wasmproxy/oci/Error.h"

#include <Poco/Checksum.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>

#include <unordered_map>

namespace wasmproxy::host {

using namespace Poco::Data::Keywords;
using Poco::Int64;

namespace {

using Texts = std::vector<std::string>;
using Numbers = std::vector<Int64>;

Int64 sumOf(std::initializer_list<std::string> fields) {
    Poco::Checksum sum(Poco::Checksum::TYPE_CRC32);
    for (const auto& field : fields)
        sum.update(field.c_str(), static_cast<unsigned>(field.size() + 1));
    return static_cast<Int64>(sum.checksum());
}

Int64 sumOf(const TagSet& tag) {
    return sumOf({tag.key, tag.record.digest.str(), std::to_string(toMicroseconds(tag.record.validatedAt))});
}

/// Of the row in tag_moves: what the tag means is in it, since an older program moves tags without that table.
Int64 sumOfMove(const std::string& key, const std::string& digest, const std::string& previous) {
    return sumOf({key, digest, previous});
}

Int64 sumOf(const ModuleRecord& m) {
    return sumOf({m.manifest.str(), m.selectedManifest.str(), m.module.str(), std::to_string(m.size), m.layout,
                  m.layer.str(), m.entry, m.proxyAbi, std::to_string(toMicroseconds(m.pulledAt))});
}

Int64 sumOf(const LinkAdded& link) {
    return sumOf({link.digest.str(), link.repository.host(), link.repository.path()});
}

Int64 sumOf(const ContentRecord& content) {
    return sumOf(
        {content.digest.str(), std::to_string(content.size), std::to_string(toMicroseconds(content.lastUsed))});
}

Int64 sumOf(const PinRecord& pin) {
    return sumOf({pin.digest.str(), std::to_string(toMicroseconds(pin.since))});
}

/// What a record may lack.
Digest digestOrEmpty(const std::string& text) {
    return text.empty() ? Digest() : Digest::parse(text);
}

/// Keeps the row that `make` builds if it parses and its checksum is right.
template <class Make>
void keep(IndexChanges& changes, std::size_t& skipped, Int64 sum, Make make) {
    try {
        auto row = make();
        if (sumOf(row) == sum) {
            changes.emplace_back(std::move(row));
            return;
        }
    } catch (const Error&) {
        // Counted below: a reference or digest that does not parse.
    }
    ++skipped;
}

} // namespace

void IndexRows::createTables(Poco::Data::Session& session) {
    for (const char* statement :
         {"CREATE TABLE tags(reference TEXT PRIMARY KEY, digest TEXT NOT NULL, validated_at INTEGER NOT NULL, "
          "sum INTEGER NOT NULL) WITHOUT ROWID",
          "CREATE TABLE modules(manifest TEXT PRIMARY KEY, selected TEXT NOT NULL, module TEXT NOT NULL, "
          "size INTEGER NOT NULL, layout TEXT NOT NULL, layer TEXT NOT NULL, entry TEXT NOT NULL, "
          "proxy_abi TEXT NOT NULL, pulled_at INTEGER NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
          "CREATE TABLE links(digest TEXT NOT NULL, host TEXT NOT NULL, path TEXT NOT NULL, sum INTEGER NOT NULL, "
          "PRIMARY KEY(digest, host, path)) WITHOUT ROWID",
          "CREATE TABLE contents(digest TEXT PRIMARY KEY, size INTEGER NOT NULL, last_used INTEGER NOT NULL, "
          "sum INTEGER NOT NULL) WITHOUT ROWID",
          "CREATE TABLE accesses(id INTEGER PRIMARY KEY, module TEXT NOT NULL, reference TEXT NOT NULL, "
          "caller TEXT NOT NULL, at INTEGER NOT NULL)",
          "CREATE INDEX accesses_at ON accesses(at)"})
        session << statement, now;
    createYoungTables(session);
}

void IndexRows::createYoungTables(Poco::Data::Session& session) {
    session << "CREATE TABLE IF NOT EXISTS pins(digest TEXT PRIMARY KEY, since INTEGER NOT NULL, "
               "sum INTEGER NOT NULL) WITHOUT ROWID",
        now;
    session << "CREATE TABLE IF NOT EXISTS tag_moves(reference TEXT PRIMARY KEY, digest TEXT NOT NULL, "
               "previous TEXT NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
        now;
}

bool IndexRows::exists(Poco::Data::Session& session, const std::string& table) {
    int count = 0;
    session << "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", into(count), bind(table), now;
    return count != 0;
}

void IndexRows::write(const IndexChanges& changes) {
    for (const auto& change : changes)
        std::visit([this](const auto& one) { write(one); }, change);
}

void IndexRows::write(const TagSet& tag) {
    _session << "INSERT OR REPLACE INTO tags(reference, digest, validated_at, sum) VALUES(?, ?, ?, ?)", bind(tag.key),
        bind(tag.record.digest.str()), bind(toMicroseconds(tag.record.validatedAt)), bind(sumOf(tag)), now;
    const auto digest = tag.record.digest.str();
    const auto previous = tag.record.previous.str();
    if (previous.empty()) return;
    _session << "INSERT OR REPLACE INTO tag_moves(reference, digest, previous, sum) VALUES(?, ?, ?, ?)", bind(tag.key),
        bind(digest), bind(previous), bind(sumOfMove(tag.key, digest, previous)), now;
}

void IndexRows::write(const TagForgotten& tag) {
    _session << "DELETE FROM tags WHERE reference = ?", bind(tag.key), now;
    _session << "DELETE FROM tag_moves WHERE reference = ?", bind(tag.key), now;
}

void IndexRows::write(const ModuleRecord& m) {
    _session << "INSERT OR REPLACE INTO modules(manifest, selected, module, size, layout, layer, entry, proxy_abi, "
                "pulled_at, sum) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        bind(m.manifest.str()), bind(m.selectedManifest.str()), bind(m.module.str()), bind(static_cast<Int64>(m.size)),
        bind(m.layout), bind(m.layer.str()), bind(m.entry), bind(m.proxyAbi), bind(toMicroseconds(m.pulledAt)),
        bind(sumOf(m)), now;
}

void IndexRows::write(const LinkAdded& link) {
    _session << "INSERT OR REPLACE INTO links(digest, host, path, sum) VALUES(?, ?, ?, ?)", bind(link.digest.str()),
        bind(link.repository.host()), bind(link.repository.path()), bind(sumOf(link)), now;
}

void IndexRows::write(const ContentRecord& content) {
    _session << "INSERT OR REPLACE INTO contents(digest, size, last_used, sum) VALUES(?, ?, ?, ?)",
        bind(content.digest.str()), bind(static_cast<Int64>(content.size)), bind(toMicroseconds(content.lastUsed)),
        bind(sumOf(content)), now;
}

void IndexRows::write(const ContentForgotten& content) {
    _session << "DELETE FROM contents WHERE digest = ?", bind(content.digest.str()), now;
}

void IndexRows::write(const ModuleForgotten& module) {
    _session << "DELETE FROM modules WHERE manifest = ?", bind(module.manifest.str()), now;
}

void IndexRows::write(const LinkRemoved& link) {
    _session << "DELETE FROM links WHERE digest = ? AND host = ? AND path = ?", bind(link.digest.str()),
        bind(link.repository.host()), bind(link.repository.path()), now;
}

void IndexRows::write(const PinRecord& pin) {
    _session << "INSERT OR REPLACE INTO pins(digest, since, sum) VALUES(?, ?, ?)", bind(pin.digest.str()),
        bind(toMicroseconds(pin.since)), bind(sumOf(pin)), now;
}

void IndexRows::write(const PinRemoved& pin) {
    _session << "DELETE FROM pins WHERE digest = ?", bind(pin.digest.str()), now;
}

IndexChanges IndexRows::read(std::size_t& skipped) {
    IndexChanges changes;
    readTags(changes, skipped);
    if (exists(_session, "tag_moves")) readMoves(changes, skipped);
    readModules(changes, skipped);
    readLinks(changes, skipped);
    readContents(changes, skipped);
    if (exists(_session, "pins")) readPins(changes, skipped);
    return changes;
}

void IndexRows::readTags(IndexChanges& changes, std::size_t& skipped) {
    Texts references, digests;
    Numbers times, sums;
    _session << "SELECT reference, digest, validated_at, sum FROM tags", into(references), into(digests), into(times),
        into(sums), now;
    for (std::size_t i = 0; i < references.size(); ++i)
        keep(changes, skipped, sums[i], [&] {
            Reference::parse(references[i]);
            return TagSet{references[i], {Digest::parse(digests[i]), fromMicroseconds(times[i])}};
        });
}

/// Completes the tags among `changes`. What an older program moved since has another digest, and is passed over.
void IndexRows::readMoves(IndexChanges& changes, std::size_t& skipped) {
    Texts references, digests, previous;
    Numbers sums;
    _session << "SELECT reference, digest, previous, sum FROM tag_moves", into(references), into(digests),
        into(previous), into(sums), now;
    std::unordered_map<std::string, TagSet*> tags;
    for (auto& change : changes)
        if (auto* tag = std::get_if<TagSet>(&change)) tags.emplace(tag->key, tag);
    for (std::size_t i = 0; i < references.size(); ++i) {
        const auto before = Digest::tryParse(previous[i]);
        if (!before || sumOfMove(references[i], digests[i], previous[i]) != sums[i]) {
            ++skipped;
            continue;
        }
        const auto tag = tags.find(references[i]);
        if (tag != tags.end() && tag->second->record.digest.str() == digests[i]) tag->second->record.previous = *before;
    }
}

void IndexRows::readModules(IndexChanges& changes, std::size_t& skipped) {
    Texts manifests, selected, modules, layouts, layers, entries, abis;
    Numbers sizes, times, sums;
    _session << "SELECT manifest, selected, module, size, layout, layer, entry, proxy_abi, pulled_at, sum FROM modules",
        into(manifests), into(selected), into(modules), into(sizes), into(layouts), into(layers), into(entries),
        into(abis), into(times), into(sums), now;
    for (std::size_t i = 0; i < manifests.size(); ++i)
        keep(changes, skipped, sums[i], [&] {
            return ModuleRecord{Digest::parse(manifests[i]),
                                digestOrEmpty(selected[i]),
                                Digest::parse(modules[i]),
                                static_cast<std::uint64_t>(sizes[i]),
                                layouts[i],
                                digestOrEmpty(layers[i]),
                                entries[i],
                                abis[i],
                                fromMicroseconds(times[i])};
        });
}

void IndexRows::readLinks(IndexChanges& changes, std::size_t& skipped) {
    Texts digests, hosts, paths;
    Numbers sums;
    _session << "SELECT digest, host, path, sum FROM links", into(digests), into(hosts), into(paths), into(sums), now;
    for (std::size_t i = 0; i < digests.size(); ++i)
        keep(changes, skipped, sums[i], [&] {
            return LinkAdded{Digest::parse(digests[i]), Repository(hosts[i], paths[i])};
        });
}

void IndexRows::readContents(IndexChanges& changes, std::size_t& skipped) {
    Texts digests;
    Numbers sizes, times, sums;
    _session << "SELECT digest, size, last_used, sum FROM contents", into(digests), into(sizes), into(times),
        into(sums), now;
    for (std::size_t i = 0; i < digests.size(); ++i)
        keep(changes, skipped, sums[i], [&] {
            return ContentRecord{Digest::parse(digests[i]), static_cast<std::uint64_t>(sizes[i]),
                                 fromMicroseconds(times[i])};
        });
}

void IndexRows::readPins(IndexChanges& changes, std::size_t& skipped) {
    Texts digests;
    Numbers times, sums;
    _session << "SELECT digest, since, sum FROM pins", into(digests), into(times), into(sums), now;
    for (std::size_t i = 0; i < digests.size(); ++i)
        keep(changes, skipped, sums[i], [&] {
            return PinRecord{Digest::parse(digests[i]), fromMicroseconds(times[i])};
        });
}

} // namespace wasmproxy::host
