// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Cloud.h"
#include "SecretForms.h"

#include "support/Base64.h"

#include <map>
#include <string>

namespace wasmproxy::test {

/// What Google and Amazon tell this process of its own identity, each word of it a canary. The registries of both are
/// at one endpoint.
class CanaryClouds {
public:
    static constexpr const char* GoogleHost = "europe-docker.pkg.dev";
    static constexpr const char* AmazonHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
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
               "[backend.ecr]\napi-endpoint = " + _cloud.origin() + common + "[route.google]\nmatch = " + GoogleHost +
               "/**\n[route.amazon]\nmatch = " + AmazonHost + "/**\n";
    }
    std::map<std::string, std::string> environment(const std::string& authorizationFile) const {
        std::map<std::string, std::string> result;
        for (const char* name :
             {"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
              "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
              "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"})
            result[name] = ""; // whatever this machine has
        result["HOME"] = "/nobody";
        result["AWS_EC2_METADATA_DISABLED"] = "true";
        result["AWS_CONTAINER_CREDENTIALS_FULL_URI"] =
            "http://localhost" + _cloud.origin().substr(_cloud.origin().rfind(':')) + "/v1/credentials";
        result["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = authorizationFile;
        return result;
    }

    void work() {
        _cloud.answer(
            Metadata,
            {200, R"({"access_token":")" + _secrets.google.value() + R"(","expires_in":3599,"token_type":"Bearer"})",
             "Metadata-Flavor: Google\r\nContent-Type: application/json\r\n"});
        _cloud.answer("/v1/credentials",
                      {200, R"({"AccessKeyId":"ASIACANARY","SecretAccessKey":")" + _secrets.accessKey.value() +
                                R"(","Token":")" + _secrets.session.value() +
                                R"(","Expiration":"2099-01-01T00:00:00Z"})"});
        _cloud.answer("/", {200, R"({"authorizationData":[{"authorizationToken":")" +
                                     base64("AWS:" + _secrets.amazon.value()) +
                                     R"(","expiresAt":4.070908800123E9,"proxyEndpoint":"https://x"}]})"});
    }
    /// They say no, and what they were shown, as it came. `deeper`: Amazon's credentials come, and it is ECR that says
    /// it.
    void refuse(bool deeper) {
        work();
        const auto shown = (deeper ? _secrets.session : _secrets.authorized).value();
        const auto said = "you sent " + shown;
        const std::string body = R"({"__type":"AccessDeniedException","code":"x","message":")" + said + "\"}";
        _cloud.answer(Metadata, {403, "no", "Metadata-Flavor: Google\r\n"}); // it was shown nothing
        _cloud.answer(deeper ? "/" : "/v1/credentials", {400, body, "X-Echo: " + said + "\r\n"});
    }
    /// Has each shown what it was told before?
    bool used() const {
        const auto signedBy = _cloud.asked("/");
        const auto asked = _cloud.asked("/v1/credentials");
        return !_cloud.asked(Metadata).empty() && !asked.empty() && !signedBy.empty() &&
               asked.front().find(_secrets.authorized.value()) != std::string::npos &&
               signedBy.front().find(_secrets.session.value()) != std::string::npos;
    }

private:
    static constexpr const char* Metadata = "/computeMetadata/v1/instance/service-accounts/default/token";

    const Secrets _secrets;
    Cloud _cloud;
};

} // namespace wasmproxy::test
