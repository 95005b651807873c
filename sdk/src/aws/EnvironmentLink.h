// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"

namespace wasmproxy::aws {

/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
class EnvironmentLink : public CredentialLink {
public:
    explicit EnvironmentLink(Environment environment) : _environment(std::move(environment)) {}
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) override;

private:
    const Environment _environment;
};

} // namespace wasmproxy::aws
