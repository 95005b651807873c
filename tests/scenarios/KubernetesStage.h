// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <Poco/JSON/Object.h>
#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// A private registry and a wasm-proxy whose only credentials are the Secrets of a cluster's namespace istio-system.
class KubernetesStage {
public:
    static constexpr const char* Namespace = "istio-system";
    static constexpr const char* PublicUrl = "http://fetcher.test";

    struct Cluster {
        std::string server;
        std::string authority; ///< PEM
        std::string token;
    };

    /// Modules are pushed before a password changes: only the first one may push.
    std::string put(const std::string& repositoryAndTag, const std::string& module);
    void startProxy(const Cluster& cluster, const std::string& more = {});
    /// The registry takes the new password and no other from now on.
    void rotate(const std::string& password);

    std::string host() const { return upstream.registry.host(); }
    std::string url(const std::string& repositoryAndTag) const { return "oci://" + host() + "/" + repositoryAndTag; }
    /// The JSON of a WasmExtension.
    std::string extension(const std::string& name, const std::string& repositoryAndTag, const std::string& secret,
                          const std::string& moreOfSpec = {}) const;
    void writeExtensionFile(const std::string& name, const std::string& json) const;

    HttpAnswer get(const std::string& target) const { return proxy->get(target); }
    std::string fetchTarget(const std::string& repositoryAndTag) const {
        return fetchPath(host() + "/" + repositoryAndTag);
    }
    void assertServed(const std::string& target, const std::string& module) const;
    /// Asked until it is answered so.
    void assertServedSoon(const std::string& target, const std::string& module) const;
    /// With a status that is none of 2xx, and an error that has all the words.
    void assertRefused(const std::string& target, int status, const std::vector<std::string>& words) const;
    /// /api/v1/extensions' entry; nullptr: none.
    Poco::JSON::Object::Ptr listed(const std::string& name) const;
    void awaitListed(const std::string& name, const std::string& url) const;
    void awaitLog(const std::string& part) const;
    std::size_t logged(const std::string& part) const;
    void assertNoSecrets(const std::vector<std::string>& secrets) const;
    void stopProxy();

    static void assertHas(const std::string& text, const std::string& part);
    static void await(const std::string& what, const std::function<bool()>& condition,
                      std::chrono::milliseconds time = std::chrono::seconds(20));

    PrivateRegistry upstream;
    TemporaryFolder folder;
    std::unique_ptr<Proxy> proxy;
};

} // namespace wasmproxy::test
