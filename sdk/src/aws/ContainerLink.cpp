// SPDX-License-Identifier: Apache-2.0
#include "ContainerLink.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/SmallFile.h"

#include "wasmproxy/plugin/HttpUrl.h"

#include <algorithm>

namespace wasmproxy::aws {
namespace {

constexpr std::size_t AnswerLimit = 64 * 1024;
constexpr const char* FullUri = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const std::vector<std::string> OwnAddresses = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};

/// Where a token may go without TLS: it does not leave the machine.
bool mayBePlain(const std::string& host) {
    return host == "localhost" || host == "::1" ||
           (host.compare(0, 4, "127.") == 0 && HttpUrl::parse("http://" + host, FullUri).isAddress()) ||
           std::find(OwnAddresses.begin(), OwnAddresses.end(), host) != OwnAddresses.end();
}

} // namespace

std::vector<std::string> ContainerLink::hosts(const Environment& environment) {
    auto result = OwnAddresses;
    try {
        const auto url = HttpUrl::parse(environment(FullUri), FullUri);
        if (url.secure() || mayBePlain(url.host())) result.push_back(url.host());
    } catch (const Error&) {
        // None, or a broken one, which find() reports.
    }
    return result;
}

/// The header's value is the token as it is, without a scheme.
Secret ContainerLink::authorization() const {
    const std::string path = _environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    PrivateText given{path.empty() ? _environment("AWS_CONTAINER_AUTHORIZATION_TOKEN") : ""};
    Secret token(given.text);
    if (!path.empty()) {
        auto content = readSmallFile(path, "container authorization token");
        if (!content || content->empty())
            throw Error(ErrorCode::CredentialSourceFault,
                        "container authorization token " + path + " is missing or empty");
        token = *content;
    }
    if (token.reveal().find_first_of("\r\n") != std::string_view::npos)
        throw Error(ErrorCode::CredentialSourceFault,
                    "the container authorization token " + path + " holds a line break, which a header cannot");
    return token;
}

std::optional<AwsCredentials> ContainerLink::find(Call& call, const std::string&) {
    const std::string relative = _environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = _environment(FullUri);
    if (relative.empty() && full.empty()) return {};
    if (!relative.empty() && relative.front() != '/')
        throw Error(ErrorCode::CredentialSourceFault, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI begins with no '/'");
    const auto url = relative.empty() ? HttpUrl::parse(full, FullUri)
                                      : HttpUrl::parse("http://169.254.170.2" + relative, "container credentials URI");
    if (!url.secure() && !mayBePlain(url.host()))
        throw Error(ErrorCode::CredentialSourceFault,
                    std::string(FullUri) + " leads to " + url.host() + " by plain http",
                    "without TLS only loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 are asked");
    PrivateRequest request;
    request.url = url.str();
    const Secret token = authorization();
    request.headers = {{"Accept", "application/json"}};
    if (!token.empty()) request.headers.push_back({"Authorization", std::string(token.reveal())});
    const std::string service = "container credentials service " + url.authority();
    const auto response = _host.http().send(call, request);
    PrivateText body{response->readAll(AnswerLimit, "answer of the container credentials service")};
    if (response->status() != 200) throw errorOf(*response, body.text, service, _host, {token.reveal()});
    return credentialsOf(body.text, service);
}

} // namespace wasmproxy::aws
