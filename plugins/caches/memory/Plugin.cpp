// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "MemoryStore.h"

namespace wasmproxy::memory {

class MemoryStoreFactory : public BasicFactory<CacheStore, MemoryStore, MemorySettings> {
public:
    const char* name() const noexcept override { return "memory"; }
};

} // namespace wasmproxy::memory

WASMPROXY_PLUGIN("memory", "0.1.0", wasmproxy::memory::MemoryStoreFactory)
