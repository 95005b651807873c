// SPDX-License-Identifier: Apache-2.0
#include "HttpFetch.h"
#include "System.h"
#include "scenarios/Rig.h"

#include <filesystem>
#include <future>

namespace wasmproxy::test {
namespace {

class WasmProxies : public System {
public:
    WasmProxies(Upstream& upstream, const Options& options) : _options(options), _host(upstream.host()) {
        Proxy::Options proxy{upstream.host()};
        proxy.user = Upstream::User;
        proxy.password = options.passwordRight ? Upstream::Password : WrongPassword;
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

} // namespace

std::unique_ptr<System> makeWasmProxies(Upstream& upstream, const System::Options& options) {
    return std::make_unique<WasmProxies>(upstream, options);
}

} // namespace wasmproxy::test
