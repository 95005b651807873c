// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/RegistryPattern.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::file {

/// One of `providers` of a kubelet's CredentialProviderConfig.
struct CredentialProvider {
    std::string name; ///< of the program in the bin directory
    std::vector<RegistryPattern> images;
    std::chrono::milliseconds defaultCacheDuration{0};
    std::vector<std::string> arguments;
    std::vector<std::string> environment; ///< NAME=value

    bool knows(const Repository& repository) const;
};

/// The version of requests and answers that is spoken.
constexpr const char* ProviderApiVersion = "credentialprovider.kubelet.k8s.io/v1";

/// Reads a CredentialProviderConfig, kubelet.config.k8s.io/v1, in YAML or JSON, as strictly as the kubelet: an unknown
/// field is an error. Throws Error{CredentialSourceFault} naming `path` and the field.
std::vector<CredentialProvider> parseProviderConfig(std::string_view text, const std::string& path);

} // namespace wasmproxy::file
