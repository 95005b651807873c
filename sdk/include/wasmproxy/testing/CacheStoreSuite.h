// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/testing/Finding.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace wasmproxy::testing {

struct CacheStoreOptions {
    bool persistent = true;              ///< blobs outlive the instance: checked by a second instance
    std::uint64_t bigBlob = 32ull << 20; ///< bytes
    std::size_t threads = 8;
    std::chrono::seconds deadline{60}; ///< of each check
};

/// Makes an instance of the store under test. Called again after the instance before is gone; each sees the same place.
using MakeCacheStore = std::function<std::unique_ptr<CacheStore>(HostServices&)>;

/// The contract of CacheStore as one finding per check. The store may hold blobs already: what is committed here is
/// new, random, and removed at the end. Throws nothing.
std::vector<Finding> checkCacheStore(const MakeCacheStore& make, HostServices& host,
                                     const CacheStoreOptions& options = {});

} // namespace wasmproxy::testing
