// SPDX-License-Identifier: Apache-2.0
#include "KnownSecret.h"

#include "wasmproxy/credentials/Base64.h"
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/oci/Error.h"

#include "SecretText.h"

namespace wasmproxy::vault {

namespace {

KnownSecret fromDockerConfig(const StrictJson& field, const std::string& where) {
    SecretText text(field.asString());
    const std::size_t first = text.text.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && text.text[first] != '{') {
        // As it stands in a Kubernetes Secret's `data`.
        if (auto decoded = decodeBase64(text.text)) {
            Secret::wipe(text.text);
            text.text = std::move(*decoded);
        }
    }
    CredentialEntries found = parseDockerConfig(text.text, where);
    KnownSecret result;
    result.entries = std::move(found.entries);
    result.warnings = std::move(found.warnings);
    return result;
}

} // namespace

std::vector<Credential> KnownSecret::credentialsFor(const Repository& repository) const {
    if (credential) return {*credential};
    return matchingCredentials(entries, repository);
}

KnownSecret KnownSecret::parse(const StrictJson& fields, const VaultSettings& settings, const std::string& where,
                               bool bound) {
    for (const char* name : {".dockerconfigjson", "dockerconfigjson"})
        if (const auto field = fields.find(name)) return fromDockerConfig(*field, where);

    const auto username = fields.find(settings.usernameField.get());
    const auto password = fields.find(settings.passwordField.get());
    if (!username || !password)
        throw Error(ErrorCode::CredentialSourceFault,
                    where + " has no field `" + (username ? settings.passwordField : settings.usernameField).get() +
                        "`",
                    "write the fields `" + settings.usernameField.get() + "` and `" + settings.passwordField.get() +
                        "`, or `.dockerconfigjson` with a docker config, or set username-field and password-field");
    if (!bound)
        throw Error(ErrorCode::CredentialSourceFault, where + " does not say which registry its password is for",
                    "set `registry`, or use {host} in `path`");
    const SecretText value(password->asString());
    if (value.text.empty())
        throw Error(ErrorCode::CredentialSourceFault,
                    where + ": the field `" + settings.passwordField.get() + "` is empty");
    Credential credential;
    credential.username = username->asString();
    credential.kind = credential.username == "<token>" ? Credential::Kind::IdentityToken : Credential::Kind::Basic;
    credential.name = where;
    credential.secret = Secret(value.text);
    KnownSecret result;
    result.credential = std::move(credential);
    return result;
}

} // namespace wasmproxy::vault
