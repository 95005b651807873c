// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "EcrHost.h"

#include "wasmproxy/aws/AwsCredentials.h"
#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/plugin/HostServices.h"

namespace wasmproxy::ecr {

/// ECR's GetAuthorizationToken, private and public. Thread-safe.
class TokenApi {
public:
    /// `endpoint`: the setting api-endpoint.
    TokenApi(HostServices& host, std::string endpoint) : _host(host), _endpoint(std::move(endpoint)) {}

    std::string originFor(const EcrHost& registry) const;
    /// The password of user AWS, to be renewed at half its life.
    Token get(Call& call, const EcrHost& registry, const aws::AwsCredentials& credentials) const;

private:
    Token read(const std::string& body, std::chrono::system_clock::time_point now, const std::string& service) const;

    HostServices& _host;
    const std::string _endpoint;
};

} // namespace wasmproxy::ecr
