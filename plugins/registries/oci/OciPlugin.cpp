// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/DistributionBackend.h"
#include "wasmproxy/plugin/Plugin.h"

namespace {

/// Any registry that keeps to the distribution specification.
class OciBackend : public wasmproxy::DistributionBackend {
public:
    OciBackend(wasmproxy::HostServices& host, std::unique_ptr<wasmproxy::DistributionSettings> settings)
        : DistributionBackend(host, std::move(settings), std::make_unique<wasmproxy::RegistryDialect>()) {}
};

class OciFactory
    : public wasmproxy::BasicFactory<wasmproxy::RegistryBackend, OciBackend, wasmproxy::DistributionSettings> {
public:
    const char* name() const noexcept override { return "oci"; }
};

} // namespace

WASMPROXY_PLUGIN("oci", "0.1.0", OciFactory)
