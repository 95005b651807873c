// SPDX-License-Identifier: Apache-2.0
#include "pull/CacheTiers.h"

#include "observe/Log.h"

#include <cerrno>
#include <system_error>

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 256 * 1024;
// A shared store that is slow costs this much before the registry is asked instead; a call within it is the store's.
constexpr std::chrono::seconds SharedPatience{10};
// What is larger is in no shared store: pull.max-layer's default.
constexpr std::uint64_t MaxShared = 512u << 20;
constexpr std::chrono::seconds TellAgain{30};
// After a failed write, so long what is pulled goes to the spare memory before the main tier is tried again.
constexpr std::chrono::seconds TryAgain{5};

/// All of a blob, to whoever wants it; the number of its bytes.
template <class Sink>
std::uint64_t readAll(Blob& blob, const Call& call, const char* doing, Sink&& sink) {
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t offset = 0;
    while (const auto count = blob.read(offset, chunk.data(), chunk.size())) {
        sink(chunk.data(), count);
        offset += count;
        call.check(doing);
    }
    return offset;
}

/// The store's error has the system's words for it.
bool meansFull(const Error& error) {
    const std::string text = error.what();
    for (const int number : {ENOSPC, EDQUOT})
        if (text.find(std::generic_category().message(number)) != std::string::npos) return true;
    return false;
}

Error wrongOrder(const std::string& why) {
    return Error(ErrorCode::SettingsInvalid, "pull.caches: " + why,
                 "local caches (disk, memory) come first, fastest first, then those that are shared between replicas");
}

} // namespace

/// Says when the main tier cannot be written.
class CacheTiers::MainIngest : public Ingest {
public:
    MainIngest(CacheTiers& tiers, std::unique_ptr<Ingest> ingest) : _tiers(tiers), _ingest(std::move(ingest)) {}
    void write(const char* bytes, std::size_t size) override {
        watched([&] { _ingest->write(bytes, size); });
    }
    void commit(const Digest& digest) override {
        watched([&] { _ingest->commit(digest); });
    }

private:
    template <class Step>
    void watched(Step&& step) {
        try {
            step();
        } catch (const Error& error) {
            if (error.code() == ErrorCode::StorageFault) _tiers.unwritable(error);
            throw;
        }
    }
    CacheTiers& _tiers;
    std::unique_ptr<Ingest> _ingest;
};

CacheTiers::CacheTiers(std::vector<Tier> tiers, Stored stored, std::uint64_t spare)
    : _tiers(std::move(tiers)), _stored(std::move(stored)), _spare(spare > 0 ? new SpareMemory(spare) : nullptr) {
    if (_tiers.empty() || _tiers.front().shared)
        throw wrongOrder(_tiers.empty()
                             ? "there is no cache"
                             : "the first one, " + _tiers.front().name + ", is shared: a proxy needs one of its own");
    for (std::size_t i = 0; i < _tiers.size(); ++i) {
        if (_tiers[i].shared) continue;
        if (i > _main + 1 || (i > 0 && _tiers[i - 1].shared))
            throw wrongOrder(_tiers[i].name + " is local and comes after " + _tiers[i - 1].name + ", which is shared");
        _main = i;
    }
    for (const auto& tier : _tiers)
        _states.push_back(std::make_unique<State>(tier.capacity));
    for (std::size_t i = 0; i < _main; ++i)
        takeStock(_tiers[i]);
}

CacheTiers::Kind CacheTiers::kind(std::size_t place) const noexcept {
    return place < _main ? Kind::Faster : place == _main ? Kind::Main : Kind::Shared;
}

template <class Step>
bool CacheTiers::attempt(std::size_t place, const Call& call, const char* what, Step&& step) noexcept {
    try {
        step();
        return true;
    } catch (const std::exception& error) {
        failed(_tiers[place], call, what, error);
    } catch (...) { // a Blob is the plugin's own
        failed(_tiers[place], call, what, Error(ErrorCode::PluginFault, "something that is no std::exception"));
    }
    return false;
}

