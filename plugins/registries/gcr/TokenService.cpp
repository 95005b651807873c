// SPDX-License-Identifier: Apache-2.0
#include "TokenService.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "wasmproxy/credentials/SecretText.h"

#include <algorithm>

namespace wasmproxy::gcr {

namespace {

using std::chrono::seconds;

constexpr std::size_t BodyLimit = 128 * 1024;
constexpr std::size_t ReasonLimit = 300;
// Google's metadata server makes a new token five minutes before the old one's end; to ask sooner changes nothing.
constexpr seconds RenewBefore{225};

/// OAuth2's {"error","error_description"} or {"error":{"message"}} of Google's APIs; "" for anything else.
std::string reasonIn(const Secret& body) {
    try {
        const auto json = StrictJson::parse(body.reveal(), "error body", ErrorCode::UpstreamInvalid);
        const auto error = json.find("error");
        if (error && error->isObject()) return error->stringOr("message", "");
        const std::string code = error && error->isString() ? error->asString() : std::string();
        const std::string text = json.stringOr("error_description", "");
        return code.empty() || text.empty() ? code + text : code + ": " + text;
    } catch (const Error&) {
        return {};
    }
}

/// Foreign text for a message: one line of printable ASCII without any of `secrets`.
std::string presentable(std::string text, const std::vector<std::string_view>& secrets) {
    for (const auto& secret : secrets)
        if (secret.size() >= 4)
            for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
                text.replace(at, secret.size(), "<redacted>");
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, ' ');
    return text.substr(0, ReasonLimit);
}

} // namespace

void TokenService::fail(const std::string& why, const std::string& hint) const {
    throw Error(ErrorCode::CredentialSourceFault, _what + ": " + why, hint);
}

std::unique_ptr<HttpResponse> TokenService::send(HttpRequest& request, std::size_t secretHeader) {
    struct Wiper {
        HttpRequest& request;
        std::size_t header;
        ~Wiper() {
            Secret::wipe(request.body);
            if (header != NoHeader) Secret::wipe(request.headers[header].value);
        }
    } wiper{request, secretHeader};
    _call.check(("asking " + _what).c_str());
    try {
        return _host.http().send(_call, request);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::DeadlineExceeded) throw;
        fail(error.what(), error.hint());
    }
}

std::unique_ptr<HttpResponse>
TokenService::postForm(const std::string& url, const std::vector<std::pair<std::string, std::string_view>>& fields) {
    HttpRequest request;
    request.method = "POST";
    request.url = url;
    request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
    std::size_t size = 0;
    for (const auto& [name, value] : fields)
        size += name.size() + 3 * value.size() + 2;
    request.body.reserve(size); // one buffer, so that wiping it wipes all
    for (const auto& [name, value] : fields) {
        const SecretText encoded(percentEncode(value));
        request.body.append(request.body.empty() ? "" : "&").append(name).append("=").append(encoded.text);
    }
    return send(request);
}

Secret TokenService::body(HttpResponse& response, const std::vector<std::string_view>& secrets,
                          const std::string& hint) {
    const int status = response.status();
    Secret result;
    try {
        const SecretText text(response.readAll(BodyLimit, "body"));
        result = Secret(text.text);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::DeadlineExceeded) throw;
        if (status == 200) fail(error.what());
    }
    if (status == 200) return result;
    const std::string reason = presentable(reasonIn(result), secrets);
    fail("answered " + std::to_string(status) + (reason.empty() ? "" : ": " + reason), hint);
}

StrictJson TokenService::parse(const Secret& body) const {
    StrictJson::Limits limits;
    limits.bytes = BodyLimit;
    return StrictJson::parse(body.reveal(), "answer of " + _what, ErrorCode::CredentialSourceFault, limits);
}

Token TokenService::token(HttpResponse& response, const std::vector<std::string_view>& secrets,
                          const std::string& hint) {
    const StrictJson json = parse(body(response, secrets, hint));
    const SecretText value(json.at("access_token").asString());
    // STS leaves it out where the token lives as long as the subject token; the next 401 would tell.
    const auto left = json.find("expires_in");
    return made(value.text, seconds(left ? left->asUnsigned() : 0));
}

Token TokenService::made(const std::string& value, seconds left) const {
    if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
        fail("its access token is empty or cannot stand in a header");
    Token token;
    token.value = Secret(value);
    token.life = std::clamp(left, TokenCache::MinimumLife, TokenCache::MaximumLife);
    token.renewAfter = token.life > 2 * RenewBefore ? token.life - RenewBefore : token.life / 2;
    return token;
}

} // namespace wasmproxy::gcr
