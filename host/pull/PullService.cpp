// SPDX-License-Identifier: Apache-2.0
#include "pull/PullService.h"

#include "observe/Log.h"
#include "pull/IndexWrite.h"

#include <algorithm>
#include <random>
#include <utility>

namespace wasmproxy::host {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long a Flight goes on retrying for nobody: an agent comes back within a second of a 503.
constexpr std::chrono::seconds GraceWithoutWaiters{5};
// How long an answer from memory is given again before everything is looked up anew.
constexpr milliseconds LooksAgain{100};
// How long at most a registry's Retry-After is heeded.
constexpr std::chrono::seconds LongestPause{60};
constexpr milliseconds ShortestPause{1000};
// Past its deadline, how long an attempt may take to notice before its Flight is ended without it.
constexpr std::chrono::seconds AbandonAfter{2};

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// At most five tries within the default hold, so that a registry in trouble is not hammered; and later never so far
// apart that an agent that came back after its hold could miss the end of the trouble: it has 30 s in all.
milliseconds backOff(int attempts, std::chrono::seconds retryAfter) {
    static thread_local std::minstd_rand random{std::random_device{}()};
    static constexpr int Steps[] = {1000, 3000, 4000, 2500};
    const int base = Steps[std::min(attempts, 4) - 1];
    const auto jittered = milliseconds(std::uniform_int_distribution<int>(base * 8 / 10, base)(random));
    return std::max(jittered, milliseconds(std::min(retryAfter, LongestPause)));
}

Error stillPulling(const Reference& reference) {
    return Error(ErrorCode::UpstreamUnavailable, "still pulling " + reference.str());
}

} // namespace

PullService::PullService(DigestIndex& index, CacheTiers& cache, Metrics& metrics, PullOptions options)
    : _index(index),
      _cache(cache),
      _metrics(metrics),
      _options(options),
      _sharing(cache, index, options.replicaLock, options.replicaPatience),
      _hot(options.hot),
      _workers(options.workers, options.workersPerRegistry, options.waiting) {}

PullService::~PullService() {
    stop();
}

void PullService::use(std::shared_ptr<PullSetup> setup) {
    std::atomic_store(&_setup, std::move(setup));
    ++_setups;
}

std::optional<ServedModule> PullService::openKnown(Call& call, const ModuleRecord& record, CacheResult result) {
    auto blob = _hot.find(record.module);
    if (!blob) {
        auto opened = _cache.openVerified(call, record.module);
        if (!opened) return std::nullopt;
        blob = withDescriptor(std::move(opened));
        _hot.insert(record.module, blob);
    }
    return ServedModule{std::move(blob), record.module, record.manifest, result};
}

// ---- requests

void PullService::byReference(const Reference& reference, const std::string& secret, const Caller& caller,
                              ModuleCallback callback) {
    answer(caller, std::move(callback),
           [&](const PullTargets& targets) { return targets.byReference(reference, secret); });
}

void PullService::byUrl(const std::string& url, const std::string& secret, const Caller& caller,
                        ModuleCallback callback) {
    answer(caller, std::move(callback), [&](const PullTargets& targets) { return targets.byUrl(url, secret); });
}

void PullService::byExtension(const std::string& name, const std::optional<Digest>& digest, const Caller& caller,
                              ModuleCallback callback) {
    answer(caller, std::move(callback), [&](const PullTargets& targets) {
        auto target = targets.byExtension(name);
        if (!digest) return target;
        // Of a module that is known, the manifest is what can be asked for again.
        for (const auto& record : _index.modulesBySha256(*digest))
            if (_index.linked(record.module, target.reference.repository())) {
                target.reference = target.reference.pinned(record.manifest);
                return target;
            }
        if (target.extension->httpUrl.empty())
            target.reference = target.reference.pinned(*digest);
        else
            target.module = *digest;
        return target;
    });
}

void PullService::bySha256(const Digest& module, const Caller& caller, ModuleCallback callback) {
    answer(caller, std::move(callback), [&](const PullTargets& targets) {
        // Cache is not permission: only a repository that holds the module and is permitted opens it.
        for (const auto& record : _index.modulesBySha256(module))
            for (const auto& repository : _index.links(module))
                if (auto target = targets.byManifest(repository, record.manifest)) return std::move(*target);
        throw Error(ErrorCode::ModuleUnknown, "no permitted repository is known to hold " + module.str());
    });
}

