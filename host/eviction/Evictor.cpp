// SPDX-License-Identifier: Apache-2.0
#include "eviction/Evictor.h"

#include "observe/Log.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

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
    auto call = ownCall();
    std::unordered_set<Digest> known;
    for (const auto& content : _index.contentsByAge())
        known.insert(content.digest);
    _cache.main().store->visit(call, [&](const StoredBlob& blob) {
        if (known.erase(blob.digest) == 0) _index.recordContent(blob.digest, blob.size);
    });
    for (const auto& gone : known)
        _index.forgetContent(gone);
}

std::size_t Evictor::sweep() {
    if (_index.contentBytes() <= _capacity) return 0;
    auto call = ownCall();
    return sweep(call).contents;
}

std::unordered_set<Digest> Evictor::pinned() const {
    std::unordered_set<Digest> kept;
    const auto keep = [&](const ModuleRecord& record) {
        for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
            kept.insert(digest);
    };
    for (const auto& pin : _index.pins()) {
        kept.insert(pin.digest);
        if (const auto record = _index.module(pin.digest)) keep(*record);
        for (const auto& record : _index.modulesBySha256(pin.digest))
            keep(record);
    }
    return kept;
}

Evictor::Swept Evictor::sweep(Call& call, std::uint64_t bytes) {
    Swept swept;
    auto used = _index.contentBytes();
    const auto goal = std::min(_capacity.load(), used - std::min(used, bytes));
    if (used <= goal) return swept;
    const auto kept = pinned();
    const auto young = std::chrono::system_clock::now() - _options.grace;
    for (const auto& content : _index.contentsByAge()) {
        if (used <= goal) break;
        if (content.lastUsed > young) break; // sorted: the rest is younger still
        if (kept.count(content.digest) != 0) continue;
        call.check("evicting");
        if (_options.forgetHot) _options.forgetHot(content.digest);
        _cache.remove(call, content.digest);
        _index.forgetContent(content.digest);
        used -= std::min(used, content.size);
        ++swept.contents;
        swept.bytes += content.size;
        ++_contents;
        _bytes += content.size;
    }
    if (swept.contents > 0)
        log(LogLevel::Information, "evicted least recently used content",
            {{"request", call.requestId()},
             {"contents", std::to_string(swept.contents)},
             {"bytes", std::to_string(used)}});
    return swept;
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
