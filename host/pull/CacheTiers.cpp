// SPDX-License-Identifier: Apache-2.0
#include "pull/CacheTiers.h"

#include "observe/Log.h"

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 256 * 1024;

} // namespace

std::unique_ptr<Blob> CacheTiers::openVerified(Call& call, const Digest& digest) {
    for (std::size_t i = 0; i < _tiers.size(); ++i) {
        const auto& tier = _tiers[i];
        auto blob = tier.store->open(call, digest);
        (blob ? _counts[i].hits : _counts[i].misses).fetch_add(1, std::memory_order_relaxed);
        if (!blob) continue;
        if (matches(*blob, digest, call)) return blob;
        _counts[i].bad.fetch_add(1, std::memory_order_relaxed);
        log(LogLevel::Error, "cached content does not match its digest; removed, it will be fetched again",
            {{"request", call.requestId()},
             {"trace", call.trace().traceId()},
             {"cache", tier.name},
             {"digest", digest.str()}});
        tier.store->remove(call, digest);
    }
    return nullptr;
}

std::unique_ptr<Blob> CacheTiers::openTrusted(Call& call, const Digest& digest) {
    // Not counted: whoever asks has just put it there.
    for (const auto& tier : _tiers)
        if (auto blob = tier.store->open(call, digest)) return blob;
    return nullptr;
}

void CacheTiers::scrubbed(const Tier& tier, bool good) noexcept {
    auto& counts = _counts[static_cast<std::size_t>(&tier - _tiers.data())];
    counts.scrubbed.fetch_add(1, std::memory_order_relaxed);
    if (!good) counts.bad.fetch_add(1, std::memory_order_relaxed);
}

std::vector<CacheTiers::Use> CacheTiers::uses() const {
    std::vector<Use> uses;
    for (std::size_t i = 0; i < _tiers.size(); ++i)
        uses.push_back({_tiers[i].name, _counts[i].hits, _counts[i].misses, _counts[i].scrubbed, _counts[i].bad});
    return uses;
}

std::unique_ptr<Ingest> CacheTiers::ingest(Call& call, std::uint64_t expectedSize) {
    return _tiers.back().store->ingest(call, expectedSize);
}

bool CacheTiers::matches(Blob& blob, const Digest& digest, const Call& call) {
    DigestStream stream(digest.algorithm());
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t offset = 0;
    while (const auto count = blob.read(offset, chunk.data(), chunk.size())) {
        stream.update(chunk.data(), count);
        offset += count;
        call.check("verifying cached content");
    }
    return offset == blob.size() && stream.finish() == digest;
}

bool CacheTiers::remove(Call& call, const Digest& digest) {
    bool removed = false;
    for (const auto& tier : _tiers)
        removed = tier.store->remove(call, digest) || removed;
    return removed;
}

} // namespace wasmproxy::host
