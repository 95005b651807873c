// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freshness/Absences.h"
#include "freshness/ErrorMemory.h"
#include "freshness/RefreshSchedule.h"
#include "freshness/TagMoves.h"
#include "index/DigestIndex.h"
#include "observe/Metrics.h"
#include "pull/FailureLog.h"
#include "pull/Flight.h"
#include "pull/HotTable.h"
#include "pull/Known.h"
#include "pull/ModulePuller.h"
#include "pull/ModuleService.h"
#include "pull/PullSetup.h"
#include "pull/ReplicaSharing.h"
#include "pull/TimerQueue.h"
#include "pull/WorkerPool.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace wasmproxy::host {

struct PullOptions {
    std::chrono::milliseconds hold{12000};
    std::chrono::milliseconds agentTimeout{15000};
    std::uint64_t agentRate = 8u << 20;               ///< bytes per second
    std::chrono::milliseconds deadline{300000};       ///< of one attempt
    std::chrono::milliseconds secondLook{2000};       ///< between the two looks that prove absence
    std::chrono::milliseconds staleAfter{2000};       ///< a request that could be answered stale waits this long
    std::chrono::milliseconds believeAbsent{30000};   ///< how long a tag that was known must be gone to be believed so
    std::chrono::milliseconds remember{10000};        ///< how long a final failure is answered without asking again
    std::chrono::milliseconds credentialPoll{500};    ///< how often a Flight that waits for a credential looks for one
    std::chrono::milliseconds replicaPoll{200};       ///< how often a Flight looks for what another replica pulls
    std::chrono::milliseconds replicaLock{10000};     ///< after which one that pulls is taken for dead if it is silent
    std::chrono::milliseconds replicaPatience{30000}; ///< how long one that pulls is waited for, at most
    std::size_t workers = 16;
    std::size_t workersPerRegistry = 6;
    std::size_t waiting = 20000; ///< requests that wait, over all Flights
    std::size_t hot = 1000;
};

/// Answers what is in memory at once; everything else is a Flight: one chain upstream however many ask, retried while
/// somebody waits and the answer can still change, and delivered to each within its hold.
class PullService : public ModuleService {
public:
    /// The references outlive it. Until use(), every request is refused.
    PullService(DigestIndex& index, CacheTiers& cache, Metrics& metrics, PullOptions options);
    ~PullService() override; ///< stop()

    /// From the next request on; Flights that have begun keep the one before.
    void use(std::shared_ptr<PullSetup> setup);

    void byReference(const Reference& reference, const std::string& secret, const Caller& caller,
                     ModuleCallback callback) override;
    void byUrl(const std::string& url, const std::string& secret, const Caller& caller,
               ModuleCallback callback) override;
    void byExtension(const std::string& name, const std::optional<Digest>& digest, const Caller& caller,
                     ModuleCallback callback) override;
    void bySha256(const Digest& module, const Caller& caller, ModuleCallback callback) override;
    bool again(const AnswerTerms& terms, const std::string& caller) noexcept override;

    /// Final failures are asked for again: something came that may change them.
    void forgetFailures();
    /// Brings contents of the artifact that `reference` pins into the cache, on this thread. Throws Error.
    void complete(Call& call, const Reference& reference, const std::vector<Descriptor>& contents);

    /// Answers every waiter (503), ends the workers. Attempts that run are given up at their next check.
    void stop();
    std::size_t flights() const;
    std::size_t queued() const { return _workers.queued(); }
    void forgetHot(const Digest& module) { _hot.erase(module); }
    /// No replica's record of the tag counts from now on.
    void distrust(const Reference& tag) noexcept { _sharing.distrust(tag); }
    HotTable::Lookups hotLookups() const { return _hot.lookups(); }
    FailureLog& failureLog() noexcept { return _failureLog; }
    const ReplicaSharing& sharing() const noexcept { return _sharing; }
    const TagMoves& tagMoves() const noexcept { return _moves; }

private:
    using Clock = std::chrono::steady_clock;
    using FlightPointer = std::shared_ptr<Flight>;

