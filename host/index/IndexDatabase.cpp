// SPDX-License-Identifier: Apache-2.0
#include "IndexDatabase.h"

#include "IndexRows.h"
#include "IndexTime.h"

#include "observe/Log.h"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/SQLiteException.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>
#include <Poco/URI.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace wasmproxy::host {

using namespace Poco::Data::Keywords;
using Poco::Int64;

namespace {

constexpr int ApplicationId = 0x77617378; // "wasx"
constexpr int SchemaVersion = 1;
constexpr std::size_t LockWaitSeconds = 1;
constexpr std::size_t TrimStep = 5000; // rows in one transaction, so that a commit never waits long behind it
constexpr Int64 ReadStep = 50000;      // rows that one reading looks at, for the same reason
constexpr Int64 MostCounts = 200000;   // some years of a hundred callers a day and a few modules

int readInteger(Poco::Data::Session& session, const std::string& sql) {
    int value = 0;
    session << sql, into(value), now;
    return value;
}

std::string hintFor(const Poco::Exception& e) {
    using namespace Poco::Data::SQLite;
    if (dynamic_cast<const DatabaseFullException*>(&e)) return "free space on the file system that holds it";
    if (dynamic_cast<const ReadOnlyException*>(&e))
        return "make the file and its folder writable for the user that wasm-proxy runs as, then restart";
    if (dynamic_cast<const IOErrorException*>(&e)) return "check the disk that holds it, and its free space";
    if (dynamic_cast<const DBLockedException*>(&e))
        return "another process has it open; each wasm-proxy needs an index of its own";
    return "check the file system that holds it";
}

bool meansCorrupt(const Poco::Exception& e) {
    using namespace Poco::Data::SQLite;
    // A statement is not valid where a table or column is missing, and no row of ours breaks a constraint.
    return dynamic_cast<const CorruptImageException*>(&e) || dynamic_cast<const InvalidSQLStatementException*>(&e) ||
           dynamic_cast<const SchemaDiffersException*>(&e) || dynamic_cast<const ConstraintViolationException*>(&e) ||
           dynamic_cast<const TableNotFoundException*>(&e) || dynamic_cast<const DataTypeMismatchException*>(&e);
}

} // namespace

/// Runs `action` and turns what SQLite throws into our errors.
template <class Action>
void IndexDatabase::guarded(const char* doing, Action action) {
    try {
        if (!_session) throw Error(ErrorCode::StorageFault, "the index " + _file.path() + " is not open");
        action();
    } catch (const Poco::Exception& e) {
        const std::string message = "the index " + _file.path() + " cannot be " + doing + ": " + e.message();
        if (meansCorrupt(e)) throw IndexCorrupt(message);
        throw Error(ErrorCode::StorageFault, message, hintFor(e));
    }
}

template <class Action>
void IndexDatabase::inTransaction(const char* doing, Action action) {
    guarded(doing, [&] {
        *_session << "BEGIN IMMEDIATE", now;
        try {
            action();
            *_session << "COMMIT", now;
        } catch (...) {
            try {
                *_session << "ROLLBACK", now;
            } catch (const Poco::Exception&) {
                // SQLite has rolled back by itself; the first error is the one that tells.
            }
            throw;
        }
    });
}

IndexDatabase::IndexDatabase(const std::string& path) : _file(path) {
    static const bool registered = (Poco::Data::SQLite::Connector::registerConnector(), true);
    static_cast<void>(registered);
    try {
        openOrReplace();
    } catch (const IndexUnwritable& e) {
        openInMemory(e);
    }
}

IndexDatabase::~IndexDatabase() = default;

void IndexDatabase::openOrReplace() {
    const auto access = _file.open();
    try {
        if (access == IndexFile::Access::None)
            throw IndexCorrupt("the index " + _file.path() + " cannot be read: permission denied");
        open(access);
    } catch (const IndexCorrupt& e) {
        replace(e.what());
    }
}

