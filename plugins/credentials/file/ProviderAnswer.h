// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/CredentialEntry.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::file {

/// A CredentialProviderResponse.
struct ProviderAnswer {
    enum class Scope { Image, Registry, Global };

    Scope scope = Scope::Image; ///< which other images it holds for (`cacheKeyType`)
    std::optional<std::chrono::milliseconds> cacheDuration;
    std::vector<CredentialEntry> entries;
};

/// What a provider is asked with.
std::string providerRequest(const Repository& repository);

/// Reads its answer as strictly as the kubelet. `provider` names it in the credentials' names and `what` in errors,
/// which never hold a value of it. Throws Error{CredentialSourceFault}.
ProviderAnswer parseProviderAnswer(std::string_view text, const std::string& provider, const std::string& what);

} // namespace wasmproxy::file
