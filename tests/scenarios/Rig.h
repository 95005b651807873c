// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Child.h"
#include "support/DockerRegistry.h"
#include "support/HttpClient.h"
#include "support/OciLayout.h"
#include "support/TemporaryFolder.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// "/fetch/" and standard base64 of "oci://" + reference, as Tetrate's and our URLs have it.
std::string fetchPath(const std::string& reference);
/// A docker config.json for one registry.
std::string dockerConfig(const std::string& host, const std::string& user, const std::string& password);
/// The real proxy-wasm filter of tests/filter.
std::string filterModule();
/// A core module with the proxy-wasm ABI export that no other call returns, padded to about `size` bytes.
std::string uniqueModule(const std::string& name, std::size_t size = 0);
/// Two layers, as Istio's `oci` variant.
ImageContent istioArtifact(const std::string& module);

/// The wasm-proxy of this build with its own folder, ports and configuration, as an operator runs it.
class Proxy {
public:
    struct Options {
        std::string registryHost;   ///< of the one route; may be a FaultProxy's
        std::string user = "robot"; ///< in docker-config.json; empty: the file is `{"auths":{}}`
        std::string password = "right";
        std::string pull = {};            ///< lines for [pull]
        std::string route = {};           ///< lines for [route.private]
        std::string more = {};            ///< further sections
        std::string pluginDirectory = {}; ///< empty: those of the build that the configuration names
        std::map<std::string, std::string> environment = {};
        std::string backend = "plugin = oci\nplain-http = true"; ///< lines for [backend.private]
    };

    /// The plugins that every Proxy's configuration uses.
    static const std::vector<std::string>& ownPlugins();

    explicit Proxy(const Options& options); ///< starts it and waits until it is ready; throws with its log if not
    ~Proxy();

    void start();
    int terminate(std::chrono::milliseconds time = std::chrono::seconds(40)) { return _child->terminate(time); }
    void kill9() { _child->kill(); }
    bool running() { return _child->running(); }
    Child& child() { return *_child; }

    HttpAnswer get(const std::string& target, const HttpClient::Headers& headers = {},
                   std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
    HttpAnswer fetch(const std::string& reference) const { return get(fetchPath(reference)); }
    std::string url(const std::string& target) const; ///< on the data plane
    HttpAnswer admin(const std::string& target) const { return HttpClient(_adminPort).get(target); }
    HttpAnswer health(const std::string& target) const { return HttpClient(_healthPort).get(target); }
    double metric(const std::string& nameAndLabels) const; ///< 0 where it is not there

    void setDockerConfig(const std::string& json) const; ///< replaced by rename, as kubelet and editors do
    std::string log() const;
    const std::string& configuration() const { return _configuration; }
    const TemporaryFolder& folder() const { return _folder; }
    std::string blobs() const { return _folder / "blobs"; }
    std::string blobOf(const std::string& bytes) const; ///< the file that holds them, if they are cached
    int dataPort() const { return _dataPort; }
    int adminPort() const { return _adminPort; }
    int healthPort() const { return _healthPort; }

private:
    TemporaryFolder _folder;
    int _dataPort;
    int _adminPort;
    int _healthPort;
    std::string _configuration;
    std::map<std::string, std::string> _environment;
    std::unique_ptr<Child> _child;
};

/// A docker-registry that wants a password and a module in it.
struct PrivateRegistry {
    PrivateRegistry();
    /// Returns the manifest's digest.
    std::string push(const std::string& repositoryAndTag, const ImageContent& image);
    std::string push(const std::string& repositoryAndTag, const std::string& module) {
        return push(repositoryAndTag, istioArtifact(module));
    }
    /// The same by the registry's own API: for what skopeo refuses, and for many in a short time. Thread-safe.
    std::string put(const std::string& repositoryAndTag, const ImageContent& image) const;
    /// A manifest of that layout, with all that is below it.
    std::string put(const std::string& repositoryAndTag, const OciLayout& layout,
                    const WrittenManifest& manifest) const;
    DockerRegistry registry;
    TemporaryFolder folder;
};

} // namespace wasmproxy::test
