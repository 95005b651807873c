// SPDX-License-Identifier: Apache-2.0
#include "CredentialChain.h"

#include "ContainerLink.h"
#include "EnvironmentLink.h"
#include "InstanceLink.h"
#include "SharedFileLink.h"
#include "WebIdentityLink.h"

namespace wasmproxy::ecr {

CredentialChain::CredentialChain(HostServices& host, const EcrSettings& settings, const Environment& environment) {
    const std::string& file = settings.accessKeyFile;
    const std::string& profile = settings.profile;
    if (!file.empty() || !profile.empty()) {
        _links.push_back(std::make_unique<SharedFileLink>(environment, file, profile));
        return;
    }
    _links.push_back(std::make_unique<EnvironmentLink>(environment));
    _links.push_back(std::make_unique<WebIdentityLink>(host, environment, settings.stsEndpoint.get()));
    _links.push_back(std::make_unique<SharedFileLink>(environment, "", ""));
    _links.push_back(std::make_unique<ContainerLink>(host, environment));
    _links.push_back(std::make_unique<InstanceLink>(host, environment, settings.metadataEndpoint.get()));
}

std::optional<AwsCredentials> CredentialChain::find(Call& call, const EcrHost& registry) const {
    for (const auto& link : _links)
        if (auto found = link->find(call, registry)) return found;
    return {};
}

} // namespace wasmproxy::ecr
