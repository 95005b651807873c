// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Cloud.h"
#include "SecretForms.h"

#include <map>
#include <string>

namespace wasmproxy::test {

/// What Google and Amazon tell this process of its own identity, each word of it a canary. The registries of both are
/// at one endpoint.
class CanaryClouds {
public:
    struct Secrets {
        const SecretForms& google;     ///< the access token
        const SecretForms& amazon;     ///< ECR's password
        const SecretForms& accessKey;  ///< the secret one
        const SecretForms& session;    ///< its token
        const SecretForms& authorized; ///< what the container shows to get them
    };

    explicit CanaryClouds(const Secrets& secrets) : _secrets(secrets) { work(); }

    /// Routes `google` and `amazon` that name no credentials.
    std::string sections(const std::string& endpoint) const {
        const std::string common =
            "\nendpoint = http://" + endpoint + "\ntoken-realms = " + endpoint + "\nallow-private-addresses = true\n";
        return "[backend.gcr]\nmetadata-endpoint = " + _cloud.origin() + common +
               "[backend.ecr]\napi-endpoint = " + _cloud.origin() + common +
               "[route.google]\nmatch = " + Cloud::GoogleHost + "/**\n[route.amazon]\nmatch = " + Cloud::AmazonHost +
               "/**\n";
    }
    std::map<std::string, std::string> environment(const std::string& authorizationFile) const {
        return Cloud::environment(_cloud.container(authorizationFile));
    }

    void work() {
        _cloud.googleSays(_secrets.google.value());
        _cloud.amazonSays(_secrets.accessKey.value(), _secrets.session.value(), _secrets.amazon.value());
    }
    /// They say no, and what they were shown, as it came. `deeper`: Amazon's credentials come, and it is ECR that says
    /// it.
    void refuse(bool deeper) {
        work();
        const auto shown = (deeper ? _secrets.session : _secrets.authorized).value();
        const auto said = "you sent " + shown;
        const std::string body = R"({"__type":"AccessDeniedException","code":"x","message":")" + said + "\"}";
        _cloud.answer(Cloud::Metadata, {403, "no", "Metadata-Flavor: Google\r\n"}); // it was shown nothing
        _cloud.answer(deeper ? "/" : "/v1/credentials", {400, body, "X-Echo: " + said + "\r\n"});
    }
    /// Has each shown what it was told before?
    bool used() const {
        const auto signedBy = _cloud.asked("/");
        const auto asked = _cloud.asked("/v1/credentials");
        return !_cloud.asked(Cloud::Metadata).empty() && !asked.empty() && !signedBy.empty() &&
               asked.front().find(_secrets.authorized.value()) != std::string::npos &&
               signedBy.front().find(_secrets.session.value()) != std::string::npos;
    }

private:
    const Secrets _secrets;
    Cloud _cloud;
};

} // namespace wasmproxy::test
