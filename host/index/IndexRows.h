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
    static constexpr const char* Tables[] = {"tags", "modules", "links", "contents"};
    static void createTables(Poco::Data::Session& session);

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

    void readTags(IndexChanges& changes, std::size_t& skipped);
    void readModules(IndexChanges& changes, std::size_t& skipped);
    void readLinks(IndexChanges& changes, std::size_t& skipped);
    void readContents(IndexChanges& changes, std::size_t& skipped);

    Poco::Data::Session& _session;
};

} // namespace wasmproxy::host
