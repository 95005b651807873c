// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"

#include "wasmproxy/plugin/HostServices.h"

namespace wasmproxy::aws {

/// A role by a token of another identity provider, as pods have it by IAM roles for service accounts: AWS_ROLE_ARN and
/// AWS_WEB_IDENTITY_TOKEN_FILE. Asks the region's STS, which is not signed; the file is read each time.
class WebIdentityLink : public CredentialLink {
public:
    /// `endpoint`: the setting sts-endpoint.
    WebIdentityLink(HostServices& host, Environment environment, std::string endpoint)
        : _host(host), _environment(std::move(environment)), _endpoint(std::move(endpoint)) {}
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) override;

private:
    HostServices& _host;
    const Environment _environment;
    const std::string _endpoint;
};

} // namespace wasmproxy::aws
