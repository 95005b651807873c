// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "AnswerServer.h"

#include "support/Base64.h"

namespace wasmproxy::test {

/// What Google's metadata server, a container's credentials and ECR say, in their words.
class Cloud : public AnswerServer {
public:
    static constexpr const char* GoogleHost = "europe-docker.pkg.dev";
    static constexpr const char* AmazonHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    static constexpr const char* Metadata = "/computeMetadata/v1/instance/service-accounts/default/token";

    void googleSays(const std::string& token) {
        answer(Metadata, {200, R"({"access_token":")" + token + R"(","expires_in":3599,"token_type":"Bearer"})",
                          "Metadata-Flavor: Google\r\nContent-Type: application/json\r\n"});
    }
    void amazonSays(const std::string& secretKey, const std::string& session, const std::string& password) {
        answer("/v1/credentials", {200, R"({"AccessKeyId":"ASIACANARY","SecretAccessKey":")" + secretKey +
                                            R"(","Token":")" + session + R"(","Expiration":"2099-01-01T00:00:00Z"})"});
        answer("/", {200, R"({"authorizationData":[{"authorizationToken":")" + base64("AWS:" + password) +
                              R"(","expiresAt":4.070908800123E9,"proxyEndpoint":"https://x"}]})"});
    }
    /// Where it is asked for a container's credentials. No setting names localhost, and it is a private address: only
    /// ecr itself can say that it is to be dialled.
    std::map<std::string, std::string> container(const std::string& authorizationFile) const {
        return {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url("/v1/credentials", "localhost")},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", authorizationFile}};
    }

    /// `given`, and nothing else of whatever identity this machine has.
    static std::map<std::string, std::string> environment(std::map<std::string, std::string> given) {
        for (const char* name :
             {"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
              "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
              "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"})
            given.insert({name, ""});
        given.insert({"HOME", "/nobody"});
        given["AWS_EC2_METADATA_DISABLED"] = "true";
        return given;
    }
};

} // namespace wasmproxy::test
