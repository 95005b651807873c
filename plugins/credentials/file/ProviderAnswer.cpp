// SPDX-License-Identifier: Apache-2.0
#include "ProviderAnswer.h"

#include "GoDuration.h"
#include "ProviderConfig.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <set>

namespace wasmproxy::file {

namespace {

[[noreturn]] void fail(const std::string& what, const std::string& message) {
    throw Error(ErrorCode::CredentialSourceFault, what + ": " + message,
                "expected a CredentialProviderResponse of " + std::string(ProviderApiVersion));
}

void allowOnly(const StrictJson& object, const std::set<std::string>& keys, const std::string& what) {
    if (!object.isObject()) object.fail("an object");
    for (const auto& [key, value] : object.members())
        if (!keys.count(key)) fail(what, "it has a field that is not known");
}

struct WipedText {
    std::string text;
    ~WipedText() { Secret::wipe(text); }
};

ProviderAnswer::Scope scopeOf(const std::string& name, const std::string& what) {
    if (name == "Image") return ProviderAnswer::Scope::Image;
    if (name == "Registry") return ProviderAnswer::Scope::Registry;
    if (name == "Global") return ProviderAnswer::Scope::Global;
    fail(what, "cacheKeyType must be Image, Registry or Global");
}

} // namespace

std::string providerRequest(const Repository& repository) {
    // Nothing in a repository's name needs to be escaped.
    return std::string(R"({"kind":"CredentialProviderRequest","apiVersion":")") + ProviderApiVersion +
           R"(","image":")" + repository.str() + "\"}";
}

ProviderAnswer parseProviderAnswer(std::string_view text, const std::string& provider, const std::string& what) {
    const StrictJson document = StrictJson::parse(text, what, ErrorCode::CredentialSourceFault);
    allowOnly(document, {"kind", "apiVersion", "cacheKeyType", "cacheDuration", "auth"}, what);
    if (document.stringOr("kind", "") != "CredentialProviderResponse") fail(what, "kind is another");
    if (document.stringOr("apiVersion", "") != ProviderApiVersion) fail(what, "apiVersion is another");
    ProviderAnswer result;
    result.scope = scopeOf(document.stringOr("cacheKeyType", ""), what);
    if (const auto duration = document.find("cacheDuration")) {
        result.cacheDuration = parseGoDuration(duration->asString());
        if (!result.cacheDuration) fail(what, "cacheDuration is not a duration such as \"6h0m0s\"");
    }
    const auto auth = document.find("auth");
    if (!auth) return result;
    if (!auth->isObject()) auth->fail("an object");
    for (const auto& [key, entry] : auth->members()) {
        auto pattern = RegistryPattern::parse(key);
        if (!pattern) fail(what, "a key of auth is not host[:port][/path]");
        allowOnly(entry, {"username", "password"}, what);
        const WipedText password{entry.stringOr("password", "")};
        const std::string username = entry.stringOr("username", "");
        if (username.empty() && password.text.empty()) continue;
        result.entries.push_back(
            {std::move(*pattern),
             {Credential::Kind::Basic, key + " from " + provider, username, Secret(password.text)}});
    }
    return result;
}

} // namespace wasmproxy::file