void PullService::forgetFailures() {
    _failures.clear();
    _postponed.clear();
}

void PullService::complete(Call& call, const Reference& reference, const std::vector<Descriptor>& contents) {
    const auto setup = std::atomic_load(&_setup);
    if (!setup) throw Error(ErrorCode::Busy, "starting");
    setup->registry.complete(call, setup->targets.byReference(reference, {}), contents);
}

template <class FindTarget>
void PullService::answer(const Caller& caller, ModuleCallback callback, FindTarget findTarget) {
    AnswerTerms terms = versions(); // before anything is looked up
    const auto setup = std::atomic_load(&_setup);
    if (!setup) return callback(Error(ErrorCode::Busy, "starting"));
    terms.catalog = &setup->targets.extensions();
    terms.extensions = terms.catalog->version();
    std::optional<PullTarget> target;
    try {
        target = findTarget(setup->targets);
    } catch (const Error& error) {
        return callback(error);
    }
    const auto state = caller.refresh ? Known() : knownOf(_index, *setup, *target);
    if (state.record && answerKnown(setup, *target, state, caller, callback, std::move(terms))) return;
    join(setup, *target, caller, std::move(callback), state);
}

/// What was final with one configuration need not be with the next.
std::string PullService::keyOf(const PullSetup& setup, const PullTarget& target) {
    return std::to_string(setup.generation) + " " + target.key();
}

/// False: it takes a Flight. What is stale is answered at once only while its registry is left alone.
bool PullService::answerKnown(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Known& state,
                              const Caller& caller, ModuleCallback& callback, AnswerTerms terms) {
    std::optional<ErrorMemory::Entry> postponed;
    if (state.freshness == Freshness::Stale && !(postponed = _postponed.find(keyOf(*setup, target)))) return false;
    askAhead(setup, target, state, postponed ? &*postponed : nullptr);
    auto blob = _hot.find(state.record->module);
    if (!blob) return false;
    _index.recordAccess(
        {state.record->module, target.reference.str(), caller.address, std::chrono::system_clock::now()});
    if (postponed) _metrics.staleAnswer(traitsOf(postponed->error.code()).name);
    callback(ServedModule{std::move(blob), state.record->module, state.record->manifest,
                          postponed ? CacheResult::Stale : CacheResult::Hit, whole(std::move(terms), target, state)});
    return true;
}

AnswerTerms PullService::versions() const noexcept {
    AnswerTerms terms;
    terms.setup = _setups.load(std::memory_order_acquire);
    terms.index = _index.version();
    terms.hot = _hot.version();
    return terms;
}

std::shared_ptr<const AnswerTerms> PullService::whole(AnswerTerms terms, const PullTarget& target, const Known& state) {
    terms.from = std::chrono::system_clock::now();
    terms.until = terms.from + LooksAgain;
    if (!target.reference.digest() && target.rules().at(state.validatedAt, terms.until) != Freshness::Fresh)
        return nullptr;
    terms.module = state.record->module;
    terms.reference = target.reference.str();
    return std::make_shared<const AnswerTerms>(std::move(terms));
}

bool PullService::again(const AnswerTerms& terms, const std::string& caller) noexcept {
    const auto now = std::chrono::system_clock::now();
    if (now < terms.from || now >= terms.until || terms.setup != _setups.load(std::memory_order_acquire) ||
        terms.index != _index.version() || terms.hot != _hot.version() || terms.extensions != terms.catalog->version())
        return false;
    _hot.used();
    _index.recordAccess(terms.module, terms.reference, caller, now);
    return true;
}

