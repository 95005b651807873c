// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Connection.h"
#include "RedisSettings.h"
#include "Resolver.h"
#include "TlsTrust.h"

#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::redis {

/// Makes connections as the settings say: looked up, connected, verified, logged in, in the right database.
/// Thread-safe.
class Connector {
public:
    /// `settings` outlive this.
    explicit Connector(const RedisSettings& settings);

    const RedisUrl& address() const noexcept { return _url; }
    /// Throws ServerFault.
    std::unique_ptr<Connection> connect(const Call& call);
    /// Which password, authorities, certificate and key the files hold now, as far as stat(2) can tell.
    std::string stamp() const;

private:
    std::shared_ptr<const TlsTrust> tls(const std::string& stamp);
    void login(Connection& connection, const Patience& patience) const;

    const RedisSettings& _settings;
    const RedisUrl _url;
    Resolver _resolver;
    std::mutex _mutex;
    std::string _tlsStamp;
    std::shared_ptr<const TlsTrust> _tls;
};

} // namespace wasmproxy::redis
