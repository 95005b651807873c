// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "IndexChange.h"
#include "IndexFile.h"

#include "wasmproxy/oci/Error.h"

#include <memory>

namespace Poco::Data {
class Session;
}

namespace wasmproxy::host {

/// The database's contents cannot be trusted: it is corrupt, of a newer schema or not ours.
class IndexCorrupt : public Error {
public:
    explicit IndexCorrupt(const std::string& message) : Error(ErrorCode::StorageFault, message) {}
};

/// The SQLite file behind the index, through the one connection that this object owns. One thread at a time. Every
/// failure is an Error{StorageFault} that names the path, or an IndexCorrupt; a failed write changes nothing.
class IndexDatabase {
public:
    /// Opens and checks the file; one that is corrupt, newer or unreadable is set aside and replaced. Where its folder
    /// takes neither a new one nor the bad one's new name, it is in memory.
    explicit IndexDatabase(const std::string& path);
    ~IndexDatabase();

    IndexChanges load();
    std::size_t skippedRows() const { return _skippedRows; } ///< by load(), since they did not parse
    bool isNew() const { return _isNew; }                    ///< it had no tables when it was opened last
    bool inMemory() const { return _inMemory; }
    const std::string& setAside() const { return _setAside; } ///< the last name given to a bad file, or ""

    void write(const IndexChanges& changes);      ///< in one transaction
    void rewrite(const IndexChanges& everything); ///< replaces all but the accesses, in one transaction
    void replace(const std::string& reason);      ///< sets the file aside and starts an empty one

    void addAccesses(const std::vector<AccessRecord>& accesses, const IndexChanges& uses);
    AccessPage accesses(const AccessQuery& query); ///< looks at some 50,000 rows and no more
    std::vector<AccessCount> accessCounts(const AccessCountQuery& query);
    /// Deletes some accesses that are older than `before` or more than the newest `most`, and counts beyond their
    /// bound; false: there are no more.
    bool trimAccesses(std::chrono::system_clock::time_point before, std::uint64_t most);

private:
    void openOrReplace();
    void openInMemory(const IndexUnwritable& why);
    void open(IndexFile::Access access);
    void check();
    void prepare();
    void checkWritable();
    void create();
    bool hasCounts();
    void count(const std::vector<AccessRecord>& accesses);
    bool trimCounts();
    template <class Action>
    void guarded(const char* doing, Action action);
    template <class Action>
    void inTransaction(const char* doing, Action action);

    IndexFile _file;
    std::unique_ptr<Poco::Data::Session> _session;
    std::string _setAside;
    std::size_t _skippedRows = 0;
    bool _isNew = false; // no tables yet
    bool _hasCounts = false;
    bool _inMemory = false;
};

} // namespace wasmproxy::host