void PullService::join(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Caller& caller,
                       ModuleCallback callback, const Known& state) {
    const auto usual = keyOf(*setup, target);
    auto key = caller.refresh ? usual + " now" : usual;
    FlightPointer created;
    FlightPointer hurried;
    std::optional<Error> refusal;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto now = Clock::now();
        if (caller.refresh) {
            _failures.forget(usual);
            _failures.forget(key);
            _postponed.forget(usual);
        }
        if (_stopping)
            refusal = Error(ErrorCode::Busy, "shutting down");
        else if (const auto failure = _failures.find(key))
            refusal = failure->error;
        if (!refusal && _waiting >= _options.waiting)
            refusal = Error(ErrorCode::Busy, std::to_string(_waiting) + " requests wait for modules already",
                            "raise pull.waiting, or pull.workers if the registries could take more");
        if (!refusal) {
            // What counts waits for no registry; it only has to be opened.
            if (state.record && state.freshness == Freshness::Fresh)
                if (const auto found = _flights.find(key); found != _flights.end() && found->second->ahead)
                    key += " known";
            auto& flight = _flights[key];
            if (!flight) {
                flight = std::make_shared<Flight>(key, setup, target, caller);
                created = flight;
                _metrics.flightStarted();
            }
            const auto patience =
                state.freshness == Freshness::Stale ? std::min(_options.hold, _options.staleAfter) : _options.hold;
            flight->waiters.push_back({caller, std::move(callback), now, now + patience});
            flight->lastWaiter = now;
            if (std::exchange(flight->queuedAhead, false)) hurried = flight;
            ++_waiting;
            _metrics.waiters(1);
            later(flight, patience, &PullService::expireWaiters);
        }
    }
    if (refusal) _failureLog.askedAgain(target.reference.str(), caller.address);
    if (refusal)
        callback(*refusal);
    else if (created)
        startAttempt(created);
    else if (hurried)
        hurry(hurried);
}

// ---- attempts

void PullService::startAttempt(const FlightPointer& flight) {
    std::optional<Error> idle;
    int generation = 0;
    bool ahead = false;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (flight->ended || flight->running || _stopping) return;
        if (abandonedByAll(*flight)) {
            idle = flight->last ? *flight->last : stillPulling(flight->target.reference);
        } else {
            flight->running = true;
            generation = ++flight->attempts;
            ahead = flight->queuedAhead = flight->ahead && flight->waiters.empty();
        }
    }
    if (idle && flight->ahead && !flight->last) return dropAhead(flight); // another replica asks
    if (idle) return failFinally(flight, *idle, false);
    const auto& host = flight->target.reference.repository().host();
    if (ahead) {
        if (!_workers.postWhenIdle(host, [this, flight] { attemptAhead(flight); })) return dropAhead(flight);
    } else if (!_workers.post(host, [this, flight] { attempt(flight); })) {
        failFinally(flight, Error(ErrorCode::Busy, "the queue of pulls is full"), false);
        return;
    }
    // A plugin that does not come back keeps its worker, but neither the requests nor the reference.
    const std::weak_ptr<Flight> weak = flight;
    _timers.at(Clock::now() + _options.deadline + AbandonAfter, [this, weak, generation] {
        const auto overdue = weak.lock();
        if (!overdue) return;
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            if (overdue->ended || !overdue->running || overdue->attempts != generation) return;
        }
        failFinally(overdue, Error(ErrorCode::DeadlineExceeded, "the attempt to pull did not end by its deadline"),
                    false);
    });
}

