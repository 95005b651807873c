// SPDX-License-Identifier: Apache-2.0
#include "TokenRequest.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include "AuthorizationHeader.h"
#include "RegistryAnswer.h"
#include "TokenLife.h"

namespace wasmproxy {

namespace {

constexpr std::size_t TokenLimit = 128 * 1024;
constexpr int MaximumRedirects = 3;
constexpr const char* Client = "client_id=wasm-proxy";

bool isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Statuses by which registries say that they have no POST, or none for this credential: GCR, Artifactory, ACR, Harbor.
bool meansGetOnly(int status) {
    return status == 404 || status == 401 || status == 400 || status == 405;
}

} // namespace

Token TokenRequest::send(Call& call) const {
    if (credential.kind == Credential::Kind::Anonymous) return read(*get(call, Secret()));
    if (credential.kind == Credential::Kind::Basic)
        return read(*get(call, basicHeader(credential.username, credential.secret)));
    auto answer = post(call);
    if (meansGetOnly(answer->status()))
        answer =
            get(call, basicHeader(credential.username.empty() ? "<token>" : credential.username, credential.secret));
    return read(*answer);
}

std::unique_ptr<HttpResponse> TokenRequest::get(Call& call, const Secret& authorization) const {
    std::string target = realm.target();
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += Client;
    if (!service.empty()) target += "&service=" + percentEncode(service);
    for (const auto& scope : scopes)
        target += "&scope=" + percentEncode(scope);
    // Not resolve(): a realm's path may begin with "//", which would read as another host there.
    HttpUrl url = HttpUrl::parse(realm.origin() + target, "token realm of " + registry.authority());
    for (int hop = 0;; ++hop) {
        call.check("asking for a token");
        WipedRequest request;
        request.url = url.str();
        request.headers.push_back({"Accept", "application/json"});
        request.authorize(authorization);
        auto response = host.http().send(call, request);
        if (!isRedirect(response->status())) return response;
        const std::string what = "redirect of token service " + realm.authority();
        const HttpUrl next = url.resolve(response->header("Location"), what);
        if (!next.sameOrigin(realm) || hop == MaximumRedirects)
            throw Error(ErrorCode::UpstreamInvalid,
                        "the " + what + " is refused: " +
                            (next.sameOrigin(realm) ? "too many hops" : "it leads to " + next.origin()));
        url = next;
    }
}

std::unique_ptr<HttpResponse> TokenRequest::post(Call& call) const {
    call.check("asking for a token");
    WipedRequest request;
    request.method = "POST";
    request.url = realm.str();
    request.headers.push_back({"Accept", "application/json"});
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    std::string scope;
    for (const auto& one : scopes)
        scope += (scope.empty() ? "" : " ") + one;
    std::string encoded = percentEncode(credential.secret.reveal());
    std::string form = std::string("grant_type=refresh_token&") + Client;
    if (!service.empty()) form += "&service=" + percentEncode(service);
    form += "&scope=" + percentEncode(scope) + "&refresh_token=";
    request.body.reserve(form.size() + encoded.size()); // one buffer, so that wiping it wipes all
    request.body.append(form).append(encoded);
    Secret::wipe(encoded);
    return host.http().send(call, request);
}

Token TokenRequest::read(HttpResponse& response) const {
    if (response.status() != 200) refuse(response);
    const std::string what = "token response of " + realm.authority();
    std::string body = response.readAll(TokenLimit, what.c_str());
    struct Wiper {
        std::string& text;
        ~Wiper() { Secret::wipe(text); }
    } wiper{body};
    StrictJson::Limits limits;
    limits.bytes = TokenLimit;
    const StrictJson json = StrictJson::parse(body, what, ErrorCode::UpstreamInvalid, limits);
    // Either name may carry it; Harbor sends the other one empty.
    std::string value = json.stringOr("token", "");
    if (value.empty()) value = json.stringOr("access_token", "");
    if (value.empty()) throw Error(ErrorCode::UpstreamInvalid, what + ": neither `token` nor `access_token` holds one");
    if (!isHeaderToken(value)) throw Error(ErrorCode::UpstreamInvalid, what + ": its token cannot stand in a header");
    Token token;
    token.value = Secret(value);
    token.life = lifeOf(json, value, host.now());
    Secret::wipe(value);
    return token;
}

void TokenRequest::refuse(HttpResponse& response) const {
    const int status = response.status();
    const Secret basic = basicHeader(credential.username.empty() ? "<token>" : credential.username, credential.secret);
    const std::string reason =
        presentable(errorMessage(response), {basic.reveal().substr(sizeof "Basic"), credential.secret.reveal()});
    const ErrorCode code = status == 400 ? ErrorCode::CredentialRefused : codeOfStatus(status);
    std::string text = "token service " + realm.authority() + " of " + registry.authority() + " answered " +
                       std::to_string(status) + " to credential '" + credential.name + "' for " + repository.str();
    if (!reason.empty()) text += ": " + reason;
    throw Error(code, text).withRetryAfter(retryAfter(response, host.now()));
}

} // namespace wasmproxy
