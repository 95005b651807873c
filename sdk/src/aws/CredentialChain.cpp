// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/aws/CredentialChain.h"

#include "ContainerLink.h"
#include "EnvironmentLink.h"
#include "InstanceLink.h"
#include "SharedFileLink.h"
#include "WebIdentityLink.h"

#include <cstdlib>

namespace wasmproxy::aws {

std::string processEnvironment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

CredentialChain::CredentialChain(HostServices& host, const CredentialPlaces& places, const Environment& environment) {
    if (!places.accessKeyFile.empty() || !places.profile.empty()) {
        _links.push_back(std::make_unique<SharedFileLink>(environment, places.accessKeyFile, places.profile));
        return;
    }
    _links.push_back(std::make_unique<EnvironmentLink>(environment));
    _links.push_back(std::make_unique<WebIdentityLink>(host, environment, places.stsEndpoint));
    _links.push_back(std::make_unique<SharedFileLink>(environment, "", ""));
    _links.push_back(std::make_unique<ContainerLink>(host, environment));
    _links.push_back(std::make_unique<InstanceLink>(host, environment, places.metadataEndpoint));
}

CredentialChain::~CredentialChain() = default;

std::vector<std::string> CredentialChain::hosts(const Environment& environment) {
    auto hosts = ContainerLink::hosts(environment);
    hosts.insert(hosts.end(), {"169.254.169.254", "fd00:ec2::254"});
    return hosts;
}

std::optional<AwsCredentials> CredentialChain::find(Call& call, const std::string& stsHost) const {
    for (const auto& link : _links)
        if (auto found = link->find(call, stsHost)) return found;
    return {};
}

} // namespace wasmproxy::aws
