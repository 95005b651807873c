// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CacheStoreSuite.h"

#include "CacheStoreChecks.h"

namespace wasmproxy::testing {

std::vector<Finding> checkCacheStore(const MakeCacheStore& make, HostServices& host, const CacheStoreOptions& options) {
    return CacheStoreChecks(make, host, options).run();
}

} // namespace wasmproxy::testing
