// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "RateLimit.h"

#include "wasmproxy/distribution/DistributionBackend.h"

namespace wasmproxy::dockerhub {

/// Docker Hub: its API is at another host than its references name, and it counts pulls.
class DockerHubBackend : public DistributionBackend {
public:
    DockerHubBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings);

    void* ability(const char* id) noexcept override;

private:
    DockerHubBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings,
                     std::shared_ptr<RateLimit> limit);

    std::shared_ptr<RateLimit> _limit; ///< shared with the dialect, which the base class owns
};

} // namespace wasmproxy::dockerhub
