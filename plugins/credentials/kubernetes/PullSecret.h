// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/CredentialEntry.h"
#include "wasmproxy/oci/StrictJson.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::kubernetes {

/// What is kept of one Secret: its credentials, and nothing of a Secret that has none.
struct PullSecret {
    static constexpr const char* DockerConfigJson = "kubernetes.io/dockerconfigjson";
    static constexpr const char* DockerCfg = "kubernetes.io/dockercfg";
    static constexpr const char* BasicAuth = "kubernetes.io/basic-auth";
    static constexpr const char* Opaque = "Opaque";

    std::string version;                  ///< its resourceVersion
    std::vector<CredentialEntry> entries; ///< each for the registry it names
    std::optional<Credential> bare;       ///< user name and password for no registry in particular
    std::string unusable;                 ///< why it has neither; else empty
    bool malformed = false;               ///< since it cannot be read, though its type is one for registries
    std::vector<std::string> warnings;

    std::string registries() const; ///< that `entries` are for: "a.io, b.io/team"

    /// `title` names it ("Secret istio-system/regcred"). Throws only where `object` is no Secret.
    static PullSecret read(const StrictJson& object, const std::string& title);
};

/// By name; immutable once shared.
using PullSecrets = std::map<std::string, std::shared_ptr<const PullSecret>>;

} // namespace wasmproxy::kubernetes
