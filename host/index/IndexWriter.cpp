// SPDX-License-Identifier: Apache-2.0
#include "IndexWriter.h"

#include "observe/Log.h"

#include <algorithm>

namespace wasmproxy::host {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t MostCommits = 10000;
constexpr std::size_t MostReads = 100;
constexpr std::size_t MostAccesses = 65536;
constexpr std::size_t AccessBatch = 512;   // so many are written at once, or
constexpr auto AccessDelay = 200ms;        // after this time
constexpr std::size_t LargestBatch = 4096; // in one transaction, so that commits get their turn
constexpr auto LongestWait = 10s;          // for a disk that hangs
constexpr auto RetryDelay = 5s;            // after a failed write
constexpr auto TrimInterval = 1h;
constexpr auto CopyDelay = 1min; // after the first change that the copy lacks

template <class Future>
void waitFor(Future& future, const std::string& path) {
    if (future.wait_for(LongestWait) == std::future_status::ready) return;
    throw Error(ErrorCode::StorageFault, "the index " + path + " did not answer within 10 s",
                "check the disk that holds it");
}

} // namespace

IndexWriter::IndexWriter(std::unique_ptr<IndexDatabase> database, IndexTables& tables,
                         const DigestIndexSettings& settings)
    : _database(std::move(database)),
      _tables(tables),
      _settings(settings),
      _copier(tables, settings.path, CopyDelay),
      _accesses(MostAccesses),
      _trimAt(Clock::now()),
      _thread([this] { run(); }) {}

IndexWriter::~IndexWriter() {
    {
        const std::lock_guard lock(_mutex);
        _stopping = true;
    }
    _wake.notify_one();
    _thread.join();
}

void IndexWriter::commit(IndexChanges changes) {
    Commit commit{std::move(changes), {}};
    auto done = commit.done.get_future();
    {
        const std::lock_guard lock(_mutex);
        if (_commits.size() >= MostCommits)
            throw Error(ErrorCode::StorageFault, "the index " + _settings.path + " does not keep up with its changes",
                        "check the disk that holds it");
        _commits.push_back(std::move(commit));
    }
    _wake.notify_one();
    waitFor(done, _settings.path);
    done.get();
}

void IndexWriter::recordAccess(const Digest& module, const std::string& reference, const std::string& caller,
                               std::chrono::system_clock::time_point at) noexcept {
    // The first starts the delay, a full batch ends it.
    const auto waiting = _accesses.add(module, reference, caller, at);
    if (waiting != 1 && waiting != AccessBatch) return;
    if (waiting == 1) {
        const std::lock_guard lock(_mutex);
        _accessesDue = Clock::now() + AccessDelay;
    }
    _wake.notify_one();
}

AccessPage IndexWriter::accesses(const AccessQuery& query) {
    const auto result = std::make_shared<AccessPage>();
    read([result, query](IndexDatabase& database) { *result = database.accesses(query); });
    return std::move(*result);
}

std::vector<AccessCount> IndexWriter::accessCounts(const AccessCountQuery& query) {
    const auto result = std::make_shared<std::vector<AccessCount>>();
    read([result, query](IndexDatabase& database) { *result = database.accessCounts(query); });
    return std::move(*result);
}

void IndexWriter::read(std::function<void(IndexDatabase&)> question) {
    Read read{std::move(question), {}};
    auto result = read.done.get_future();
    {
        const std::lock_guard lock(_mutex);
        if (_reads.size() >= MostReads)
            throw Error(ErrorCode::Busy, "too many readers of the index's accesses", "try again later");
        _reads.push_back(std::move(read));
    }
    _wake.notify_one();
    waitFor(result, _settings.path);
    result.get();
}

std::uint64_t IndexWriter::droppedAccesses() const noexcept {
    return _accesses.dropped();
}

bool IndexWriter::hasWork() const {
    return _stopping || !_commits.empty() || !_reads.empty() ||
           (!isBehind() && (!_taken.empty() || _accesses.size() >= AccessBatch));
}

IndexWriter::Clock::time_point IndexWriter::nextWake() const {
    auto time = _trimAt;
    if (isBehind()) time = std::min(time, _retryAt);
    if (!isBehind() && _accesses.size() > 0) time = std::min(time, _accessesDue);
    return time;
}

