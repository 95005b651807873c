// SPDX-License-Identifier: Apache-2.0
#include "HarborBackend.h"

#include "wasmproxy/plugin/Plugin.h"

namespace {

/// Harbor has no host of its own to be known by: a [backend.NAME] names it.
class HarborFactory : public wasmproxy::BasicFactory<wasmproxy::RegistryBackend, wasmproxy::harbor::HarborBackend,
                                                     wasmproxy::DistributionSettings> {
public:
    const char* name() const noexcept override { return "harbor"; }
};

} // namespace

WASMPROXY_PLUGIN("harbor", "0.1.0", HarborFactory)
