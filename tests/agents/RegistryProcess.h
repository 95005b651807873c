// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Child.h"
#include "support/TemporaryFolder.h"

#include <memory>
#include <string>

namespace wasmproxy::test {

/// A docker-registry of its own port; several may share one storage folder. Writes no access log.
class RegistryProcess {
public:
    struct Options {
        std::string storage;
        std::string tokenRealm = {}; ///< empty: no authentication
        std::string tokenService = {};
        std::string tokenIssuer = {};
        std::string tokenCertificates = {};
        std::string remote = {}; ///< not empty: a pull-through cache of that URL
        std::string user = {};
        std::string password = {};
    };

    explicit RegistryProcess(const Options& options);

    int port() const noexcept { return _port; }
    void start(); ///< returns when its port answers
    void stop();
    void kill();
    void use(const std::string& user, const std::string& password); ///< at its next start
    const std::string& storage() const noexcept { return _options.storage; }

private:
    Options _options;
    TemporaryFolder _folder;
    int _port;
    std::unique_ptr<Child> _child;
};

} // namespace wasmproxy::test
