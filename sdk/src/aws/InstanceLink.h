// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"

#include "wasmproxy/plugin/HostServices.h"

namespace wasmproxy::aws {

/// The role of the EC2 instance, by its metadata service (IMDSv2 only). Asked last and with 1 s for each request, since
/// elsewhere nobody answers there.
class InstanceLink : public CredentialLink {
public:
    /// `endpoint`: the setting metadata-endpoint.
    InstanceLink(HostServices& host, Environment environment, const std::string& endpoint);
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) override;

private:
    struct Answer {
        int status = 0;
        std::string body;
    };
    Answer ask(Call& call, const std::string& method, const std::string& path, const HttpHeader& header);

    HostServices& _host;
    const Environment _environment;
    const std::string _origin;
};

} // namespace wasmproxy::aws
