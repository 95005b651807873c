// SPDX-License-Identifier: Apache-2.0
#include "eviction/Evictor.h"

#include "eviction/EvictionOrder.h"
#include "observe/Log.h"
#include "pull/IndexWrite.h"

#include <algorithm>
#include <unordered_set>

namespace wasmproxy::host {
namespace {

constexpr std::uint64_t FullShare = 10; // of a disk that is full below the capacity, a tenth of what is there goes

Call ownCall() {
    return {"eviction", Call::Clock::now() + std::chrono::minutes(5)};
}

} // namespace

Evictor::Evictor(CacheTiers& cache, DigestIndex& index, Options options)
    : _cache(cache), _index(index), _options(std::move(options)), _capacity(_options.capacity), _thread([this] {
          work();
      }) {}

Evictor::~Evictor() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _wake.notify_one();
    _thread.join();
}

void Evictor::reconcile() {
    const std::lock_guard<std::mutex> alone(_sweeping);
    auto call = ownCall();
    std::unordered_set<Digest> known;
    for (const auto& content : _index.contentsByAge())
        known.insert(content.digest);
    _cache.main().store->visit(call, [&](const StoredBlob& blob) {
        if (known.erase(blob.digest) != 0 || _index.content(blob.digest)) return;
        writeIndex(call.requestId(), [&] { _index.recordContent(blob.digest, blob.size, _options.now()); });
    });
    for (const auto& gone : known)
        forget(gone);
}

std::size_t Evictor::sweep() {
    const auto holds = used();
    const bool full = _cache.wasFull();
    if (!full && holds <= _capacity) return 0;
    auto call = ownCall();
    return sweep(call, full ? holds / FullShare + 1 : 0).contents;
}

std::uint64_t Evictor::used() const {
    return _index.contentBytes() + _cache.leases().lingeringBytes();
}

Evictor::Swept Evictor::sweep(Call& call, std::uint64_t bytes) {
    const std::lock_guard<std::mutex> alone(_sweeping);
    Swept swept;
    auto left = used();
    const auto goal = std::min(_capacity.load(), left - std::min(left, bytes));
    if (left <= goal) return swept;
    const auto now = _options.now();
    const EvictionOrder order(_index, now - _options.grace, now);
    for (const auto& content : order.contents()) {
        if (left <= goal) break;
        call.check("evicting");
        if (!evict(call, content)) continue;
        left -= std::min(left, content.size);
        ++swept.contents;
        swept.bytes += content.size;
        ++_contents;
        _bytes += content.size;
    }
    if (swept.contents > 0)
        log(LogLevel::Information, "evicted least recently used content",
            {{"request", call.requestId()},
             {"contents", std::to_string(swept.contents)},
             {"freed", std::to_string(swept.bytes)},
             {"bytes", std::to_string(left)}});
    const bool over = left > _capacity;
    if (over && !_over)
        log(LogLevel::Warning, "the cache holds more than it may; the rest is pinned, in use or just pulled",
            {{"request", call.requestId()},
             {"bytes", std::to_string(left)},
             {"capacity", std::to_string(_capacity.load())}});
    _over = over;
    return swept;
}

bool Evictor::evict(Call& call, const ContentRecord& content) {
    const auto& digest = content.digest;
    if (_options.forgetHot) _options.forgetHot(digest);
    // Looked at again while nobody can open it: it may have been used or pinned since the order was made.
    const auto still = [&] {
        const auto now = _index.content(digest);
        return now && now->lastUsed == content.lastUsed && EvictionOrder::pinned(_index).count(digest) == 0;
    };
    return _cache.evict(call, digest, still, [&] { forget(digest); });
}

void Evictor::forget(const Digest& digest) {
    writeIndex("eviction", [&] { _index.forgetContent(digest); });
}

void Evictor::work() {
    const auto guarded = [](const char* what, const auto& step) {
        try {
            step();
        } catch (const std::exception& error) {
            log(LogLevel::Error, std::string(what) + " failed", {{"cause", error.what()}});
        }
    };
    const auto compare = [&] { guarded("comparing the index with the cache", [this] { reconcile(); }); };
    compare();
    auto compared = Call::Clock::now();
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_wake.wait_for(lock, _options.every, [this] { return _stopping; })) {
        lock.unlock();
        if (Call::Clock::now() - compared >= _options.reconcileEvery) {
            compare();
            compared = Call::Clock::now();
        }
        guarded("eviction", [this] { sweep(); });
        lock.lock();
    }
}

} // namespace wasmproxy::host
