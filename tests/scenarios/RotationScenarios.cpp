// SPDX-License-Identifier: Apache-2.0
// A password is replaced where it lives, a hundred times, while clients fetch: no restart, and no agent that gives up.
// The registry knows the new one only, and knows it first, so what is on its way with the old one is refused.
#include "Rig.h"

#include "PasswordStorm.h"
#include "QuietMachine.h"
#include "support/IstioAgent.h"
#include "support/KubeApi.h"
#include "support/VaultServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <mutex>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int Rotations = 100;
constexpr int Tags = 450;
constexpr milliseconds Period(250); // of a rotation
constexpr milliseconds NewOnly(30); // the registry has it, the source has not

void replace(const std::string& aside, const std::string& file) {
    if (std::rename(aside.c_str(), file.c_str()) != 0) throw std::runtime_error("cannot replace " + file);
}

/// The registry with all modules in it; a new password is all that it accepts from `mesh`, from the next request on.
struct Upstream : PrivateRegistry {
    Upstream() {
        std::atomic<int> next{0};
        std::vector<std::thread> pushers;
        for (int i = 0; i < 3; ++i)
            pushers.emplace_back([&] {
                for (int tag = next++; tag < Tags; tag = next++) {
                    const auto name = std::to_string(tag);
                    auto image = istioArtifact(uniqueModule(name, 20000));
                    // docker-registry loses a blob for a moment where two clients push it at once.
                    image.config = image.layers[0].bytes = R"({"type":"envoy_proxy","name":")" + name + "\"}";
                    put("team/m" + name + ":v1", image);
                }
            });
        for (auto& pusher : pushers)
            pusher.join();
    }
    void accept(const std::string& password) { registry.setUsers({{"robot", "right"}, {"mesh", password}}); }
    std::string reference(int tag) const { return registry.host() + "/team/m" + std::to_string(tag) + ":v1"; }
};

/// About 200 requests a second: clients that ask for what is there, and agents that each ask for one new reference
/// after the other, as at the start of pods.
class Load {
public:
    static constexpr int Warm = 8;

    Load(const Upstream& upstream, const Proxy& proxy) : _upstream(upstream), _proxy(proxy) {
        for (int i = 0; i < 8; ++i)
            _threads.emplace_back([this, i] { ask(i); });
        for (unsigned i = 0; i < 3; ++i)
            _threads.emplace_back([this, i] { pull(i); });
    }
    ~Load() { stop(); }
    void stop() {
        _stopping = true;
        for (auto& thread : _threads)
            thread.join();
        _threads.clear();
    }
    std::string failures() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _failures;
    }

    std::atomic<int> warm{0};
    std::atomic<int> cold{0};
    std::atomic<int> attempts{0}; ///< of the agents
    std::atomic<int> agentFailures{0};
    std::atomic<int> warmFailures{0};
    std::atomic<int> next{Warm}; ///< the tag that nobody has asked for

private:
    void ask(int client) {
        auto at = Clock::now();
        for (int i = client; !_stopping; ++i) {
            const auto answer = _proxy.fetch(_upstream.reference(i % Warm));
            ++warm;
            if (answer.status != 200 || answer.cut) {
                ++warmFailures;
                note("warm: " + std::to_string(answer.status) + " " + answer.error + answer.body);
            }
            at = std::max(at + milliseconds(42), Clock::now());
            std::this_thread::sleep_until(at);
        }
    }
    void pull(unsigned number) {
        IstioAgent agent(IstioAgent::Timing(), number + 1);
        for (int tag = next++; !_stopping && tag < Tags; tag = next++) {
            const auto name = std::to_string(tag);
            const auto result =
                agent.fetch(_proxy.url(fetchPath(_upstream.reference(tag))), sha256Hex(uniqueModule(name, 20000)));
            ++cold;
            attempts += static_cast<int>(result.attempts.size());
            if (!result.loaded()) {
                ++agentFailures;
                note("agent: m" + name + " " + result.summary());
            }
            std::this_thread::sleep_for(milliseconds(100));
        }
    }
    void note(const std::string& failure) {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_failures.size() < 4000) _failures += failure + "\n";
    }

    const Upstream& _upstream;
    const Proxy& _proxy;
    std::atomic<bool> _stopping{false};
    mutable std::mutex _mutex;
    std::string _failures;
    std::vector<std::thread> _threads;
};

} // namespace

class RotationScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RotationScenarios);
    CPPUNIT_TEST(dockerConfigReplaced);
    CPPUNIT_TEST(passwordFileReplaced);
    CPPUNIT_TEST(secretVolumeSwapped);
    CPPUNIT_TEST(kubernetesSecretUpdated);
    CPPUNIT_TEST(vaultSecretWritten);
    CPPUNIT_TEST_SUITE_END();

    using Store = std::function<void(const std::string& password)>;
    TemporaryFolder _folder;

    static Upstream& upstream() {
        static Upstream upstream;
        return upstream;
    }
    static std::string host() { return upstream().registry.host(); }

    /// `section`: of the source; empty: the docker config that every Proxy has.
    static Proxy::Options options(const std::string& section) {
        Proxy::Options options{host()};
        options.user = "mesh";
        options.password = "first";
        if (section.empty()) return options;
        options.route = "credentials = rotated";
        options.more = "[credential.rotated]\n" + section;
        return options;
    }

    static void rotate(const std::string& name, const Proxy& proxy, const Store& store) {
        auto& registry = upstream();
        const bool quiet = quietMachine();
        registry.accept("first");
        store("first");
        for (int i = 0; i < Load::Warm; ++i) {
            IstioAgent agent;
            const auto result = agent.fetch(proxy.url(fetchPath(registry.reference(i))));
            CPPUNIT_ASSERT_MESSAGE(name + ": " + result.summary() + "\n" + proxy.log(), result.loaded());
        }
        const int refusedBefore = wrongPasswordsSeen(registry.registry);
        Load load(registry, proxy);
        const auto start = Clock::now();
        auto at = start;
        std::string password;
        for (int i = 0; i < Rotations; ++i) {
            password = name + "-" + std::to_string(i);
            registry.accept(password);
            std::this_thread::sleep_for(NewOnly);
            store(password);
            at = std::max(at + Period, Clock::now() + Period / 2);
            std::this_thread::sleep_until(at);
        }
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        load.stop();
        const int refused = wrongPasswordsSeen(registry.registry) - refusedBefore;
        const int requests = load.warm + load.attempts;
        std::cout << name << ": " << Rotations << " rotations in " << seconds << " s, " << requests << " requests ("
                  << requests / seconds << "/s), " << load.cold << " cold by agents in " << load.attempts
                  << " attempts, " << load.agentFailures << " agent failures, " << load.warmFailures
                  << " of what was there, " << refused << " upstream 401s\n";
        CPPUNIT_ASSERT_EQUAL_MESSAGE(load.failures(), 0, load.agentFailures.load());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(load.failures(), 0, load.warmFailures.load());
        CPPUNIT_ASSERT_MESSAGE("too little load", load.cold >= Rotations);
        if (quiet)
            CPPUNIT_ASSERT_MESSAGE("too little load", requests / seconds >= 150);
        else
            sayLeftOut("RotationScenarios", "that the 100 rotations of a source went beside 150 requests a second");
        CPPUNIT_ASSERT_MESSAGE("no pull ever met the old password: nothing was tried", refused > 0);
        CPPUNIT_ASSERT_MESSAGE("a registry would have locked the account", refused <= 4 * Rotations);
        // The last password is the one in use.
        CPPUNIT_ASSERT_MESSAGE("all references used up", load.next < Tags);
        const auto last = proxy.fetch(registry.reference(load.next++));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(last.body, 200, last.status);
        CPPUNIT_ASSERT(last.header("X-Cache") == "MISS");
    }

    void dockerConfigReplaced() {
        const Proxy proxy(options(""));
        rotate("docker-config", proxy,
               [&](const std::string& password) { proxy.setDockerConfig(dockerConfig(host(), "mesh", password)); });
    }

    void passwordFileReplaced() {
        const auto file = _folder.write("password", "first\n");
        const Proxy proxy(
            options("plugin = file\nregistry = " + host() + "\nusername = mesh\npassword-file = " + file));
        rotate("password-file", proxy,
               [&](const std::string& password) { replace(_folder.write("password.new", password + "\n"), file); });
    }

    /// As the kubelet does: a new folder, and `..data` led there.
    void secretVolumeSwapped() {
        namespace fs = std::filesystem;
        auto swap = [&, number = 0](const std::string& password) mutable {
            const auto old = "..v" + std::to_string(number);
            const auto fresh = "..v" + std::to_string(++number);
            _folder.write("volume/" + fresh + "/config.json", dockerConfig(host(), "mesh", password), 0644);
            fs::create_symlink(fresh, _folder / "volume/..data_tmp");
            replace(_folder / "volume/..data_tmp", _folder / "volume/..data");
            fs::remove_all(_folder / ("volume/" + old));
        };
        swap("first");
        fs::create_symlink("..data/config.json", _folder / "volume/config.json");
        const Proxy proxy(options("plugin = file\ndocker-config = " + (_folder / "volume/config.json")));
        rotate("volume", proxy, swap);
    }

    void kubernetesSecretUpdated() {
        KubeApi api;
        const auto store = [&](const std::string& password) {
            api.putRegistrySecret("istio-system", "regcred", host(), "mesh", password);
        };
        store("first");
        const auto access = _folder.write(
            "kubeconfig", "current-context: test\ncontexts: [{name: test, context: {cluster: c, namespace: "
                          "istio-system}}]\nclusters: [{name: c, cluster: {server: '" +
                              api.url() + "'}}]\n");
        const Proxy proxy(
            options("plugin = kubernetes\nnamespace = istio-system\nsecrets = regcred\nkubeconfig = " + access));
        rotate("kubernetes", proxy, store);
    }

    /// With its usual `refresh` of 5 s a secret may be that old; here it is replaced more often than that.
    void vaultSecretWritten() {
        VaultServer vault;
        vault.token("hvs.test");
        const auto store = [&](const std::string& password) {
            vault.write("secret/registries/" + host(), {{"username", "mesh"}, {"password", password}});
        };
        store("first");
        const Proxy proxy(options("plugin = vault\naddress = " + vault.url() +
                                  "\nauth = token\ntoken-file = " + _folder.write("token", "hvs.test") +
                                  "\npath = secret/data/registries/{host}\nrefresh = 100ms"));
        rotate("vault", proxy, store);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RotationScenarios);
