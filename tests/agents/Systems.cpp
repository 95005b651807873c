// SPDX-License-Identifier: Apache-2.0
#include "HttpFetch.h"
#include "OciFetch.h"
#include "System.h"
#include "scenarios/Rig.h"

#include <filesystem>
#include <future>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

const char* const Wrong = "wrong";

std::string check(const HttpAnswer& answer, const WantedModule& module) {
    if (answer.status != 200 || answer.body != module.bytes)
        throw std::runtime_error(module.repository + " was answered " + std::to_string(answer.status) + " " +
                                 answer.error);
    return {};
}

class WasmProxies : public System {
public:
    WasmProxies(Upstream& upstream, const Options& options) : _options(options), _host(upstream.host()) {
        Proxy::Options proxy{upstream.host()};
        proxy.user = Upstream::User;
        proxy.password = options.passwordRight ? Upstream::Password : Wrong;
        proxy.route = options.route;
        proxy.environment = {{"WASM_PROXY__LOG__LEVEL", "information"}};
        for (auto& replica : _replicas)
            replica = std::make_unique<Proxy>(proxy);
    }
    std::deque<Service::Endpoint> endpoints() const override {
        std::deque<Service::Endpoint> result;
        for (const auto& replica : _replicas)
            result.push_back({replica->dataPort(), replica->healthPort(), "/readyz"});
        return result;
    }
    std::unique_ptr<Fetch> fetch(const WantedModule& module, unsigned seed, bool) const override {
        return std::make_unique<HttpFetch>(path(module), seed);
    }
    void kill(int replica) override { at(replica).kill9(); }
    void restart(int replica) override {
        at(replica).terminate();
        at(replica).start();
    }
    void drain() override {
        for (const auto& replica : _replicas) {
            replica->terminate();
            std::filesystem::remove_all(replica->blobs());
            for (const char* file : {"index.db", "index.db-wal", "index.db-shm", "index.db.copy"})
                std::filesystem::remove(replica->folder() / file);
        }
    }
    void comeBack() override {
        auto other = std::async(std::launch::async, [this] { _replicas[1]->start(); });
        _replicas[0]->start();
        other.get();
    }
    void correctPassword() override {
        for (const auto& replica : _replicas)
            replica->setDockerConfig(dockerConfig(_host, Upstream::User, Upstream::Password));
    }
    void serveOnce(const WantedModule& module) override {
        for (const auto& replica : _replicas)
            check(replica->get(path(module)), module);
    }

private:
    Proxy& at(int replica) const { return *_replicas[static_cast<std::size_t>(replica)]; }
    std::string path(const WantedModule& module) const {
        return fetchPath(_host + "/" + module.repository + ":" + module.tag +
                         (_options.pinned ? "@" + module.digest : ""));
    }

    const Options _options;
    const std::string _host;
    std::unique_ptr<Proxy> _replicas[2];
};

/// What agents ask a registry for, with a pull secret or without.
std::unique_ptr<Fetch> pull(const WantedModule& module, unsigned seed, bool pinned, const std::string& user,
                            const std::string& password) {
    return std::make_unique<OciFetch>(
        OciFetch::Image{module.repository, pinned ? module.digest : module.tag, user, password}, seed);
}

/// The agents hold the password and go to the registry themselves.
class Registry : public System {
public:
    Registry(Upstream& upstream, const Options& options) : _upstream(upstream), _options(options) {}
    ~Registry() override {
        for (auto* replica : _ended)
            replica->start();
    }
    std::deque<Service::Endpoint> endpoints() const override {
        if (_options.throughFront) return {{_upstream.front.port()}};
        return {{_upstream.first.port(), _upstream.first.port(), "/"},
                {_upstream.second.port(), _upstream.second.port(), "/"}};
    }
    std::unique_ptr<Fetch> fetch(const WantedModule& module, unsigned seed, bool again) const override {
        return pull(module, seed, _options.pinned, Upstream::User,
                    _options.passwordRight || again ? Upstream::Password : Wrong);
    }
    void kill(int replica) override {
        at(replica).kill();
        _ended.push_back(&at(replica));
    }
    void restart(int replica) override {
        at(replica).stop();
        at(replica).start();
    }
    void drain() override {} // it caches nothing
    void comeBack() override {}
    void correctPassword() override {}
    bool correctionIsPushed() const override { return true; }
    void serveOnce(const WantedModule&) override {}

private:
    RegistryProcess& at(int replica) const { return replica == 0 ? _upstream.first : _upstream.second; }

    Upstream& _upstream;
    const Options _options;
    std::vector<RegistryProcess*> _ended;
};

/// docker-registry as a pull-through cache that holds the password; agents need none.
class PullThrough : public System {
public:
    PullThrough(Upstream& upstream, const Options& options) : _options(options) {
        for (const char* name : {"one", "two"}) {
            RegistryProcess::Options registry{_folder / name};
            registry.remote = upstream.url();
            registry.user = Upstream::User;
            registry.password = options.passwordRight ? Upstream::Password : Wrong;
            _replicas.emplace_back(registry);
        }
        comeBack();
    }
    std::deque<Service::Endpoint> endpoints() const override {
        std::deque<Service::Endpoint> result;
        for (const auto& replica : _replicas)
            result.push_back({replica.port(), replica.port(), "/"});
        return result;
    }
    std::unique_ptr<Fetch> fetch(const WantedModule& module, unsigned seed, bool) const override {
        return pull(module, seed, _options.pinned, {}, {});
    }
    void kill(int replica) override { at(replica).kill(); }
    void restart(int replica) override {
        at(replica).stop();
        at(replica).start();
    }
    void drain() override {
        for (auto& replica : _replicas) {
            replica.stop();
            std::filesystem::remove_all(replica.storage());
        }
    }
    void comeBack() override {
        for (auto& replica : _replicas)
            replica.start();
    }
    /// It reads its configuration when it starts.
    void correctPassword() override {
        for (auto& replica : _replicas) {
            replica.use(Upstream::User, Upstream::Password);
            replica.stop();
            replica.start();
        }
    }
    void serveOnce(const WantedModule& module) override {
        for (const auto& replica : _replicas) {
            const HttpClient client(replica.port());
            const auto base = "/v2/" + module.repository;
            const auto manifest = client.get(base + "/manifests/" + (_options.pinned ? module.digest : module.tag),
                                             {{"Accept", "application/vnd.oci.image.manifest.v1+json"}});
            if (manifest.status != 200) throw std::runtime_error("manifest: " + std::to_string(manifest.status));
            check(client.get(base + "/blobs/sha256:" + module.sha256), module);
        }
    }

private:
    RegistryProcess& at(int replica) { return _replicas[static_cast<std::size_t>(replica)]; }

    const Options _options;
    TemporaryFolder _folder;
    std::deque<RegistryProcess> _replicas;
};

} // namespace

std::unique_ptr<System> System::make(const std::string& name, Upstream& upstream, const Options& options) {
    if (name == "wasm-proxy") return std::make_unique<WasmProxies>(upstream, options);
    if (name == "registry") return std::make_unique<Registry>(upstream, options);
    if (name == "pull-through") return std::make_unique<PullThrough>(upstream, options);
    throw std::invalid_argument("no such system: " + name + " (wasm-proxy, registry, pull-through)");
}

} // namespace wasmproxy::test