void PullService::attempt(const FlightPointer& flight) {
    const auto begun = Clock::now();
    Call call(flight->requestId, begun + _options.deadline, &_cancelled, flight->trace);
    const auto& reference = flight->target.reference;
    const auto before = reference.digest() ? std::nullopt : _index.tag(reference);
    const auto revalidated = [&](const char* result) {
        if (before) _metrics.revalidation(result);
    };
    try {
        auto state = flight->refresh ? Known() : knownOf(_index, *flight->setup, flight->target);
        // A Flight ahead asks for as long as what it renews is the last that is known.
        const auto counts = [&] { return state.freshness == Freshness::Fresh && flight->aheadOf != state.validatedAt; };
        if (!flight->refresh && !counts() && _sharing.learn(call, flight->target)) {
            state = knownOf(_index, *flight->setup, flight->target);
            if (before && state.record && before->digest != state.record->manifest)
                noteMove(*flight, before->digest, state.record->manifest);
        }
        if (state.record) {
            const bool fresh = counts();
            const auto postponed = fresh || flight->ahead ? std::nullopt : _postponed.find(flight->key);
            auto opened = openKnown(call, *state.record, fresh ? CacheResult::Hit : CacheResult::Stale);
            if (opened && (fresh || postponed))
                return succeed(flight, *opened, {}, std::nullopt, postponed ? &postponed->error : nullptr);
            if (opened) {
                const std::lock_guard<std::mutex> lock(_mutex);
                flight->stale = std::move(opened);
            }
        }
        const auto claim = flight->refresh ? ReplicaSharing::Claim() : _sharing.claim(call, flight->target);
        if (claim.turn != ReplicaSharing::Turn::Ours) return leave(flight, claim.turn);
        if (claim.lock) keepTurn(claim.lock, flight->requestId);
        auto pulled = flight->target.isFile() ? flight->setup->files.pull(call, flight->target)
                                              : flight->setup->registry.pull(call, flight->target);
        if (pulled) {
            _absences.forget(flight->key);
            if (before) revalidated(before->digest == pulled->record.manifest ? "unchanged" : "moved");
            if (before && before->digest != pulled->record.manifest)
                noteMove(*flight, before->digest, pulled->record.manifest);
            _hot.insert(pulled->record.module, pulled->content);
            const auto result = pulled->fetched ? CacheResult::Miss : CacheResult::Hit;
            succeed(flight, {pulled->content, pulled->record.module, pulled->record.manifest, result},
                    pulled->credential, begun);
            // Ours are answered; the other replicas may have to wait for it a little longer.
            return _sharing.publish(call, flight->target, pulled->record, pulled->fetched);
        }
        const Error absent(ErrorCode::ManifestUnknown,
                           flight->target.reference.repository().host() + " has no " + flight->target.reference.str());
        // A 404 is final for an agent: who lacked a tag for a moment must not stop those that it served until then.
        if (hasStale(*flight) && !_absences.believed(flight->key)) {
            revalidated("absent");
            return failForNow(flight, absent);
        }
        bool proved = false;
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            flight->running = false;
            flight->last = absent;
            proved = ++flight->absences >= 2;
        }
        if (!proved) return later(flight, _options.secondLook, &PullService::startAttempt);
        _absences.forget(flight->key);
        revalidated("absent");
        writeIndex(flight->requestId, [&] {
            if (!flight->target.reference.digest()) _index.forgetTag(flight->target.reference);
        });
        _sharing.disown(call, flight->target.reference);
        failFinally(flight, absent, true);
    } catch (const Error& error) {
        revalidated("failed");
        switch (error.code()) {
        case ErrorCode::ModuleUnusable: // that the tag means now
            return failFinally(flight, error, true);
        case ErrorCode::AddressRefused:
        case ErrorCode::SettingsInvalid:
        case ErrorCode::Internal:
            return hasStale(*flight) ? failForNow(flight, error) : failFinally(flight, error, true);
        default:
            return failForNow(flight, error);
        }
    } catch (const std::exception& error) {
        failFinally(flight, Error(ErrorCode::Internal, std::string("pull failed: ") + error.what()), false);
    }
}

/// Another replica asks upstream, or has just done so: a look at what it found, soon.
void PullService::leave(const FlightPointer& flight, ReplicaSharing::Turn turn) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        ++flight->left;
        flight->running = false;
    }
    const bool theirs = turn == ReplicaSharing::Turn::Theirs;
    later(flight, theirs ? _options.replicaPoll : milliseconds(0), &PullService::startAttempt);
}

/// Renews it three times in its life for as long as an attempt has it.
void PullService::keepTurn(const std::weak_ptr<SharedStore::Lock>& lock, const std::string& requestId) {
    _timers.at(Clock::now() + _sharing.lockLifetime() / 3, [this, lock, requestId] {
        if (lock.expired()) return;
        _workers.post("shared caches", [this, lock, requestId] {
            const auto held = lock.lock();
            if (!held) return;
            Call call(requestId, Clock::now() + _sharing.lockLifetime(), &_cancelled);
            if (_sharing.renew(call, *held)) keepTurn(lock, requestId);
        });
    });
}

