// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "AccessQueue.h"
#include "IndexCopier.h"
#include "IndexDatabase.h"
#include "IndexTables.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace wasmproxy::host {

/// The one thread that touches the database. Commits that arrive together share a transaction; accesses are written in
/// batches. The tables change after their commit, in the order of the queue. Where the disk cannot be written, the
/// tables change all the same and the database is written anew from them once it can be.
class IndexWriter {
public:
    /// `database` is loaded into `tables` already; `tables` outlives this.
    IndexWriter(std::unique_ptr<IndexDatabase> database, IndexTables& tables, const DigestIndexSettings& settings);
    ~IndexWriter(); ///< writes what is queued, within reason

    void commit(IndexChanges changes); ///< waits; throws Error{StorageFault}
    void recordAccess(const Digest& module, const std::string& reference, const std::string& caller,
                      std::chrono::system_clock::time_point at) noexcept;
    // They wait, and see all that was recorded before.
    AccessPage accesses(const AccessQuery& query);
    std::vector<AccessCount> accessCounts(const AccessCountQuery& query);
    std::uint64_t droppedAccesses() const noexcept;

private:
    using Clock = std::chrono::steady_clock;
    struct Commit {
        IndexChanges changes;
        std::promise<void> done;
    };
    struct Read {
        std::function<void(IndexDatabase&)> question; // owns what it writes to: the asker may have given up
        std::promise<void> done;
    };

    void read(std::function<void(IndexDatabase&)> question);
    void run();
    bool hasWork() const;
    Clock::time_point nextWake() const;
    std::vector<AccessRecord> takeAccesses(bool all);
    void commitAll(std::deque<Commit> commits);
    void writeAccesses(std::vector<AccessRecord> accesses);
    void serve(Read& read);
    void trim();
    bool isBehind() const { return _lastError != nullptr; }
    void store(const IndexChanges& changes);
    template <class Action>
    void attempt(const IndexChanges& changes, Action action);
    void rewrite(const IndexChanges& changes);
    void failed(std::exception_ptr error, const std::string& message);

    std::unique_ptr<IndexDatabase> _database; // by the thread only
    IndexTables& _tables;
    const DigestIndexSettings _settings;
    IndexCopier _copier;

    mutable std::mutex _mutex;
    std::condition_variable _wake;
    std::deque<Commit> _commits;
    std::deque<Read> _reads;
    Clock::time_point _accessesDue;
    bool _stopping = false;

    AccessQueue _accesses;

    // By the thread only.
    std::deque<AccessRecord> _taken; // of the queue, and not written yet
    std::exception_ptr _lastError;   // not null: the database is behind the tables
    Clock::time_point _retryAt;
    Clock::time_point _trimAt;

    std::thread _thread; // last: uses all of the above
};

} // namespace wasmproxy::host
