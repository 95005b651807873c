// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Certificate.h"
#include "support/Child.h"
#include "support/TemporaryFolder.h"

#include <chrono>
#include <memory>
#include <string>

namespace wasmproxy::test {

/// A real kube-apiserver with an etcd of its own, on loopback: RBAC, service account tokens, admission, watches and
/// custom resources are Kubernetes' own; there are no controllers and no nodes. The constructor returns when it is
/// ready and throws std::runtime_error with its log when it does not get there.
class KubeApiServer {
public:
    struct Answer {
        int status = 0; ///< 0: there was none
        std::string body;
    };

    /// Why it cannot be had here; empty: it can.
    static std::string missing();
    /// The program is KUBE_APISERVER.
    KubeApiServer();

    std::string url() const;
    const Certificate& certificate() const noexcept { return _certificate; } ///< of the server, its own authority
    void start();                                                            ///< again, with the same data and port
    void stop();                                                             ///< etcd goes on

    Answer send(const std::string& method, const std::string& path, const std::string& json = {}) const; ///< as admin
    Answer sendAs(const std::string& token, const std::string& method, const std::string& path,
                  const std::string& json = {}) const;
    /// As admin; throws where it is not answered 2xx.
    std::string must(const std::string& method, const std::string& path, const std::string& json = {}) const;
    void makeNamespace(const std::string& name) const;
    /// What `kubectl apply -f` makes of a YAML file whose objects are all new.
    void apply(const std::string& file) const;
    /// A token of a service account that exists.
    std::string serviceAccountToken(const std::string& nameSpace, const std::string& name) const;

private:
    std::string log() const;

    TemporaryFolder _folder;
    Certificate _certificate;
    Certificate _signer; ///< of service account tokens
    const int _etcdPort;
    const int _etcdPeerPort;
    const int _port;
    std::unique_ptr<Child> _etcd;
    std::unique_ptr<Child> _server;
};

} // namespace wasmproxy::test