void PullService::pollCredentials(const FlightPointer& flight) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (flight->ended || flight->running || _stopping) return;
    }
    // Not in the registry's turn: a thousand that are denied must not keep the others there waiting.
    const bool posted = _workers.post("credential sources", [this, flight] {
        Call call(flight->requestId, Clock::now() + _options.hold, &_cancelled, flight->trace);
        bool changed = false;
        try {
            changed = flight->setup->registry.hasUntriedCredential(call, flight->target);
        } catch (const std::exception&) {
            changed = true; // the attempt meets the same failure and reports it
        }
        bool idle = false;
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            idle = abandonedByAll(*flight);
        }
        if (changed || idle)
            startAttempt(flight);
        else
            later(flight, credentialPoll(), &PullService::pollCredentials);
    });
    if (!posted) later(flight, credentialPoll(), &PullService::pollCredentials);
}

/// So many Flights at once may wait for another credential that looking for them all is work: some 200 looks a second.
milliseconds PullService::credentialPoll() const {
    return std::max(_options.credentialPoll, milliseconds(5 * static_cast<std::int64_t>(flights())));
}

void PullService::later(const FlightPointer& flight, milliseconds delay,
                        void (PullService::*step)(const FlightPointer&)) {
    const std::weak_ptr<Flight> weak = flight;
    _timers.at(Clock::now() + delay, [this, weak, step] {
        if (const auto alive = weak.lock()) (this->*step)(alive);
    });
}

// ---- answers

void PullService::succeed(const FlightPointer& flight, const ServedModule& module, const std::string& credential,
                          std::optional<Clock::time_point> asked, const Error* cause) {
    auto waiters = end(flight);
    auto late = asked ? tooLateFor(waiters, *asked, flight->target) : std::list<Waiter>();
    report(*flight, {module.manifest, module.module, {}, std::chrono::system_clock::now()});
    _failureLog.recovered(flight->target.reference.str());
    if (asked) {
        const auto seconds = secondsSince(*asked);
        _metrics.pull("success", seconds);
        const bool routine = flight->ahead && module.cache != CacheResult::Miss;
        log(routine ? LogLevel::Debug : LogLevel::Information,
            module.cache == CacheResult::Miss ? "pulled" : "revalidated",
            {{"request", flight->requestId},
             {"trace", flight->trace.traceId()},
             {"reference", flight->target.reference.str()},
             {"registry", flight->target.reference.repository().host()},
             {"credential", credential},
             {"manifest", module.manifest.str()},
             {"module", module.module.str()},
             {"size", std::to_string(module.content->size())},
             {"seconds", std::to_string(seconds)},
             {"attempts", std::to_string(flight->attempts)},
             {"waiters", std::to_string(waiters.size())}});
    }
    for (auto& waiter : waiters)
        deliver(waiter, *flight, module, cause);
    if (!late.empty()) askAgain(flight, module, std::move(late));
}

void PullService::failFinally(const FlightPointer& flight, const Error& error, bool remember) {
    if (remember) _failures.remember(flight->key, error, Clock::now() + _options.remember);
    auto waiters = end(flight);
    auto failure = failureOf(*flight, error, waiters);
    if (remember) failure.nextTry = std::chrono::system_clock::now() + _options.remember;
    // That we are busy is told of each request that is answered so.
    if (error.code() != ErrorCode::Busy) _failureLog.pullFailed(std::move(failure), error);
    report(*flight, {std::nullopt, std::nullopt, error.what(), std::chrono::system_clock::now()});
    _metrics.pull(traitsOf(error.code()).name, secondsSince(flight->started));
    log(LogLevel::Warning, "pull failed",
        {{"request", flight->requestId},
         {"trace", flight->trace.traceId()},
         {"reference", flight->target.reference.str()},
         {"registry", flight->target.reference.repository().host()},
         {"code", traitsOf(error.code()).name},
         {"cause", error.what()},
         {"hint", error.hint()},
         {"attempts", std::to_string(flight->attempts)},
         {"waiters", std::to_string(waiters.size())}});
    for (auto& waiter : waiters)
        waiter.callback(error);
}

