// SPDX-License-Identifier: Apache-2.0
#include "DockerHubBackend.h"

#include "wasmproxy/plugin/Plugin.h"

namespace {

class DockerHubFactory
    : public wasmproxy::BasicFactory<wasmproxy::RegistryBackend, wasmproxy::dockerhub::DockerHubBackend,
                                     wasmproxy::DistributionSettings> {
public:
    const char* name() const noexcept override { return "dockerhub"; }
    bool knowsRegistry(const std::string& host) const override { return host == "docker.io"; }
};

} // namespace

WASMPROXY_PLUGIN("dockerhub", "0.1.0", DockerHubFactory)
