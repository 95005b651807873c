// SPDX-License-Identifier: Apache-2.0
#include "System.h"

#include <filesystem>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

/// docker-registry as a pull-through cache that holds the password; agents need none.
class PullThrough : public System {
public:
    PullThrough(Upstream& upstream, const Options& options) : _options(options) {
        for (const char* name : {"one", "two"}) {
            RegistryProcess::Options registry{_folder / name};
            registry.remote = upstream.url();
            registry.user = Upstream::User;
            registry.password = options.passwordRight ? Upstream::Password : WrongPassword;
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

std::unique_ptr<System> makePullThrough(Upstream& upstream, const System::Options& options) {
    return std::make_unique<PullThrough>(upstream, options);
}

} // namespace wasmproxy::test