void CacheTiers::takeStock(const Tier& tier) {
    Call call("taking stock", Call::Clock::now() + std::chrono::minutes(1));
    attempt(place(tier), call, "listing", [&] {
        std::vector<Digest> gone;
        tier.store->visit(call, [&](const StoredBlob& blob) {
            for (auto& digest : _states[place(tier)]->recent.add(blob.digest, blob.size))
                gone.push_back(std::move(digest));
        });
        drop(call, place(tier), gone);
    });
}

void CacheTiers::setCapacity(const std::string& tier, std::uint64_t bytes) {
    Call call("a new capacity", Call::Clock::now() + std::chrono::minutes(1));
    for (std::size_t i = 0; i < _main; ++i)
        if (_tiers[i].name == tier)
            attempt(i, call, "removing", [&] { drop(call, i, _states[i]->recent.setCapacity(bytes)); });
}

// ---- reading

std::unique_ptr<Blob> CacheTiers::openVerified(Call& call, const Digest& digest) {
    for (std::size_t i = 0; i <= _main; ++i) {
        auto blob = openLocal(call, i, digest);
        (blob ? _states[i]->hits : _states[i]->misses).fetch_add(1, std::memory_order_relaxed);
        if (!blob) continue;
        if (!good(call, i, *blob, digest)) continue;
        if (i == _main) return promoted(call, std::move(blob), digest);
        _states[i]->recent.used(digest);
        return blob;
    }
    for (std::size_t i = _main + 1; i < _tiers.size(); ++i)
        if (auto blob = fetched(call, i, digest)) return blob;
    return nullptr;
}

std::unique_ptr<Blob> CacheTiers::openTrusted(Call& call, const Digest& digest) {
    // Not counted: whoever asks has just put it there.
    for (std::size_t i = 0; i <= _main; ++i)
        if (auto blob = openLocal(call, i, digest)) return blob;
    return nullptr;
}

std::unique_ptr<Blob> CacheTiers::openMain(Call& call, const Digest& digest) {
    auto blob = _leases.open(call, digest, [&] { return main().store->open(call, digest); });
    return blob || !_spare ? std::move(blob) : _spare->open(digest);
}

std::unique_ptr<Blob> CacheTiers::openLocal(Call& call, std::size_t place, const Digest& digest) {
    if (place == _main) return openMain(call, digest);
    std::unique_ptr<Blob> blob;
    attempt(place, call, "open", [&] { blob = _tiers[place].store->open(call, digest); });
    if (!blob) _states[place]->recent.forget(digest);
    return blob;
}

bool CacheTiers::good(Call& call, std::size_t place, Blob& blob, const Digest& digest) {
    bool same = false;
    // What the main tier cannot read is as good as absent, too: it is fetched again, and replaced.
    if (!attempt(place, call, "read", [&] { same = matches(blob, digest, call); })) {
        call.check("verifying cached content");
        return false;
    }
    if (same) return true;
    tellBad(call, place, digest);
    discard(call, _tiers[place], digest);
    return false;
}

std::unique_ptr<Blob> CacheTiers::promoted(Call& call, std::unique_ptr<Blob> blob, const Digest& digest) {
    for (std::size_t i = 0; i < _main; ++i) {
        auto& recent = _states[i]->recent;
        if (!recent.takes(blob->size())) continue;
        const bool copied = attempt(i, call, "copying into it", [&] {
            drop(call, i, recent.add(digest, blob->size()));
            auto ingest = _tiers[i].store->ingest(call, blob->size());
            DigestStream stream(digest.algorithm());
            readAll(*blob, call, "copying to a faster cache", [&](const char* bytes, std::size_t size) {
                stream.update(bytes, size);
                ingest->write(bytes, size);
            });
            if (stream.finish() != digest) throw Error(ErrorCode::StorageFault, "what was read changed meanwhile");
            ingest->commit(digest);
        });
        if (!copied) {
            recent.forget(digest);
            continue;
        }
        if (auto copy = openLocal(call, i, digest)) return copy;
    }
    return blob;
}