void PullService::failForNow(const FlightPointer& flight, const Error& error) {
    report(*flight, {std::nullopt, std::nullopt, error.what(), std::chrono::system_clock::now()});
    std::optional<ServedModule> stale;
    const bool refused = !flight->target.isFile() &&
                         (error.code() == ErrorCode::CredentialRefused || error.code() == ErrorCode::RepositoryDenied);
    // What the disk could not take goes to memory when it is fetched again: at once.
    const auto tried = flight->attempts - flight->left;
    const bool again = error.code() == ErrorCode::StorageFault && tried == 1 && _cache.sparing();
    const auto delay = again ? milliseconds(0) : backOff(tried, error.retryAfter());
    if (error.code() == ErrorCode::Blocked) blocked(flight);
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        auto failure = failureOf(*flight, error, flight->waiters);
        if (!failure.nextTry) failure.nextTry = std::chrono::system_clock::now() + delay;
        _failureLog.pullFailed(std::move(failure), error);
        flight->running = false;
        flight->last = error;
        // What is known counts still: one more try before the registry is left alone.
        const bool oneMore = flight->ahead && flight->attempts - flight->left == 1 && flight->waiters.empty() &&
                             error.retryable() && !refused && error.retryAfter().count() == 0;
        if (!oneMore) stale = flight->stale;
    }
    if (stale) {
        _postponed.remember(flight->key, error, Clock::now() + pauseAfter(*flight, error));
        log(LogLevel::Warning,
            flight->ahead ? "the registry could not be asked again" : "serving stale: the registry could not be asked",
            {{"request", flight->requestId},
             {"trace", flight->trace.traceId()},
             {"reference", flight->target.reference.str()},
             {"registry", flight->target.reference.repository().host()},
             {"code", traitsOf(error.code()).name},
             {"cause", error.what()},
             {"hint", error.hint()}});
        _metrics.pull(traitsOf(error.code()).name, secondsSince(flight->started));
        for (auto& waiter : end(flight))
            deliver(waiter, *flight, *stale, &error);
        return;
    }
    if (refused) return later(flight, credentialPoll(), &PullService::pollCredentials);
    later(flight, delay, &PullService::startAttempt);
}

/// How long what is stale answers before the registry is asked again: as long as it asks for, within reason, and no
/// longer than a tag is believed.
milliseconds PullService::pauseAfter(const Flight& flight, const Error& error) const {
    const milliseconds believed = std::max(flight.target.rules().tagTtl, ShortestPause);
    return std::max<milliseconds>(std::min(_options.remember, believed), std::min(error.retryAfter(), LongestPause));
}

/// A registry that blocks takes back what it said of the tag before: a copy from then answers nobody, not even those
/// who came when it still could, and they wait as long as if there were none.
void PullService::blocked(const FlightPointer& flight) {
    if (!flight->target.reference.digest())
        writeIndex(flight->requestId, [&] { _index.forgetTag(flight->target.reference); });
    Call call(flight->requestId, Clock::now() + _options.staleAfter, &_cancelled, flight->trace);
    _sharing.disown(call, flight->target.reference);
    const std::lock_guard<std::mutex> lock(_mutex);
    flight->stale.reset();
    const auto now = Clock::now();
    for (auto& waiter : flight->waiters) {
        const auto until = waiter.since + _options.hold;
        if (waiter.until >= until) continue;
        waiter.until = until;
        later(flight, std::chrono::ceil<milliseconds>(until - now), &PullService::expireWaiters);
    }
}

void PullService::expireWaiters(const FlightPointer& flight) {
    std::list<Waiter> expired;
    std::optional<ServedModule> stale;
    std::optional<Error> last;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto now = Clock::now();
        for (auto it = flight->waiters.begin(); it != flight->waiters.end();) {
            const auto next = std::next(it);
            if (it->until <= now) expired.splice(expired.end(), flight->waiters, it);
            it = next;
        }
        if (expired.empty()) return;
        _waiting -= expired.size();
        flight->lastWaiter = now;
        stale = flight->stale;
        last = flight->last;
    }
    _metrics.waiters(-static_cast<int>(expired.size()));
    for (auto& waiter : expired) {
        if (stale) deliver(waiter, *flight, *stale, last ? &*last : nullptr);
        // One look is no proof of absence: 404 would be final for an agent.
        else if (last && last->code() != ErrorCode::ManifestUnknown)
            waiter.callback(*last);
        else
            waiter.callback(stillPulling(flight->target.reference));
    }
}

bool PullService::hasStale(const Flight& flight) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return flight.stale.has_value();
}

bool PullService::abandonedByAll(const Flight& flight) const {
    return flight.waiters.empty() && Clock::now() - flight.lastWaiter > GraceWithoutWaiters;
}

