// SPDX-License-Identifier: Apache-2.0
#include "WebIdentityLink.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/Region.h"
#include "wasmproxy/aws/SmallFile.h"

#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::aws {
namespace {

constexpr std::size_t AnswerLimit = 128 * 1024;

std::string_view trimmed(std::string_view text) {
    const auto last = text.find_last_not_of(" \t\r\n");
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

} // namespace

std::optional<AwsCredentials> WebIdentityLink::find(Call& call, const std::string& stsHost) {
    const std::string role = _environment("AWS_ROLE_ARN");
    const std::string path = _environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (path.empty()) return {};
    if (role.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    "AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment and AWS_ROLE_ARN is not");
    const auto token = readSmallFile(path, "web identity token");
    if (!token || trimmed(token->reveal()).empty())
        throw Error(ErrorCode::CredentialSourceFault, "web identity token " + path + " is missing or empty");
    std::string session = _environment("AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "wasm-proxy";

    const std::string origin = originOf(_endpoint.empty() ? stsHost : _endpoint);
    PrivateRequest request;
    request.method = "POST";
    request.url = origin + "/";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    PrivateText encoded{percentEncode(trimmed(token->reveal()))};
    const std::string form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + percentEncode(role) +
                             "&RoleSessionName=" + percentEncode(session) + "&DurationSeconds=3600&WebIdentityToken=";
    request.body.reserve(form.size() + encoded.text.size()); // one buffer, so that wiping it wipes all
    request.body.append(form).append(encoded.text);

    const std::string service = origin + " (AssumeRoleWithWebIdentity of " + role + ")";
    const auto response = _host.http().send(call, request);
    PrivateText body{response->readAll(AnswerLimit, "answer of AWS's token service")};
    if (response->status() != 200)
        throw errorOf(*response, body.text, service, _host, {trimmed(token->reveal()), encoded.text},
                      "the role must trust this identity");
    PrivateText key{elementOf(body.text, "SecretAccessKey")};
    PrivateText sessionToken{elementOf(body.text, "SessionToken")};
    AwsCredentials result{elementOf(body.text, "AccessKeyId"), Secret(key.text), Secret(sessionToken.text), service,
                          timeOf(elementOf(body.text, "Expiration"))};
    if (result.accessKeyId.empty() || result.secretAccessKey.empty() || result.sessionToken.empty())
        throw Error(ErrorCode::UpstreamInvalid, service + " answered 200 without credentials");
    return result;
}

} // namespace wasmproxy::aws
