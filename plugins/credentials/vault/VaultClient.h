// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "VaultAnswer.h"
#include "VaultSettings.h"

#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::vault {

/// Speaks Vault's HTTP API. Tokens and bodies go to the configured address, and to the hosts of `redirect-hosts` where
/// a standby sends us there; to no other. Thread-safe.
class VaultClient {
public:
    /// Both outlive it.
    VaultClient(HostServices& host, const VaultSettings& settings);

    /// `path` below /v1/. Throws VaultFault{Server} where Vault cannot answer (not reached, sealed, 429, 412, 5xx) and
    /// Error{DeadlineExceeded} once `call` has expired.
    VaultAnswer get(Call& call, const std::string& path, const Secret& token);
    /// An empty token: none is sent. `confidential`: what of the body must not come back in a message.
    VaultAnswer post(Call& call, const std::string& path, const Secret& token, const Secret& body,
                     const Secret& confidential = {});

    const std::string& name() const noexcept { return _name; } ///< "Vault vault.example:8200"

private:
    VaultAnswer send(Call& call, const char* method, const std::string& path, const Secret& token, const Secret& body,
                     const Secret& confidential);
    VaultAnswer exchange(Call& call, HttpRequest& request, const std::string& from, const std::vector<Secret>& shown);
    HttpUrl followed(const HttpUrl& from, const HttpResponse& response) const;
    std::shared_ptr<const HttpTls> tls();

    HostServices& _host;
    const VaultSettings& _settings;
    const HttpUrl _address;
    const std::string _name;
    std::mutex _mutex;
    std::shared_ptr<const HttpTls> _tls; ///< of the file as it was read last
    bool _caFailed = false;              ///< it cannot be read now, and that was said
};

} // namespace wasmproxy::vault
