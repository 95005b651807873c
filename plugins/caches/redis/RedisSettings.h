// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "RedisUrl.h"
#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::redis {

class RedisSettings : public Settings {
public:
    using Time = std::chrono::milliseconds;

    Setting<std::string> url{this, "url", "",
                             "Where Redis is: redis://host:port/database, or rediss:// for TLS. Without user and "
                             "password, which have keys of their own. One primary; Redis Cluster is not followed.",
                             true};
    Setting<std::string> username{this, "username", "", "The ACL user. Empty: the user `default`."};
    Setting<std::string> passwordFile{
        this, "password-file", "",
        "File that holds the password. Connections made after it changed use the new one. Empty: no AUTH is sent."};
    Setting<std::string> caFile{this, "ca-file", "",
                                "PEM file of the authorities that may have signed the server's certificate. Empty: "
                                "those of the system. For rediss:// only."};
    Setting<std::string> clientCertificate{this, "client-certificate", "",
                                           "PEM file of a certificate (and its chain) to show to the server."};
    Setting<std::string> clientKey{this, "client-key", "", "PEM file of the key of `client-certificate`."};
    Setting<std::string> prefix{this, "prefix", "wasm-proxy:",
                                "What the names of all keys begin with. Proxies that share contents have the same."};
    Setting<Time> ttl{this, "ttl", std::chrono::hours(7 * 24),
                      "How long after it was written a content is forgotten by Redis."};
    Setting<std::uint64_t> connections{this, "connections", 4, "How many connections are open at most."};
    Setting<Time> connectTimeout{this, "connect-timeout", std::chrono::seconds(1),
                                 "How long to look up the host, connect, do TLS and log in, in all."};
    Setting<Time> commandTimeout{this, "command-timeout", std::chrono::seconds(2),
                                 "How long one command (at most 1 MiB) may take. After three failures in a row Redis "
                                 "is left alone for 0.5 s, then ever longer, up to 30 s."};
    Setting<bool> locks{this, "locks", true,
                        "Let proxies take turns by a lock in Redis. It is given back by EVAL; say false where that "
                        "command is not to be had."};

    RedisUrl address() const; ///< of settings without a problem

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::redis
