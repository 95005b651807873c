// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"

#include "wasmproxy/plugin/HostServices.h"

#include <vector>

namespace wasmproxy::aws {

/// The credentials service of a container: EKS Pod Identity (AWS_CONTAINER_CREDENTIALS_FULL_URI) or an ECS task role
/// (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI).
class ContainerLink : public CredentialLink {
public:
    ContainerLink(HostServices& host, Environment environment) : _host(host), _environment(std::move(environment)) {}
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) override;

    /// Where such a service may be: AWS's own addresses, and the host of the URI in the environment.
    static std::vector<std::string> hosts(const Environment& environment);

private:
    Secret authorization() const;

    HostServices& _host;
    const Environment _environment;
};

} // namespace wasmproxy::aws