    template <class FindTarget>
    void answer(const Caller& caller, ModuleCallback callback, FindTarget findTarget);
    AnswerTerms versions() const noexcept;
    static std::shared_ptr<const AnswerTerms> whole(AnswerTerms terms, const PullTarget& target, const Known& state);
    static std::string keyOf(const PullSetup& setup, const PullTarget& target);
    bool answerKnown(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Known& state,
                     const Caller& caller, ModuleCallback& callback, AnswerTerms terms);
    void join(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Caller& caller,
              ModuleCallback callback, const Known& state);
    void startAttempt(const FlightPointer& flight);
    void attempt(const FlightPointer& flight);
    void leave(const FlightPointer& flight, ReplicaSharing::Turn turn);
    void keepTurn(const std::weak_ptr<SharedStore::Lock>& lock, const std::string& requestId);
    void askAhead(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Known& state,
                  const ErrorMemory::Entry* postponed);
    void revalidate(const std::shared_ptr<PullSetup>& setup, const PullTarget& target,
                    std::chrono::system_clock::time_point validated);
    void attemptAhead(const FlightPointer& flight);
    void dropAhead(const FlightPointer& flight);
    void hurry(const FlightPointer& flight);
    void noteMove(const Flight& flight, const Digest& from, const Digest& to);
    void pollCredentials(const FlightPointer& flight);
    std::chrono::milliseconds credentialPoll() const;
    std::optional<ServedModule> openKnown(Call& call, const ModuleRecord& record, CacheResult result);

    /// `asked`: when the registry was, and with which credential; nullopt: it was not. `cause`: as deliver()'s.
    void succeed(const FlightPointer& flight, const ServedModule& module, const std::string& credential,
                 std::optional<Clock::time_point> asked, const Error* cause = nullptr);
    static std::list<Waiter> tooLateFor(std::list<Waiter>& waiters, Clock::time_point asked, const PullTarget& target);
    void askAgain(const FlightPointer& flight, ServedModule module, std::list<Waiter> late);
    void failFinally(const FlightPointer& flight, const Error& error, bool remember);
    void failForNow(const FlightPointer& flight, const Error& error);
    std::chrono::milliseconds pauseAfter(const Flight& flight, const Error& error) const;
    void blocked(const FlightPointer& flight);
    void later(const FlightPointer& flight, std::chrono::milliseconds delay,
               void (PullService::*step)(const FlightPointer&));
    FailureLog::Failure failureOf(const Flight& flight, const Error& error, const std::list<Waiter>& waiters) const;
    static bool inForce(const Extension& extension, const ExtensionCatalog& extensions);
    void report(const Flight& flight, const ExtensionOutcome& outcome);
    void expireWaiters(const FlightPointer& flight);
    bool hasStale(const Flight& flight) const;
    bool abandonedByAll(const Flight& flight) const;
    std::list<Waiter> end(const FlightPointer& flight);
    /// `cause`: why it is stale; nullptr: the registry takes too long.
    void deliver(Waiter& waiter, const Flight& flight, const ServedModule& module, const Error* cause = nullptr);

    DigestIndex& _index;
    CacheTiers& _cache;
    Metrics& _metrics;
    const PullOptions _options;
    ReplicaSharing _sharing;
    HotTable _hot;
    FailureLog _failureLog;

    mutable std::mutex _mutex; // the members below and every Flight
    std::unordered_map<std::string, FlightPointer> _flights;
    std::size_t _waiting = 0;
    bool _stopping = false;

    ErrorMemory _failures; // final answers that are remembered, by a Flight's key
    Absences _absences{_options.believeAbsent};
    ErrorMemory _postponed; // registries that failed: what is stale answers until then
    RefreshSchedule _refreshes;
    TagMoves _moves;

    std::shared_ptr<PullSetup> _setup; // by std::atomic_load and atomic_store
    std::atomic<std::uint64_t> _setups{0};

    std::atomic<bool> _cancelled{false}; // every Call of ours looks at it
    TimerQueue _timers;
    WorkerPool _workers;
};

} // namespace wasmproxy::host