std::list<Waiter> PullService::end(const FlightPointer& flight) {
    std::list<Waiter> waiters;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (flight->ended) return waiters;
        flight->ended = true;
        flight->running = false;
        waiters.swap(flight->waiters);
        _waiting -= waiters.size();
        // Only its own entry: an overdue Flight may have been replaced meanwhile.
        const auto found = _flights.find(flight->key);
        if (found != _flights.end() && found->second == flight) _flights.erase(found);
    }
    _metrics.waiters(-static_cast<int>(waiters.size()));
    _metrics.flightEnded();
    return waiters;
}

void PullService::deliver(Waiter& waiter, const Flight& flight, const ServedModule& module, const Error* cause) {
    const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - waiter.since);
    const auto needed = milliseconds(module.content->size() * 1000 / std::max<std::uint64_t>(_options.agentRate, 1));
    // An agent's 15 s cover the body, and a body that is cut after 200 is final. Its retry after a 503 is a hit with a
    // fresh 15 s, so that is the better answer, unless not even those would do.
    if (waited > std::chrono::seconds(1) && waited + needed > _options.agentTimeout &&
        needed <= _options.agentTimeout) {
        waiter.callback(Error(ErrorCode::Busy, "pulled after " + std::to_string(waited.count()) +
                                                   " ms; the body does not fit in what is left of pull.agent-timeout"));
        return;
    }
    _index.recordAccess(
        {module.module, flight.target.reference.str(), waiter.caller.address, std::chrono::system_clock::now()});
    if (module.cache == CacheResult::Stale) _metrics.staleAnswer(cause ? traitsOf(cause->code()).name : "SLOW");
    waiter.callback(module);
}

FailureLog::Failure PullService::failureOf(const Flight& flight, const Error& error,
                                           const std::list<Waiter>& waiters) const {
    constexpr std::size_t Callers = 10; // as many as the log keeps
    const auto& repository = flight.target.reference.repository();
    FailureLog::Failure failure{flight.target.reference.str(), repository.host()};
    for (auto waiter = waiters.rbegin(); waiter != waiters.rend() && failure.callers.size() < Callers; ++waiter)
        failure.callers.push_back(waiter->caller.address);
    failure.requestId = flight.requestId;
    if (flight.target.isFile()) return failure;
    const auto& memory = flight.setup->registry.memory();
    if (error.code() == ErrorCode::CredentialRefused || error.code() == ErrorCode::RepositoryDenied) {
        for (auto& refusal : memory.refusals(repository)) {
            if (!failure.nextTry || refusal.nextTry < *failure.nextTry) failure.nextTry = refusal.nextTry;
            failure.credentials.push_back(std::move(refusal.credential));
        }
    } else if (auto worked = memory.worked(repository); !worked.empty()) {
        failure.credentials.push_back(std::move(worked));
    }
    return failure;
}

void PullService::report(const Flight& flight, const ExtensionOutcome& outcome) {
    const auto& pulled = flight.target.extension;
    if (!pulled) return;
    // Neither of what the Extension was before, nor of another digest of it that somebody asks for.
    auto& extensions = flight.setup->targets.extensions();
    if (inForce(*pulled, extensions) && flight.target.reference.str() == pulled->reference.str() &&
        flight.target.module == pulled->sha256)
        extensions.record(pulled->name, outcome);
}

/// As it is: under its name there may be another by now.
bool PullService::inForce(const Extension& extension, const ExtensionCatalog& extensions) {
    const auto now = extensions.find(extension.name);
    return now && now->url == extension.url && now->sha256 == extension.sha256 &&
           now->imagePullSecret == extension.imagePullSecret;
}

void PullService::stop() {
    std::list<Waiter> waiters;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) return;
        _stopping = true;
        for (auto& [key, flight] : _flights)
            waiters.splice(waiters.end(), flight->waiters);
        _waiting = 0;
    }
    for (auto& waiter : waiters)
        waiter.callback(Error(ErrorCode::Busy, "shutting down"));
    _cancelled = true;
    _timers.stop();
    _workers.stop();
}

std::size_t PullService::flights() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _flights.size();
}

} // namespace wasmproxy::host
