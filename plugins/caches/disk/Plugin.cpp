// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "DiskStore.h"

namespace wasmproxy::disk {

class DiskStoreFactory : public BasicFactory<CacheStore, DiskStore, DiskSettings> {
public:
    const char* name() const noexcept override { return "disk"; }
};

} // namespace wasmproxy::disk

WASMPROXY_PLUGIN("disk", "0.1.0", wasmproxy::disk::DiskStoreFactory)
