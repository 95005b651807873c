// SPDX-License-Identifier: Apache-2.0
#include "DockerHubBackend.h"

#include <cstring>

namespace wasmproxy::dockerhub {

namespace {

constexpr const char* Registry = "docker.io";
constexpr const char* ApiHost = "registry-1.docker.io";

/// Pulls are counted by manifest GETs; the base class asks for tags by HEAD, which is free.
class DockerHubDialect : public RegistryDialect {
public:
    explicit DockerHubDialect(std::shared_ptr<RateLimit> limit) : _limit(std::move(limit)) {}

    std::string apiHost(const Repository& repository) const override {
        return repository.host() == Registry ? ApiHost : repository.host();
    }
    bool knowsRealm(const std::string& apiHost, const std::string& realmHost) const override {
        return apiHost == ApiHost && realmHost == "auth.docker.io";
    }
    void observe(const Repository&, const HttpResponse& response) override { _limit->read(response); }

private:
    std::shared_ptr<RateLimit> _limit;
};

} // namespace

DockerHubBackend::DockerHubBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings)
    : DockerHubBackend(host, std::move(settings), std::make_shared<RateLimit>(host)) {}

DockerHubBackend::DockerHubBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings,
                                   std::shared_ptr<RateLimit> limit)
    : DistributionBackend(host, std::move(settings), std::make_unique<DockerHubDialect>(limit)),
      _limit(std::move(limit)) {}

void* DockerHubBackend::ability(const char* id) noexcept {
    if (std::strcmp(id, RegistryHealth::Id) == 0) return static_cast<RegistryHealth*>(_limit.get());
    return DistributionBackend::ability(id);
}

} // namespace wasmproxy::dockerhub
