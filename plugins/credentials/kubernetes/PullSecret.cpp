// SPDX-License-Identifier: Apache-2.0
#include "PullSecret.h"

#include "wasmproxy/credentials/Base64.h"
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/kubernetes/WipedBuffer.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::kubernetes {
namespace {

Error unusable(const std::string& why) {
    return Error(ErrorCode::CredentialSourceFault, why);
}

/// A value of `data`, decoded; nullopt: there is none.
std::unique_ptr<WipedBuffer> valueOf(const StrictJson& object, const std::string& key) {
    const auto data = object.find("data");
    const auto value = data ? data->find(key) : std::nullopt;
    if (!value) return nullptr;
    const WipedBuffer encoded(value->asString());
    auto decoded = decodeBase64(encoded.view());
    if (!decoded) throw unusable("its `" + key + "` is not base64");
    return std::make_unique<WipedBuffer>(std::move(*decoded));
}

/// Without the line end that `echo` leaves.
std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

Credential fromFields(const StrictJson& object, const std::string& title) {
    const auto username = valueOf(object, "username");
    const auto password = valueOf(object, "password");
    if (!password || trimmed(password->view()).empty()) throw unusable("it has no `password`");
    Credential result;
    result.kind = Credential::Kind::Basic;
    result.name = title;
    if (username) result.username = trimmed(username->view());
    if (result.username.empty()) throw unusable("it has no `username`");
    result.secret = Secret(trimmed(password->view()));
    return result;
}

CredentialEntries fromConfig(const StrictJson& object, const std::string& key, const std::string& title, bool bareMap) {
    const auto text = valueOf(object, key);
    if (!text) throw unusable("it has no `" + key + "`");
    if (!bareMap) return parseDockerConfig(text->view(), title);
    WipedBuffer whole; // dockercfg is what `auths` holds
    whole.append("{\"auths\":");
    whole.append(text->view());
    whole.append("}");
    return parseDockerConfig(whole.view(), title);
}

} // namespace

PullSecret PullSecret::read(const StrictJson& object, const std::string& title) {
    PullSecret result;
    result.version = object.at("metadata").stringOr("resourceVersion", "");
    const std::string type = object.stringOr("type", Opaque);
    try {
        if (type == DockerConfigJson || type == DockerCfg) {
            const bool bareMap = type == DockerCfg;
            auto read = fromConfig(object, bareMap ? ".dockercfg" : ".dockerconfigjson", title, bareMap);
            result.entries = std::move(read.entries);
            result.warnings = std::move(read.warnings);
            if (result.entries.empty()) result.unusable = "it has no credential for any registry";
        } else if (type == BasicAuth || type == Opaque) {
            result.bare = fromFields(object, title);
        } else {
            result.unusable = "its type is not one for registries";
        }
    } catch (const Error& error) {
        result.unusable = error.what();
        result.malformed = type == DockerConfigJson || type == DockerCfg;
    }
    if (!result.unusable.empty() && type != DockerConfigJson)
        result.unusable += "; `kubectl create secret docker-registry` makes one that is right";
    return result;
}

std::string PullSecret::registries() const {
    std::string result;
    for (const CredentialEntry& entry : entries) {
        const std::string& name = entry.credential.name; // "registry in Secret namespace/name"
        result += (result.empty() ? "" : ", ") + name.substr(0, name.find(" in Secret "));
        if (result.size() > 300) return result + ", …";
    }
    return result;
}

} // namespace wasmproxy::kubernetes