std::unique_ptr<Blob> CacheTiers::fetched(Call& call, std::size_t place, const Digest& digest) {
    auto& state = *_states[place];
    auto& store = *_tiers[place].store;
    auto within = call.within(SharedPatience);
    std::unique_ptr<Blob> blob;
    if (!attempt(place, within, "open", [&] { blob = store.open(within, digest); })) {
        call.check("asking a shared cache");
        return nullptr;
    }
    (blob ? state.hits : state.misses).fetch_add(1, std::memory_order_relaxed);
    if (!blob) return nullptr;
    // What the main tier throws leaves: the registry's bytes would fare no better there.
    auto ingest = this->ingest(call, blob->size());
    DigestStream stream(digest.algorithm());
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t size = 0;
    for (std::size_t count = 1; count > 0; size += count) {
        const bool read = attempt(place, within, "read", [&] {
            if (size > MaxShared) throw Error(ErrorCode::StorageFault, digest.str() + " is larger than any layer");
            within.check("reading from a shared cache");
            count = blob->read(size, chunk.data(), chunk.size());
        });
        if (!read) {
            call.check("reading from a shared cache");
            return nullptr;
        }
        stream.update(chunk.data(), count);
        if (count > 0) ingest->write(chunk.data(), count);
    }
    if (size != blob->size() || stream.finish() != digest) {
        tellBad(call, place, digest);
        attempt(place, within, "remove", [&] { store.remove(within, digest); });
        return nullptr;
    }
    ingest->commit(digest);
    ingest.reset();
    if (_stored) _stored(digest, size);
    return openMain(call, digest);
}

bool CacheTiers::matches(Blob& blob, const Digest& digest, const Call& call,
                         const std::function<void(std::size_t)>& read) {
    DigestStream stream(digest.algorithm());
    const auto size = readAll(blob, call, "verifying cached content", [&](const char* bytes, std::size_t count) {
        stream.update(bytes, count);
        if (read) read(count);
    });
    return size == blob.size() && stream.finish() == digest;
}

// ---- writing

std::unique_ptr<Ingest> CacheTiers::ingest(Call& call, std::uint64_t expectedSize) {
    if (sparing()) return _spare->ingest();
    try {
        return std::make_unique<MainIngest>(*this, main().store->ingest(call, expectedSize));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::StorageFault) throw;
        unwritable(error);
        if (!_spare) throw;
    }
    return _spare->ingest();
}

bool CacheTiers::sparing() const noexcept {
    return _spare && Call::Clock::now().time_since_epoch().count() < _unwritableUntil;
}

void CacheTiers::onSpareLeaving(std::function<void(const Digest&)> leaving) {
    if (_spare) _spare->onLeaving(std::move(leaving));
}

void CacheTiers::unwritable(const Error& error) noexcept {
    _unwritableUntil = (Call::Clock::now() + TryAgain).time_since_epoch().count();
    if (meansFull(error)) _full = true;
    auto& state = *_states[_main];
    state.errors.fetch_add(1, std::memory_order_relaxed);
    {
        const std::lock_guard<std::mutex> lock(state.mutex);
        const auto now = Call::Clock::now();
        if (state.toldAt != Call::Clock::time_point() && now < state.toldAt + TellAgain) return;
        state.toldAt = now;
    }
    log(LogLevel::Error,
        _spare ? "the cache cannot be written; what is pulled is served from memory, within pull.spare-memory"
               : "the cache cannot be written, and pull.spare-memory is 0: what is not cached cannot be served",
        {{"cache", main().name}, {"cause", error.what()}, {"hint", error.hint()}});
}

bool CacheTiers::share(Call& call, const Tier& tier, const Digest& digest) {
    const auto blob = openTrusted(call, digest);
    if (!blob) return false; // evicted meanwhile
    auto within = call.within(SharedPatience);
    return attempt(place(tier), within, "copying into it", [&] {
        auto ingest = tier.store->ingest(within, blob->size());
        DigestStream stream(digest.algorithm());
        readAll(*blob, within, "copying to a shared cache", [&](const char* bytes, std::size_t size) {
            stream.update(bytes, size);
            ingest->write(bytes, size);
        });
        if (stream.finish() != digest) throw Error(ErrorCode::StorageFault, "what was read changed meanwhile");
        ingest->commit(digest);
    });
}

// ---- removing

bool CacheTiers::remove(Call& call, const Digest& digest) {
    bool removed = false;
    for (std::size_t i = 0; i <= _main; ++i)
        removed = remove(call, _tiers[i], digest) || removed;
    return removed;
}

