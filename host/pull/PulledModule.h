// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>
#include <string>

namespace wasmproxy::host {

/// A module that is in the cache, indexed and linked, with what it took.
struct PulledModule {
    ModuleRecord record;
    std::shared_ptr<Blob> content; ///< verified, with a descriptor
    bool fetched = false;          ///< false: the other side confirmed what was cached
    std::string credential;        ///< the name of the one that was accepted
};

} // namespace wasmproxy::host