void IndexDatabase::openInMemory(const IndexUnwritable& why) {
    log(LogLevel::Error, "the index cannot be kept on disk; it is in memory and ends with this process",
        {{"path", _file.path()}, {"cause", why.what()}, {"hint", why.hint()}});
    _inMemory = true;
    _hasCounts = false;
    _session.reset();
    _session = std::make_unique<Poco::Data::Session>("SQLite", ":memory:");
    _isNew = true;
    create();
}

void IndexDatabase::replace(const std::string& reason) {
    _session.reset();
    _setAside = _file.setAside();
    log(LogLevel::Error, "the index was set aside and starts anew",
        {{"path", _file.path()}, {"moved-to", _setAside}, {"cause", reason}});
    open(_file.open());
}

void IndexDatabase::open(IndexFile::Access access) {
    _hasCounts = false;
    const bool writable = access == IndexFile::Access::ReadWrite;
    std::string name = _file.path();
    if (!writable) {
        // Without this SQLite wants to write beside the file even to read it.
        std::string encoded;
        Poco::URI::encode(name, "?#%", encoded);
        name = "file:" + encoded + "?immutable=1";
    }
    try {
        _session = std::make_unique<Poco::Data::Session>("SQLite", name, LockWaitSeconds);
    } catch (const Poco::Exception& e) {
        throw Error(ErrorCode::StorageFault, "the index " + _file.path() + " cannot be opened: " + e.message(),
                    hintFor(e));
    }
    guarded("opened", [&] {
        *_session << "PRAGMA trusted_schema = OFF", now;
        *_session << "PRAGMA cell_size_check = ON", now;
        // SQLite 3.40 can lose data when two connections reset the WAL at once: this one is alone, by lock.
        std::string mode;
        if (writable) *_session << "PRAGMA locking_mode = EXCLUSIVE", into(mode), now;
    });
    check();
    if (writable) prepare();
}

void IndexDatabase::check() {
    _isNew = false;
    guarded("read", [&] {
        auto& session = *_session;
        if (readInteger(session, "SELECT count(*) FROM sqlite_master") == 0) {
            _isNew = true;
            return;
        }
        const int application = readInteger(session, "PRAGMA application_id");
        const int version = readInteger(session, "PRAGMA user_version");
        if (application != ApplicationId) throw IndexCorrupt("it is the database of another program");
        if (version != SchemaVersion)
            throw IndexCorrupt("its schema is version " + std::to_string(version) + ", this program knows " +
                               std::to_string(SchemaVersion));
        for (const char* table : IndexRows::Tables) {
            if (IndexRows::isYoung(table) && !IndexRows::exists(session, table)) continue;
            std::string result;
            session << std::string("PRAGMA quick_check('") + table + "')", into(result), limit(1), now;
            if (result != "ok") throw IndexCorrupt(result);
        }
    });
}

/// Not before check(): this writes to the file, and what is set aside should be as it was found.
void IndexDatabase::prepare() {
    guarded("opened", [&] {
        std::string mode;
        *_session << "PRAGMA journal_mode = WAL", into(mode), now;
        *_session << "PRAGMA synchronous = FULL", now;
        int limit = 0;
        *_session << "PRAGMA journal_size_limit = 16777216", into(limit), now;
    });
    if (_isNew)
        create();
    else
        checkWritable();
}

/// One flipped bit in the header makes SQLite take a file for read-only.
void IndexDatabase::checkWritable() {
    try {
        inTransaction("written", [&] {
            *_session << "PRAGMA user_version = " + std::to_string(SchemaVersion), now;
            IndexRows::createYoungTables(*_session);
        });
    } catch (const IndexCorrupt&) {
        throw;
    } catch (const Error& e) {
        if (std::string(e.what()).find("readonly database") != std::string::npos)
            throw IndexCorrupt("it marks itself as read-only");
        // A full or failing disk is no fault of the file; the first change reports it.
    }
}

void IndexDatabase::create() {
    inTransaction("created", [&] {
        IndexRows::createTables(*_session);
        *_session << "PRAGMA application_id = " + std::to_string(ApplicationId), now;
        *_session << "PRAGMA user_version = " + std::to_string(SchemaVersion), now;
    });
}