bool CacheTiers::remove(Call& call, const Tier& tier, const Digest& digest) {
    bool removed = false;
    if (place(tier) == _main) {
        if (_spare) removed = _spare->remove(digest);
        removed = tier.store->remove(call, digest) || removed;
        _leases.removed(digest);
        return removed;
    }
    _states[place(tier)]->recent.forget(digest);
    attempt(place(tier), call, "remove", [&] { removed = tier.store->remove(call, digest); });
    return removed;
}

void CacheTiers::discard(Call& call, const Tier& tier, const Digest& digest) noexcept {
    auto* quarantine = static_cast<CacheQuarantine*>(tier.store->ability(CacheQuarantine::Id));
    // Where it cannot go it stays, but is served to nobody: it is hashed again whenever it is opened.
    attempt(place(tier), call, "discarding", [&] {
        if (!quarantine) {
            remove(call, tier, digest);
            return;
        }
        quarantine->quarantine(call, digest);
        _leases.removed(digest);
    });
    if (place(tier) < _main) _states[place(tier)]->recent.forget(digest);
}

bool CacheTiers::evict(Call& call, const Digest& digest, const std::function<bool()>& still,
                       const std::function<void()>& after) {
    bool evicted = false;
    _leases.unlessLeased(digest, [&] {
        if (!still()) return;
        remove(call, digest);
        after();
        evicted = true;
    });
    return evicted;
}

void CacheTiers::drop(Call& call, std::size_t place, const std::vector<Digest>& digests) {
    for (const auto& digest : digests) {
        if (_forgetHot) _forgetHot(digest);
        _tiers[place].store->remove(call, digest);
    }
}

// ---- how they fare

void CacheTiers::failed(const Tier& tier, const Call& call, const char* what, const std::exception& error) noexcept {
    auto& state = *_states[place(tier)];
    state.errors.fetch_add(1, std::memory_order_relaxed);
    std::uint64_t untold = 0;
    {
        const std::lock_guard<std::mutex> lock(state.mutex);
        const auto now = Call::Clock::now();
        if (state.toldAt != Call::Clock::time_point() && now < state.toldAt + TellAgain) {
            ++state.untold;
            return;
        }
        state.toldAt = now;
        std::swap(untold, state.untold);
    }
    const auto* ours = dynamic_cast<const Error*>(&error);
    log(LogLevel::Warning, "a cache that is not needed failed; going on without it",
        {{"request", call.requestId()},
         {"trace", call.trace().traceId()},
         {"cache", tier.name},
         {"doing", what},
         {"cause", error.what()},
         {"hint", ours ? ours->hint() : std::string()},
         {"untold", untold > 0 ? std::to_string(untold) : std::string()}});
}

void CacheTiers::tellBad(const Call& call, std::size_t place, const Digest& digest) {
    _states[place]->bad.fetch_add(1, std::memory_order_relaxed);
    log(LogLevel::Error, "cached content does not match its digest; it is not served, and fetched again",
        {{"request", call.requestId()},
         {"trace", call.trace().traceId()},
         {"cache", _tiers[place].name},
         {"digest", digest.str()}});
}

void CacheTiers::scrubbed(const Tier& tier, bool good) noexcept {
    auto& state = *_states[place(tier)];
    state.scrubbed.fetch_add(1, std::memory_order_relaxed);
    if (!good) state.bad.fetch_add(1, std::memory_order_relaxed);
}

void CacheTiers::scrubbedAll(const Tier& tier) noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    _states[place(tier)]->lastScrub = std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::vector<CacheTiers::Use> CacheTiers::uses() const {
    std::vector<Use> uses;
    for (std::size_t i = 0; i < _tiers.size(); ++i) {
        const auto& state = *_states[i];
        const auto* quarantine = static_cast<const CacheQuarantine*>(_tiers[i].store->ability(CacheQuarantine::Id));
        uses.push_back({_tiers[i].name, kind(i), state.hits, state.misses, state.errors, state.scrubbed, state.bad,
                        i < _main ? state.recent.held() : RecentContents::Held(),
                        quarantine ? quarantine->quarantined() : CacheQuarantine::Held(),
                        std::chrono::system_clock::time_point(std::chrono::seconds(state.lastScrub))});
    }
    return uses;
}

} // namespace wasmproxy::host
