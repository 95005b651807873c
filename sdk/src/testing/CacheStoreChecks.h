// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Checklist.h"
#include "wasmproxy/testing/CacheStoreSuite.h"

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace wasmproxy::testing {

/// The checks of checkCacheStore(), and the random contents they use.
class CacheStoreChecks {
public:
    CacheStoreChecks(const MakeCacheStore& make, HostServices& host, const CacheStoreOptions& options);
    std::vector<Finding> run();

private:
    // One method per check.
    void absence();
    void visibility();
    void abandon();
    void empty();
    void pieces();
    void reading();
    void descriptor();
    void sha512();
    void duplicate();
    void removal();
    void removedWhileOpen();
    void visiting();
    void throwingVisitor();
    void hints();
    void big();
    void oneDigestOnManyThreads();
    void manyDigestsOnManyThreads();
    void reopening();
    void cleaning();

    Call call() const;
    std::unique_ptr<CacheStore> made();
    std::string content(std::size_t size);
    Digest put(std::string_view bytes);
    Digest put(std::string_view bytes, const Digest& digest, std::uint64_t expectedSize, std::size_t piece);
    std::unique_ptr<Blob> open(const Digest& digest);
    void requireContent(const Digest& digest, std::string_view bytes, const std::string& when);
    void requireAbsent(const Digest& digest, const std::string& when);
    std::map<Digest, std::uint64_t> visited();

    const MakeCacheStore& _make;
    HostServices& _host;
    const CacheStoreOptions& _options;
    Checklist _list;
    std::unique_ptr<CacheStore> _store;
    std::mutex _mutex; ///< for the two below
    std::uint64_t _seed;
    std::set<Digest> _used; ///< removed at the end
};

} // namespace wasmproxy::testing