IndexChanges IndexDatabase::load() {
    IndexChanges changes;
    const auto read = [&] {
        guarded("read", [&] {
            changes.clear();
            _skippedRows = 0;
            changes = IndexRows(*_session).read(_skippedRows);
        });
    };
    try {
        read();
    } catch (const IndexCorrupt& e) {
        try {
            replace(e.what());
        } catch (const IndexUnwritable& unwritable) {
            openInMemory(unwritable);
        }
        read();
    }
    return changes;
}

void IndexDatabase::write(const IndexChanges& changes) {
    inTransaction("written", [&] { IndexRows(*_session).write(changes); });
}

void IndexDatabase::rewrite(const IndexChanges& everything) {
    if (!_session) openOrReplace(); // an earlier replace() got no further
    inTransaction("written", [&] {
        for (const char* table : IndexRows::Tables)
            *_session << std::string("DELETE FROM ") + table, now;
        IndexRows(*_session).write(everything);
    });
}

void IndexDatabase::addAccesses(const std::vector<AccessRecord>& accesses, const IndexChanges& uses) {
    std::vector<std::string> modules, references, callers;
    std::vector<Int64> times;
    for (const auto& access : accesses) {
        modules.push_back(access.module.str());
        references.push_back(access.reference);
        callers.push_back(access.caller);
        times.push_back(toMicroseconds(access.at));
    }
    inTransaction("written", [&] {
        if (!accesses.empty())
            *_session << "INSERT INTO accesses(module, reference, caller, at) VALUES(?, ?, ?, ?)", use(modules),
                use(references), use(callers), use(times), now;
        count(accesses);
        IndexRows(*_session).write(uses);
    });
}

/// The table came after the first version of the schema, whose programs do not mind it: so it is made where it is
/// missing, and the version stays.
bool IndexDatabase::hasCounts() {
    if (!_hasCounts)
        _hasCounts = readInteger(*_session, "SELECT count(*) FROM sqlite_master WHERE name = 'access_counts'") != 0;
    return _hasCounts;
}

void IndexDatabase::count(const std::vector<AccessRecord>& accesses) {
    // Not remembered here: the transaction may yet be rolled back.
    if (!hasCounts())
        *_session << "CREATE TABLE access_counts(day INTEGER NOT NULL, module TEXT NOT NULL, caller TEXT NOT NULL, "
                     "count INTEGER NOT NULL, PRIMARY KEY(day, module, caller)) WITHOUT ROWID",
            now;
    std::map<std::tuple<Int64, std::string, std::string>, Int64> sums;
    for (const auto& access : accesses)
        sums[{dayOf(access.at), access.module.str(), access.caller}] += static_cast<Int64>(access.times);
    std::vector<Int64> days, counts;
    std::vector<std::string> modules, callers;
    for (const auto& [key, sum] : sums) {
        days.push_back(std::get<0>(key));
        modules.push_back(std::get<1>(key));
        callers.push_back(std::get<2>(key));
        counts.push_back(sum);
    }
    if (!days.empty())
        *_session << "INSERT INTO access_counts(day, module, caller, count) VALUES(?, ?, ?, ?) "
                     "ON CONFLICT(day, module, caller) DO UPDATE SET count = count + excluded.count",
            use(days), use(modules), use(callers), use(counts), now;
}

