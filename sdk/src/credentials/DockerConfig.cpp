// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/DockerConfig.h"

#include "wasmproxy/credentials/Base64.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <optional>
#include <utility>

namespace wasmproxy {

namespace {

constexpr std::string_view TokenUser = "<token>";

/// A key of the file as it may be shown: printable, without the user information that a URL may carry.
std::string shown(const std::string& key) {
    const std::size_t at = key.rfind('@');
    std::string result = at == std::string::npos ? key : "…" + key.substr(at);
    if (result.size() > 200) result = result.substr(0, 200) + "…";
    for (char& c : result)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    return result;
}

Credential basic(std::string username, std::string_view password) {
    Credential result;
    result.kind = username == TokenUser ? Credential::Kind::IdentityToken : Credential::Kind::Basic;
    result.username = std::move(username);
    result.secret = Secret(password);
    return result;
}

Error unusable(const char* reason) {
    return Error(ErrorCode::CredentialSourceFault, reason);
}

/// `auth`: base64 of `user:password`. nullopt: neither is given. Throws Error where it is unusable.
std::optional<Credential> fromAuth(std::string_view auth) {
    std::optional<std::string> decoded = decodeBase64(auth);
    if (!decoded) throw unusable("its `auth` is not base64");
    const WipedText text{std::move(*decoded)};
    const std::size_t colon = text.text.find(':');
    if (colon == std::string::npos) throw unusable("its `auth` holds no ':' between user name and password");
    std::string_view password = std::string_view(text.text).substr(colon + 1);
    // Docker trims NULs; a line end comes from `echo user:password | base64`.
    while (!password.empty() && (password.back() == '\0' || password.back() == '\n' || password.back() == '\r'))
        password.remove_suffix(1);
    if (colon == 0 && password.empty()) return std::nullopt;
    return basic(text.text.substr(0, colon), password);
}

std::optional<Credential> fromEntry(const StrictJson& entry) {
    const WipedText registryToken{entry.stringOr("registrytoken", "")};
    const WipedText identityToken{entry.stringOr("identitytoken", "")};
    const WipedText auth{entry.stringOr("auth", "")};
    const WipedText password{entry.stringOr("password", "")};
    const std::string username = entry.stringOr("username", "");
    if (!registryToken.text.empty() || !identityToken.text.empty()) {
        Credential result;
        result.kind = registryToken.text.empty() ? Credential::Kind::IdentityToken : Credential::Kind::BearerToken;
        result.username = username.empty() ? std::string(TokenUser) : username;
        result.secret = Secret(registryToken.text.empty() ? identityToken.text : registryToken.text);
        return result;
    }
    if (!auth.text.empty()) return fromAuth(auth.text);
    if (username.empty() && password.text.empty()) return std::nullopt;
    return basic(username, password.text);
}

std::optional<StrictJson> objectAt(const StrictJson& document, const char* key) {
    auto found = document.find(key);
    if (found && !found->isObject()) found->fail("an object");
    return found;
}

StrictJson parseDocument(std::string_view text, const std::string& path) {
    StrictJson document = StrictJson::parse(text, path, ErrorCode::CredentialSourceFault);
    if (!document.isObject()) document.fail("an object with `auths`");
    return document;
}

CredentialEntries readAuths(const StrictJson& auths, const std::string& path) {
    CredentialEntries result;
    for (const auto& [key, value] : auths.members()) {
        const auto skip = [&, &name = key](const std::string& reason) {
            std::string line = path + ": entry \"";
            line.append(shown(name)).append("\" is left out: ").append(reason);
            result.warnings.push_back(std::move(line));
        };
        auto pattern = RegistryPattern::parse(key);
        if (!pattern) {
            skip("the key is not host[:port][/path]");
            continue;
        }
        if (value.isNull()) continue;
        try {
            if (!value.isObject()) value.fail("an object");
            if (auto credential = fromEntry(value)) {
                credential->name = shown(key) + " in " + path;
                result.entries.push_back({std::move(*pattern), std::move(*credential)});
            }
        } catch (const Error& error) {
            skip(error.what());
        }
    }
    return result;
}

void warnWithoutAuths(CredentialEntries& result, const std::string& path) {
    result.warnings.push_back(path + " has no `auths`: it gives no credential");
}

} // namespace

std::vector<std::string> DockerConfig::helpersOf(const Repository& repository) const {
    std::vector<std::string> names;
    for (const HelperRule& helper : helpers) {
        if (!helper.registry.matches(repository)) continue;
        if (helper.name.empty() || helper.name == "containers-auth.json") return {};
        names.push_back(helper.name);
        break;
    }
    if (!store.empty() && (names.empty() || names.front() != store)) names.push_back(store);
    return names;
}

bool isHelperName(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 100 &&
           name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               std::string_view::npos;
}

DockerConfig readDockerConfig(std::string_view text, const std::string& path) {
    const StrictJson document = parseDocument(text, path);
    const auto auths = objectAt(document, "auths");
    DockerConfig result;
    if (auths) result.auths = readAuths(*auths, path);
    result.store = document.stringOr("credsStore", "");
    const auto helpers = objectAt(document, "credHelpers");
    if (!helpers) {
        if (!auths && result.store.empty()) warnWithoutAuths(result.auths, path);
        return result;
    }
    for (const auto& [key, value] : helpers->members()) {
        auto pattern = RegistryPattern::parse(key);
        // As in docker and containers: by the whole name of a registry.
        if (pattern && pattern->isHost())
            result.helpers.push_back({std::move(*pattern), value.isNull() ? std::string() : value.asString()});
        else
            result.auths.warnings.push_back(path + ": helper for \"" + shown(key) +
                                            "\" is left out: the key is not host[:port]");
    }
    return result;
}

CredentialEntries parseDockerConfig(std::string_view text, const std::string& path) {
    const StrictJson document = parseDocument(text, path);
    const auto auths = objectAt(document, "auths");
    CredentialEntries result;
    if (document.find("credHelpers") || document.find("credsStore"))
        result.warnings.push_back(path + ": credential helpers (credHelpers, credsStore) are not run; only the entries "
                                         "of `auths` are used");
    if (!auths) {
        warnWithoutAuths(result, path);
        return result;
    }
    CredentialEntries read = readAuths(*auths, path);
    read.warnings.insert(read.warnings.begin(), result.warnings.begin(), result.warnings.end());
    return read;
}

} // namespace wasmproxy