/// What is due; nothing while the disk fails, so that it waits in the queue.
std::vector<AccessRecord> IndexWriter::takeAccesses(bool all) {
    std::vector<AccessRecord> batch;
    if (isBehind()) return batch;
    if (_taken.empty() || all) {
        bool due = all || _accesses.size() >= AccessBatch;
        if (!due) {
            const std::lock_guard lock(_mutex);
            due = Clock::now() >= _accessesDue;
        }
        if (!due) return batch;
        for (auto& access : _accesses.take())
            _taken.push_back(std::move(access));
    }
    const auto count = all ? _taken.size() : std::min(_taken.size(), LargestBatch);
    const auto end = _taken.begin() + static_cast<std::ptrdiff_t>(count);
    batch.assign(std::make_move_iterator(_taken.begin()), std::make_move_iterator(end));
    _taken.erase(_taken.begin(), end);
    return batch;
}

void IndexWriter::run() {
    for (;;) {
        std::unique_lock lock(_mutex);
        // Recomputed after each notification: the first access brings a nearer time.
        while (!hasWork() && Clock::now() < nextWake())
            _wake.wait_until(lock, nextWake());
        const bool stopping = _stopping;
        if (stopping) _retryAt = Clock::now();
        auto commits = std::move(_commits);
        auto reads = std::move(_reads);
        _commits.clear();
        _reads.clear();
        lock.unlock();

        if (!commits.empty() || (isBehind() && Clock::now() >= _retryAt)) commitAll(std::move(commits));
        writeAccesses(takeAccesses(stopping || !reads.empty()));
        for (auto& read : reads)
            serve(read);
        if (stopping) return;
        if (Clock::now() >= _trimAt) trim();
    }
}

void IndexWriter::commitAll(std::deque<Commit> commits) {
    IndexChanges changes;
    for (const auto& commit : commits)
        changes.insert(changes.end(), commit.changes.begin(), commit.changes.end());
    store(changes);
    _tables.apply(changes);
    if (!changes.empty()) _copier.changed();
    for (auto& commit : commits) {
        if (isBehind())
            commit.done.set_exception(_lastError);
        else
            commit.done.set_value();
    }
}

void IndexWriter::store(const IndexChanges& changes) {
    if (isBehind() && Clock::now() < _retryAt) return;
    attempt(changes, [&] {
        if (isBehind())
            rewrite(changes);
        else
            _database->write(changes);
    });
}

/// All that the tables hold, and `changes` on top.
void IndexWriter::rewrite(const IndexChanges& changes) {
    auto everything = _tables.snapshot();
    everything.insert(everything.end(), changes.begin(), changes.end());
    _database->rewrite(everything);
}

/// Runs `action`; a database that proves corrupt is replaced by one with what the tables hold, and `changes`.
template <class Action>
void IndexWriter::attempt(const IndexChanges& changes, Action action) {
    try {
        try {
            action();
        } catch (const IndexCorrupt& e) {
            _database->replace(e.what());
            rewrite(changes);
        }
        if (isBehind()) log(LogLevel::Information, "the index can be written again", {{"path", _settings.path}});
        _lastError = nullptr;
    } catch (const std::exception& e) {
        failed(std::current_exception(), e.what());
    }
}

void IndexWriter::failed(std::exception_ptr error, const std::string& message) {
    if (!isBehind())
        log(LogLevel::Error, "the index cannot be written, it goes on in memory",
            {{"path", _settings.path}, {"cause", message}});
    _lastError = std::move(error);
    _retryAt = Clock::now() + RetryDelay;
}

void IndexWriter::writeAccesses(std::vector<AccessRecord> accesses) {
    if (accesses.empty()) return;
    std::unordered_map<Digest, std::chrono::system_clock::time_point> used;
    for (const auto& access : accesses) {
        auto& at = used[access.module];
        at = std::max(at, access.at);
    }
    IndexChanges uses;
    for (const auto& [digest, at] : used) {
        auto content = _tables.content(digest);
        if (!content || content->lastUsed >= at) continue;
        content->lastUsed = at;
        uses.emplace_back(*content);
    }
    bool written = false;
    attempt(uses, [&] {
        _database->addAccesses(accesses, uses);
        written = true;
    });
    _tables.apply(uses);
    if (written) return;
    _accesses.drop(accesses.size());
}

void IndexWriter::serve(Read& read) {
    try {
        if (isBehind()) std::rethrow_exception(_lastError);
        attempt({}, [&] { read.question(*_database); });
        if (isBehind()) std::rethrow_exception(_lastError);
        read.done.set_value();
    } catch (const std::exception&) {
        read.done.set_exception(std::current_exception());
    }
}

void IndexWriter::trim() {
    const auto before = std::chrono::system_clock::now() - _settings.accessRetention;
    bool more = false;
    if (!isBehind()) attempt({}, [&] { more = _database->trimAccesses(before, _settings.accessLimit); });
    _trimAt = Clock::now() + (more ? Clock::duration(0) : Clock::duration(TrimInterval));
}

} // namespace wasmproxy::host