AccessPage IndexDatabase::accesses(const AccessQuery& query) {
    AccessPage page;
    guarded("read", [&] {
        Int64 lowest = 0, newest = 0;
        *_session << "SELECT ifnull(min(id), 0), ifnull(max(id), 0) FROM accesses", into(lowest), into(newest), now;
        const Int64 top = query.before > 0 ? std::min<Int64>(query.before, newest + 1) : newest + 1;
        const Int64 bottom = std::max(top - ReadStep, lowest);
        std::vector<std::string> modules, references, callers;
        std::vector<Int64> times, ids;
        *_session << "SELECT id, module, reference, caller, at FROM accesses WHERE id < ? AND id >= ? AND (? = '' OR "
                     "module = ?) AND (? = '' OR caller = ?) AND at >= ? AND at < ? ORDER BY id DESC LIMIT ?",
            into(ids), into(modules), into(references), into(callers), into(times), bind(top), bind(bottom),
            bind(query.module ? query.module->str() : ""), bind(query.module ? query.module->str() : ""),
            bind(query.caller), bind(query.caller),
            bind(query.from ? toMicroseconds(*query.from) : std::numeric_limits<Int64>::min()),
            bind(query.until ? toMicroseconds(*query.until) : std::numeric_limits<Int64>::max()),
            bind(static_cast<Int64>(query.limit)), now;
        for (std::size_t i = 0; i < modules.size(); ++i)
            if (const auto digest = Digest::tryParse(modules[i]))
                page.rows.push_back({*digest, references[i], callers[i], fromMicroseconds(times[i]), ids[i]});
        const Int64 reached = ids.size() >= query.limit && !ids.empty() ? ids.back() : bottom;
        page.next = reached > lowest ? reached : 0;
    });
    return page;
}

std::vector<AccessCount> IndexDatabase::accessCounts(const AccessCountQuery& query) {
    std::vector<AccessCount> result;
    guarded("read", [&] {
        if (!hasCounts()) return;
        const auto module = query.module ? query.module->str() : std::string();
        const auto after = query.after.value_or(AccessCount{std::numeric_limits<Int64>::max(), {}, {}, 0});
        std::vector<Int64> days, counts;
        std::vector<std::string> modules, callers;
        *_session << "SELECT day, module, caller, count FROM access_counts WHERE (day, module, caller) < (?, ?, ?) AND "
                     "(? = '' OR module = ?) AND (? = '' OR caller = ?) AND day >= ? AND day <= ? "
                     "ORDER BY day DESC, module DESC, caller DESC LIMIT ?",
            into(days), into(modules), into(callers), into(counts), bind(static_cast<Int64>(after.day)),
            bind(after.module.str()), bind(after.caller), bind(module), bind(module), bind(query.caller),
            bind(query.caller), bind(static_cast<Int64>(query.fromDay)), bind(static_cast<Int64>(query.untilDay)),
            bind(static_cast<Int64>(query.limit)), now;
        for (std::size_t i = 0; i < days.size(); ++i)
            if (const auto digest = Digest::tryParse(modules[i]))
                result.push_back({days[i], *digest, callers[i], static_cast<std::uint64_t>(counts[i])});
    });
    return result;
}

bool IndexDatabase::trimAccesses(std::chrono::system_clock::time_point before, std::uint64_t most) {
    std::vector<Int64> ids;
    guarded("read", [&] {
        *_session << "SELECT id FROM accesses WHERE at < ? LIMIT ?", into(ids), bind(toMicroseconds(before)),
            bind(static_cast<Int64>(TrimStep)), now;
        if (ids.empty())
            *_session << "SELECT id FROM accesses WHERE id <= (SELECT max(id) FROM accesses) - ? ORDER BY id LIMIT ?",
                into(ids), bind(static_cast<Int64>(most)), bind(static_cast<Int64>(TrimStep)), now;
    });
    if (ids.empty()) return trimCounts();
    inTransaction("written", [&] { *_session << "DELETE FROM accesses WHERE id = ?", use(ids), now; });
    return true;
}

bool IndexDatabase::trimCounts() {
    bool more = false;
    guarded("read",
            [&] { more = hasCounts() && readInteger(*_session, "SELECT count(*) FROM access_counts") > MostCounts; });
    if (!more) return false;
    inTransaction("written", [&] {
        *_session << "DELETE FROM access_counts WHERE (day, module, caller) IN (SELECT day, module, caller FROM "
                     "access_counts ORDER BY day, module, caller LIMIT ?)",
            bind(static_cast<Int64>(TrimStep)), now;
    });
    return true;
}

} // namespace wasmproxy::host
