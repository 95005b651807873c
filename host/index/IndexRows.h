// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "IndexChange.h"

namespace Poco::Data {
class Session;
}

namespace wasmproxy::host {

/// Reads and writes changes as rows of the tables. Every row but an access carries a checksum of its fields: SQLite has
/// none, and a flipped bit in a digest would be another digest.
class IndexRows {
public:
    static constexpr const char* Tables[] = {"tags", "modules", "links", "contents", "pins", "tag_moves"};
    static void createTables(Poco::Data::Session& session);
    /// Those that a database of this schema may lack, since an older program made it.
    static void createYoungTables(Poco::Data::Session& session);
    static bool isYoung(const std::string& table) { return table == "pins" || table == "tag_moves"; }
    static bool exists(Poco::Data::Session& session, const std::string& table);

    explicit IndexRows(Poco::Data::Session& session) : _session(session) {}

    void write(const IndexChanges& changes);
    /// All rows that parse; the others are counted in `skipped`.
    IndexChanges read(std::size_t& skipped);

private:
    void write(const TagSet& tag);
    void write(const TagForgotten& tag);
    void write(const ModuleRecord& module);
    void write(const LinkAdded& link);
    void write(const ContentRecord& content);
    void write(const ContentForgotten& content);
    void write(const ModuleForgotten& module);
    void write(const LinkRemoved& link);
    void write(const PinRecord& pin);
    void write(const PinRemoved& pin);

    void readTags(IndexChanges& changes, std::size_t& skipped);
    void readModules(IndexChanges& changes, std::size_t& skipped);
    void readLinks(IndexChanges& changes, std::size_t& skipped);
    void readContents(IndexChanges& changes, std::size_t& skipped);
    void readMoves(IndexChanges& changes, std::size_t& skipped);
    void readPins(IndexChanges& changes, std::size_t& skipped);

    Poco::Data::Session& _session;
};

} // namespace wasmproxy::host
