// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/BearerAuthorizer.h"

#include "wasmproxy/oci/Error.h"

#include "AuthorizationHeader.h"
#include "TokenRequest.h"

#include <algorithm>

namespace wasmproxy {

namespace {

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (end > at) result.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return result;
}

std::string joined(const std::vector<std::string>& scopes) {
    std::string result;
    for (const auto& scope : scopes)
        result += (result.empty() ? "" : " ") + scope;
    return result;
}

} // namespace

BearerAuthorizer::BearerAuthorizer(HostServices& host, RealmRules realms)
    : _host(host), _realms(std::move(realms)), _tokens(host) {}

BearerAuthorizer::Authorization BearerAuthorizer::authorize(Call& call, const Subject& subject,
                                                            const Challenge& challenge,
                                                            const std::vector<std::string>& scopes) {
    Authorization result;
    const Credential& credential = subject.credential;
    if (credential.kind == Credential::Kind::BearerToken) {
        result.header = bearerHeader(credential.secret, "of credential '" + credential.name + "'");
        return result;
    }
    const HttpUrl realm = _realms.admit(subject.registry, challenge.parameter("realm"));
    const std::string service = challenge.parameter("service");
    std::vector<std::string> sorted = scopes;
    std::sort(sorted.begin(), sorted.end());
    result.key = {realm.str(), service, joined(sorted), credential.fingerprint()};
    const auto found = _tokens.get(call, result.key, [&](Call& leader) {
        return TokenRequest{_host, subject.repository, subject.registry, credential, realm, service, scopes}.send(
            leader);
    });
    result.header = bearerHeader(found.value, "of " + realm.authority());
    result.token = found.value;
    result.fresh = found.fresh;
    return result;
}

void BearerAuthorizer::forget(const Authorization& refused) {
    if (!refused.token.empty()) _tokens.forget(refused.key, refused.token);
}

BearerAuthorizer::Authorization BearerAuthorizer::basic(const Subject& subject) {
    const Credential& credential = subject.credential;
    if (credential.kind != Credential::Kind::Basic)
        throw Error(ErrorCode::CredentialRefused, subject.registry.authority() +
                                                      " asks for a user name and password for " + subject.path +
                                                      ", which credential '" + credential.name + "' is not");
    Authorization result;
    result.header = basicHeader(credential.username, credential.secret);
    return result;
}

std::vector<std::string> BearerAuthorizer::scopesFor(const Challenge& challenge, const std::string& challengedPath,
                                                     const std::string& path) {
    const std::string own = "repository:" + path + ":pull";
    std::vector<std::string> scopes;
    for (const auto& word : words(challenge.parameter("scope"))) {
        // type:name:actions, where the name may hold colons of its own.
        const std::size_t first = word.find(':');
        const std::size_t last = word.rfind(':');
        std::string scope = word;
        if (first != std::string::npos && last > first && word.compare(0, 10, "repository") == 0) {
            const std::string name = word.substr(first + 1, last - first - 1);
            // Another repository's scope says nothing about this one's.
            if (name != challengedPath && challengedPath != path) continue;
            scope = word.substr(0, first + 1) + (name == challengedPath ? path : name) + ":pull";
        }
        if (std::find(scopes.begin(), scopes.end(), scope) == scopes.end() && scopes.size() < 8)
            scopes.push_back(scope);
    }
    if (scopes.empty()) scopes.push_back(own);
    return scopes;
}

} // namespace wasmproxy
