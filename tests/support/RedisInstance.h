// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Child.h"
#include "support/TemporaryFolder.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// A real redis-server with a folder and a port of its own, that keeps nothing on disk.
class RedisInstance {
public:
    struct Options {
        std::string lines; ///< of redis.conf
        /// PEM files; where given, the port speaks TLS and nothing else.
        std::string certificate;
        std::string key;
        std::string clientAuthority; ///< clients must show a certificate that it signed
    };

    RedisInstance() : RedisInstance(Options()) {}
    explicit RedisInstance(const Options& options); ///< starts it; throws std::runtime_error where it does not

    int port() const noexcept { return _port; }
    std::string url(const std::string& host = "127.0.0.1") const;
    bool running() const noexcept { return _child != nullptr; }
    void start();
    void kill(); ///< SIGKILL
    void pause();
    void resume();
    /// What redis-cli prints for a command; for a server without TLS. `login`: "--user", …
    std::string cli(std::vector<std::string> words, const std::vector<std::string>& login = {}) const;

private:
    TemporaryFolder _folder;
    int _port;
    bool _tls;
    std::string _configuration;
    std::unique_ptr<Child> _child;
};

} // namespace wasmproxy::test
