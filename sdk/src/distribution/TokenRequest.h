// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Credential.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy {

/// One token asked of a token service that RealmRules admitted.
struct TokenRequest {
    HostServices& host;
    const Repository& repository;
    const HttpUrl& registry;
    const Credential& credential;
    const HttpUrl& realm;
    const std::string& service;
    const std::vector<std::string>& scopes;

    /// Throws Error: CredentialRefused (401, 400), RepositoryDenied (403), TooManyRequests, UpstreamUnavailable, …
    Token send(Call& call) const;

private:
    std::unique_ptr<HttpResponse> get(Call& call, const Secret& authorization) const;
    std::unique_ptr<HttpResponse> post(Call& call) const;
    Token read(HttpResponse& response) const;
    [[noreturn]] void refuse(HttpResponse& response) const;
};

} // namespace wasmproxy
