// SPDX-License-Identifier: Apache-2.0
#include "InstanceLink.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/Region.h"

#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::aws {
namespace {

constexpr std::chrono::seconds Patience{1};
constexpr std::size_t AnswerLimit = 64 * 1024;
constexpr const char* Roles = "/latest/meta-data/iam/security-credentials/";

} // namespace

InstanceLink::InstanceLink(HostServices& host, Environment environment, const std::string& endpoint)
    : _host(host),
      _environment(std::move(environment)),
      _origin(endpoint.empty() ? "http://169.254.169.254" : originOf(endpoint)) {}

InstanceLink::Answer InstanceLink::ask(Call& call, const std::string& method, const std::string& path,
                                       const HttpHeader& header) {
    PrivateRequest request;
    request.method = method;
    request.url = _origin + path;
    request.headers = {header};
    Call part = call.within(Patience);
    const auto response = _host.http().send(part, request);
    return {response->status(), response->readAll(AnswerLimit, "answer of the instance metadata service")};
}

std::optional<AwsCredentials> InstanceLink::find(Call& call, const std::string&) {
    if (_environment("AWS_EC2_METADATA_DISABLED") == "true") return {};
    PrivateText token;
    try {
        Answer answer = ask(call, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
        token.text.swap(answer.body);
        if (answer.status != 200) {
            _host.log(LogLevel::Debug, "the instance metadata service answered " + std::to_string(answer.status) +
                                           " when asked for a token: no instance role");
            return {};
        }
    } catch (const Error& error) {
        call.check("asking for the instance's role");
        _host.log(LogLevel::Debug, std::string("no instance role: ") + error.what() +
                                       " (inside a container the instance's hop limit may be too small: use web "
                                       "identity or Pod Identity)");
        return {};
    }
    const HttpHeader header{"X-aws-ec2-metadata-token", token.text};
    const std::string service = "instance metadata service " + _origin;
    const Answer roles = ask(call, "GET", Roles, header);
    if (roles.status == 404) return {}; // an instance without a role
    const std::string role = roles.body.substr(0, roles.body.find_first_of("\r\n"));
    if (roles.status != 200 || role.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    service + " answered " + std::to_string(roles.status) + " when asked for the role's name");
    Answer answer = ask(call, "GET", Roles + percentEncode(role), header);
    const PrivateText body{std::move(answer.body)};
    if (answer.status != 200)
        throw Error(ErrorCode::CredentialSourceFault,
                    service + " answered " + std::to_string(answer.status) + " when asked for the role's credentials");
    return credentialsOf(body.text, service);
}

} // namespace wasmproxy::aws
