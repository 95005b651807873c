// SPDX-License-Identifier: Apache-2.0
#include "TokenApi.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/Region.h"

#include <openssl/evp.h>

#include <algorithm>

namespace wasmproxy::ecr {
namespace {

constexpr std::size_t AnswerLimit = 128 * 1024;
constexpr std::string_view User = "AWS:";
constexpr const char* OnDenied = "allow the identity ecr:GetAuthorizationToken (for ECR Public "
                                 "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken)";

/// What base64 text stands for; empty: it is none.
Secret decoded(const std::string& text) {
    if (text.empty() || text.size() % 4 != 0 || text.size() > AnswerLimit) return {};
    aws::PrivateText plain{std::string(text.size() / 4 * 3, '\0')};
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.text.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return {};
    const std::size_t padding = text[text.size() - 1] != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
    return Secret(std::string_view(plain.text).substr(0, static_cast<std::size_t>(size) - padding));
}

} // namespace

std::string TokenApi::originFor(const EcrHost& registry) const {
    return aws::originOf(_endpoint.empty() ? registry.apiHost() : _endpoint);
}

Token TokenApi::get(Call& call, const EcrHost& registry, const aws::AwsCredentials& credentials) const {
    aws::PrivateRequest request;
    request.method = "POST";
    request.url = originFor(registry) + "/";
    request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", std::string(registry.isPublic ? "SpencerFrontendService"
                                                                      : "AmazonEC2ContainerRegistry_V20150921") +
                                            ".GetAuthorizationToken"}};
    request.body = "{}";
    request.signature = AwsSignature{registry.region, registry.service(), credentials.accessKeyId,
                                     credentials.secretAccessKey, credentials.sessionToken};
    const std::string service = originFor(registry) + " (GetAuthorizationToken for access key " +
                                credentials.accessKeyId + " of " + credentials.origin + ")";
    const auto response = _host.http().send(call, request);
    aws::PrivateText body{response->readAll(AnswerLimit, "answer of ECR's API")};
    if (response->status() != 200)
        throw aws::errorOf(*response, body.text, service, _host,
                           {credentials.secretAccessKey.reveal(), credentials.sessionToken.reveal()}, OnDenied);
    // How long it lives is a difference of two times of theirs, whatever our clock says.
    return read(body.text, _host.now() + aws::skewOf(*response, _host), service);
}

Token TokenApi::read(const std::string& body, std::chrono::system_clock::time_point now,
                     const std::string& service) const {
    const auto json = StrictJson::parse(body, "answer of " + service, ErrorCode::UpstreamInvalid);
    // A list of one for private registries, the one itself for the public.
    const auto all = json.at("authorizationData");
    const auto items = all.isArray() ? all.items() : std::vector<StrictJson>{all};
    if (items.empty()) all.fail("an authorization");
    aws::PrivateText text{items.front().at("authorizationToken").asString()};
    const Secret pair = decoded(text.text);
    const auto isPlain = [](char c) { return c > 0x20 && c < 0x7f; };
    if (pair.reveal().substr(0, User.size()) != User || pair.reveal().size() == User.size() ||
        !std::all_of(pair.reveal().begin(), pair.reveal().end(), isPlain))
        throw Error(ErrorCode::UpstreamInvalid,
                    service + " answered with a token that is not base64 of AWS:<password>");
    Token token;
    token.value = Secret(pair.reveal().substr(User.size()));
    const double left =
        items.front().at("expiresAt").asNumber() - static_cast<double>(std::chrono::system_clock::to_time_t(now));
    const double most = static_cast<double>(TokenCache::MaximumLife.count());
    token.life = std::chrono::seconds(static_cast<std::int64_t>(std::clamp(left, 0.0, most)));
    if (token.life < TokenCache::MinimumLife)
        throw Error(ErrorCode::UpstreamInvalid, service + " answered with a token that has expired");
    token.renewAfter = token.life / 2;
    return token;
}

} // namespace wasmproxy::ecr
