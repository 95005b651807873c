// SPDX-License-Identifier: Apache-2.0
#include "eviction/Evictor.h"

#include "observe/Log.h"

#include <unordered_set>

namespace wasmproxy::host {
namespace {

Call ownCall() {
    return {"eviction", Call::Clock::now() + std::chrono::minutes(5)};
}

} // namespace

Evictor::Evictor(CacheTiers& cache, DigestIndex& index, Options options)
    : _cache(cache), _index(index), _options(std::move(options)), _thread([this] { work(); }) {}

Evictor::~Evictor() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _wake.notify_one();
    _thread.join();
}

void Evictor::reconcile() {
    auto call = ownCall();
    std::unordered_set<Digest> known;
    for (const auto& content : _index.contentsByAge())
        known.insert(content.digest);
    _cache.tiers().back().store->visit(call, [&](const StoredBlob& blob) {
        if (known.erase(blob.digest) == 0) _index.recordContent(blob.digest, blob.size);
    });
    for (const auto& gone : known)
        _index.forgetContent(gone);
}

std::size_t Evictor::sweep() {
    auto used = _index.contentBytes();
    if (used <= _options.capacity) return 0;
    auto call = ownCall();
    std::size_t removed = 0;
    const auto young = std::chrono::system_clock::now() - _options.grace;
    for (const auto& content : _index.contentsByAge()) {
        if (used <= _options.capacity) break;
        if (content.lastUsed > young) break; // sorted: the rest is younger still
        if (_options.forgetHot) _options.forgetHot(content.digest);
        _cache.remove(call, content.digest);
        _index.forgetContent(content.digest);
        used -= std::min(used, content.size);
        ++removed;
    }
    if (removed > 0)
        log(LogLevel::Information, "evicted least recently used content",
            {{"contents", std::to_string(removed)}, {"bytes", std::to_string(used)}});
    return removed;
}

void Evictor::work() {
    const auto guarded = [](const char* what, const auto& step) {
        try {
            step();
        } catch (const std::exception& error) {
            log(LogLevel::Error, std::string(what) + " failed", {{"cause", error.what()}});
        }
    };
    guarded("comparing the index with the cache", [this] { reconcile(); });
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_wake.wait_for(lock, _options.every, [this] { return _stopping; })) {
        lock.unlock();
        guarded("eviction", [this] { sweep(); });
        lock.lock();
    }
}

} // namespace wasmproxy::host
