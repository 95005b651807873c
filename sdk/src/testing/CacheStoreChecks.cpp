// SPDX-License-Identifier: Apache-2.0
#include "CacheStoreChecks.h"

#include "wasmproxy/oci/Descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <random>

namespace wasmproxy::testing {

namespace {

constexpr std::uint64_t Unknown = Descriptor::UnknownSize;
constexpr std::size_t Whole = std::numeric_limits<std::size_t>::max();

void require(bool condition, const std::string& expected) {
    Checklist::require(condition, expected);
}

std::string readAll(Blob& blob, std::size_t piece) {
    std::string result;
    std::string buffer(piece, '\0');
    while (const std::size_t got = blob.read(result.size(), buffer.data(), buffer.size())) {
        require(got <= buffer.size(), "read() to return no more than it was asked for");
        result.append(buffer, 0, got);
        require(result.size() <= blob.size(), "read() to end at size()");
    }
    return result;
}

} // namespace

CacheStoreChecks::CacheStoreChecks(const MakeCacheStore& make, HostServices& host, const CacheStoreOptions& options)
    : _make(make), _host(host), _options(options), _seed(std::random_device{}() * std::uint64_t(1000003)) {}

std::vector<Finding> CacheStoreChecks::run() {
    const std::string threads = " on " + std::to_string(_options.threads) + " threads";
    if (!_list.check("make: an instance", [&] { _store = made(); })) return _list.take();
    _list.check("open, remove: an absent digest is a value", [&] { absence(); });
    _list.check("ingest: invisible before commit, whole after it", [&] { visibility(); });
    _list.check("ingest: destroyed without commit leaves nothing", [&] { abandon(); });
    _list.check("ingest: an empty blob", [&] { empty(); });
    _list.check("ingest: many small writes", [&] { pieces(); });
    _list.check("ingest: the expected size is only a hint", [&] { hints(); });
    _list.check("ingest: a blob of " + std::to_string(_options.bigBlob) + " bytes", [&] { big(); });
    _list.check("ingest: a sha512 digest", [&] { sha512(); });
    _list.check("commit: what is there already", [&] { duplicate(); });
    _list.check("commit: one digest" + threads, [&] { oneDigestOnManyThreads(); });
    _list.check("commit, open, remove, visit: many digests" + threads, [&] { manyDigestsOnManyThreads(); });
    _list.check("blob: reads at offsets, at the end and past it", [&] { reading(); });
    _list.check("blob: a descriptor, where there is one, is the whole content", [&] { descriptor(); });
    _list.check("blob: readable after it is removed", [&] { removedWhileOpen(); });
    _list.check("remove: true once, then false; committed again it is back", [&] { removal(); });
    _list.check("visit: every committed blob once, with its size", [&] { visiting(); });
    _list.check("visit: a visitor's exception comes through", [&] { throwingVisitor(); });
    _list.check("ability: an unknown id is nullptr",
                [&] { require(_store->ability("wasmproxy.no-such-ability/1") == nullptr, "nullptr"); });
    if (_options.persistent)
        _list.check("make: a second instance sees what was committed and nothing else", [&] { reopening(); });
    if (_store) _list.check("remove: all that was committed here", [&] { cleaning(); });
    return _list.take();
}

void CacheStoreChecks::absence() {
    const Digest digest = Digest::of(content(100));
    Call work = call();
    require(_store->open(work, digest) == nullptr, "open() of an unknown digest to be nullptr");
    require(!_store->remove(work, digest), "remove() of an unknown digest to be false");
    require(visited().count(digest) == 0, "visit() not to show an unknown digest");
}

void CacheStoreChecks::visibility() {
    const std::string bytes = content(100000);
    const Digest digest = Digest::of(bytes);
    Call work = call();
    const auto ingest = _store->ingest(work, bytes.size());
    require(ingest != nullptr, "ingest() to give an Ingest, not nullptr");
    requireAbsent(digest, "before the first write");
    ingest->write(bytes.data(), bytes.size());
    requireAbsent(digest, "before the commit");
    ingest->commit(digest);
    _used.insert(digest);
    requireContent(digest, bytes, "after the commit, with the Ingest still there");
}

void CacheStoreChecks::abandon() {
    const std::string bytes = content(100000);
    const auto before = visited();
    {
        Call work = call();
        const auto untouched = _store->ingest(work, bytes.size());
        const auto written = _store->ingest(work, bytes.size());
        written->write(bytes.data(), bytes.size());
    }
    requireAbsent(Digest::of(bytes), "after its Ingest was destroyed");
    require(visited() == before, "visit() to show what it showed before");
}

void CacheStoreChecks::empty() {
    const Digest digest = Digest::of("");
    put("", digest, 0, Whole);
    requireContent(digest, "", "for the empty blob");
}

void CacheStoreChecks::pieces() {
    const std::string bytes = content(10007);
    const Digest digest = put(bytes, Digest::of(bytes), bytes.size(), 13);
    requireContent(digest, bytes, "after writes of 13 bytes");
}

void CacheStoreChecks::hints() {
    // Nobody can have the last: a store that allocates from the hint fails or fills the disk.
    for (const std::uint64_t hint : {std::uint64_t(0), std::uint64_t(1), Unknown, std::uint64_t(1) << 50}) {
        const std::string bytes = content(5000);
        requireContent(put(bytes, Digest::of(bytes), hint, Whole), bytes, "with the hint " + std::to_string(hint));
    }
}

void CacheStoreChecks::big() {
    const std::string bytes = content(static_cast<std::size_t>(_options.bigBlob));
    const Digest digest = put(bytes, Digest::of(bytes), bytes.size(), 65536);
    requireContent(digest, bytes, "for the big blob");
    Call work = call();
    require(_store->remove(work, digest), "remove() of the big blob to be true");
}

void CacheStoreChecks::sha512() {
    const std::string bytes = content(3000);
    DigestStream stream("sha512");
    stream.update(bytes.data(), bytes.size());
    const Digest digest = put(bytes, stream.finish(), bytes.size(), Whole);
    requireContent(digest, bytes, "under its sha512 digest");
    require(visited().count(digest) == 1, "visit() to show the sha512 digest");
    requireAbsent(Digest::of(bytes), "under the sha256 digest that nobody committed");
}

void CacheStoreChecks::duplicate() {
    const std::string bytes = content(20000);
    const Digest digest = put(bytes);
    const auto first = open(digest);
    put(bytes);
    requireContent(digest, bytes, "after a second commit");
    require(first && readAll(*first, 4096) == bytes, "a Blob opened before the second commit to stay readable");
    require(visited().count(digest) == 1, "visit() to show it");
}

void CacheStoreChecks::reading() {
    const std::string bytes = content(70001);
    const auto blob = open(put(bytes));
    require(blob != nullptr, "the committed blob");
    require(blob->size() == bytes.size(), "size() " + std::to_string(bytes.size()));
    char buffer[64];
    for (const std::uint64_t past : {std::uint64_t(70001), std::uint64_t(70002), std::uint64_t(1) << 32,
                                     std::uint64_t(1) << 63, ~std::uint64_t(0)})
        require(blob->read(past, buffer, sizeof buffer) == 0, "read() at " + std::to_string(past) + " to be 0");
    const std::size_t got = blob->read(70000, buffer, sizeof buffer);
    require(got == 1 && buffer[0] == bytes.back(), "read() at the last byte to give that byte");
    require(blob->read(0, buffer, 0) == 0, "read() of no bytes to be 0");
    require(readAll(*blob, 7001) == bytes, "the content, read in pieces");
    inParallel(_options.threads, [&](std::size_t i) {
        require(readAll(*blob, 1009 + i) == bytes, "one Blob to be readable by many threads at once");
    });
}

void CacheStoreChecks::descriptor() {
    const std::string bytes = content(30000);
    const auto blob = open(put(bytes));
    require(blob != nullptr, "the committed blob");
    const int number = blob->descriptor();
    if (number < 0) return;
    struct stat found {};
    require(::fstat(number, &found) == 0 && static_cast<std::uint64_t>(found.st_size) == blob->size(),
            "the descriptor's file to be as long as size()");
    require((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0, "the descriptor to be close-on-exec");
    std::string buffer(bytes.size(), '\0');
    require(::pread(number, buffer.data(), buffer.size(), 0) == static_cast<ssize_t>(bytes.size()) && buffer == bytes,
            "pread() of the descriptor to give the content");
    require(blob->descriptor() == number, "the same descriptor each time");
}

void CacheStoreChecks::removedWhileOpen() {
    const std::string bytes = content(200000);
    const Digest digest = put(bytes);
    const auto blob = open(digest);
    Call work = call();
    require(blob && _store->remove(work, digest), "remove() to be true while a Blob is open");
    requireAbsent(digest, "after remove(), with a Blob still open");
    require(blob->size() == bytes.size() && readAll(*blob, 4096) == bytes, "the open Blob to be whole");
}

void CacheStoreChecks::removal() {
    const std::string bytes = content(1000);
    const Digest digest = put(bytes);
    Call work = call();
    require(_store->remove(work, digest), "the first remove() to be true");
    require(!_store->remove(work, digest), "the second remove() to be false");
    requireAbsent(digest, "after remove()");
    require(visited().count(digest) == 0, "visit() not to show it after remove()");
    put(bytes);
    requireContent(digest, bytes, "after it was committed again");
}

void CacheStoreChecks::visiting() {
    std::map<Digest, std::uint64_t> expected;
    for (const std::size_t size : {1, 10, 100, 1000, 10000})
        expected.emplace(put(content(size)), size);
    const auto shown = visited();
    for (const auto& [digest, size] : expected) {
        const auto found = shown.find(digest);
        require(found != shown.end(), "visit() to show " + digest.str());
        require(found->second == size, "its size " + std::to_string(size) + ", not " + std::to_string(found->second));
    }
}

void CacheStoreChecks::throwingVisitor() {
    put(content(10));
    Call work = call();
    bool came = false;
    try {
        _store->visit(work, [](const StoredBlob&) { throw Error(ErrorCode::Busy, "enough"); });
    } catch (const Error& error) {
        came = error.code() == ErrorCode::Busy;
    }
    require(came, "the visitor's Error to come out of visit()");
    require(!visited().empty(), "the store to work after it");
}

void CacheStoreChecks::oneDigestOnManyThreads() {
    const std::string bytes = content(300000);
    const Digest digest = Digest::of(bytes);
    inParallel(_options.threads, [&](std::size_t i) {
        for (int round = 0; round < 4; ++round) {
            put(bytes, digest, bytes.size(), 4096 + i);
            requireContent(digest, bytes, "right after one of several commits");
        }
    });
    requireContent(digest, bytes, "after all commits");
    require(visited().count(digest) == 1, "visit() to show it");
}

void CacheStoreChecks::manyDigestsOnManyThreads() {
    inParallel(_options.threads, [&](std::size_t i) {
        for (int round = 0; round < 8; ++round) {
            const std::string bytes = content(2000 + 100 * i);
            const Digest digest = put(bytes);
            requireContent(digest, bytes, "while others commit and remove");
            require(visited().count(digest) == 1, "visit() to show it while others commit and remove");
            Call work = call();
            if (round % 2) require(_store->remove(work, digest), "remove() of it to be true");
        }
    });
}

void CacheStoreChecks::reopening() {
    const std::string kept = content(50000);
    const std::string abandoned = content(50000);
    const Digest digest = put(kept);
    {
        Call work = call();
        const auto ingest = _store->ingest(work, Unknown);
        ingest->write(abandoned.data(), abandoned.size());
    }
    const auto before = visited();
    _store.reset();
    _store = made();
    requireContent(digest, kept, "in the second instance");
    requireAbsent(Digest::of(abandoned), "in the second instance");
    require(visited() == before, "visit() of the second instance to show what the first showed");
}

void CacheStoreChecks::cleaning() {
    Call work = call();
    for (const Digest& digest : _used) {
        _store->remove(work, digest);
        requireAbsent(digest, "after remove()");
    }
}

Call CacheStoreChecks::call() const {
    return {"conformance", Call::Clock::now() + _options.deadline};
}

std::unique_ptr<CacheStore> CacheStoreChecks::made() {
    auto store = _make(_host);
    require(store != nullptr, "an instance, it made nullptr");
    return store;
}

std::string CacheStoreChecks::content(std::size_t size) {
    std::unique_lock<std::mutex> lock(_mutex);
    std::mt19937_64 random(_seed++);
    lock.unlock();
    std::string result(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t value = random();
        for (std::size_t j = i; j < std::min(i + 8, size); ++j)
            result[j] = static_cast<char>(value >> (8 * (j - i)));
    }
    return result;
}

Digest CacheStoreChecks::put(std::string_view bytes) {
    return put(bytes, Digest::of(bytes), bytes.size(), Whole);
}

Digest CacheStoreChecks::put(std::string_view bytes, const Digest& digest, std::uint64_t expectedSize,
                             std::size_t piece) {
    Call work = call();
    const auto ingest = _store->ingest(work, expectedSize);
    require(ingest != nullptr, "ingest() to give an Ingest, not nullptr");
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at))
        ingest->write(bytes.data() + at, std::min(piece, bytes.size() - at));
    ingest->commit(digest);
    const std::lock_guard<std::mutex> guard(_mutex);
    _used.insert(digest);
    return digest;
}

std::unique_ptr<Blob> CacheStoreChecks::open(const Digest& digest) {
    Call work = call();
    return _store->open(work, digest);
}

void CacheStoreChecks::requireContent(const Digest& digest, std::string_view bytes, const std::string& when) {
    const auto blob = open(digest);
    require(blob != nullptr, "a committed blob to be there " + when);
    require(blob->size() == bytes.size(),
            "size() " + std::to_string(bytes.size()) + ", not " + std::to_string(blob->size()) + " " + when);
    require(readAll(*blob, 65536) == bytes, "the committed content " + when);
}

void CacheStoreChecks::requireAbsent(const Digest& digest, const std::string& when) {
    require(open(digest) == nullptr, "open() to be nullptr " + when);
}

std::map<Digest, std::uint64_t> CacheStoreChecks::visited() {
    std::map<Digest, std::uint64_t> result;
    Call work = call();
    _store->visit(work, [&](const StoredBlob& blob) {
        require(result.emplace(blob.digest, blob.size).second, "visit() to show each blob once");
    });
    return result;
}

} // namespace wasmproxy::testing
