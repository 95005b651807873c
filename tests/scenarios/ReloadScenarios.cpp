// SPDX-License-Identifier: Apache-2.0
// The configuration changes while clients fetch: whole and at once, or not at all.
#include "QuietMachine.h"
#include "Rig.h"

#include "support/IstioAgent.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

const std::string Applied = "wasm_proxy_reloads_total{result=\"applied\"}";
const std::string Refused = "wasm_proxy_reloads_total{result=\"refused\"}";

template <class Condition>
bool within(milliseconds time, Condition condition) {
    for (const auto end = Clock::now() + time; Clock::now() < end; std::this_thread::sleep_for(milliseconds(5)))
        if (condition()) return true;
    return condition();
}

} // namespace

class ReloadScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReloadScenarios);
    CPPUNIT_TEST(aChangeIsInForceAtOnceAndABrokenFileNever);
    CPPUNIT_TEST(whatTakesARestartIsSaid);
    CPPUNIT_TEST(cachesTakeANewCapacityAndNothingElse);
    CPPUNIT_TEST(aChangedFileIsReadWhereThatIsAskedFor);
    CPPUNIT_TEST(aThousandReloadsUnderLoadFailNobody);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { _registry = std::make_unique<PrivateRegistry>(); }
    void tearDown() override { _registry.reset(); }

private:
    std::unique_ptr<PrivateRegistry> _registry; // made for each test: CppUnit keeps all fixtures from the start

    /// Only team/** is routed.
    Proxy::Options options() {
        Proxy::Options options;
        options.registryHost = _registry->registry.host() + "/team";
        return options;
    }
    std::unique_ptr<Proxy> start(const std::string& more = {}) {
        auto given = options();
        given.more = more;
        auto proxy = std::make_unique<Proxy>(given);
        proxy->setDockerConfig(dockerConfig(_registry->registry.host(), "robot", "right"));
        return proxy;
    }
    std::string otherRoute() const {
        return "\n[route.other]\nmatch = " + _registry->registry.host() + "/other/**\nbackend = private\n";
    }
    static void write(const Proxy& proxy, const std::string& text) {
        const auto aside = proxy.folder().write("wasm-proxy.ini.new", text);
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), proxy.configuration().c_str()));
    }
    static void assertHas(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("expected " + part + " in " + text, text.find(part) != std::string::npos);
    }
    /// SIGHUP, and waits until it has been answered.
    static void reload(Proxy& proxy) {
        const auto before = proxy.metric(Applied) + proxy.metric(Refused);
        proxy.child().signal(SIGHUP);
        CPPUNIT_ASSERT_MESSAGE("no reload:\n" + proxy.log(), within(std::chrono::seconds(10), [&] {
                                   return proxy.metric(Applied) + proxy.metric(Refused) > before;
                               }));
    }

public:
    void aChangeIsInForceAtOnceAndABrokenFileNever() {
        _registry->put("other/authz:v1", istioArtifact(uniqueModule("other")));
        const auto proxy = start();
        const auto good = readFile(proxy->configuration());
        const auto reference = _registry->registry.host() + "/other/authz:v1";
        CPPUNIT_ASSERT_EQUAL(404, proxy->fetch(reference).status);
        write(*proxy, good + otherRoute());
        CPPUNIT_ASSERT_EQUAL(404, proxy->fetch(reference).status); // nobody asked for it yet
        reload(*proxy);
        CPPUNIT_ASSERT_EQUAL(200, proxy->fetch(reference).status);

        write(*proxy, good + "\n[route.other]\nmatch = a**b\nbakend = x\n");
        reload(*proxy);
        CPPUNIT_ASSERT_EQUAL(1.0, proxy->metric(Refused));
        CPPUNIT_ASSERT_EQUAL(200, proxy->fetch(reference).status);
        for (const char* words : {"configuration refused", "route.other.match", "route.other.bakend"})
            CPPUNIT_ASSERT_MESSAGE(std::string(words) + " in\n" + proxy->log(),
                                   proxy->log().find(words) != std::string::npos);

        write(*proxy, good); // the right is taken back: cache is not permission
        reload(*proxy);
        CPPUNIT_ASSERT_EQUAL(404, proxy->fetch(reference).status);
        // What did not change was not made again.
        CPPUNIT_ASSERT_EQUAL(
            1.0, proxy->metric(
                     R"(wasm_proxy_plugin_calls_total{component="credential.team",method="create",result="success"})"));
    }

    void whatTakesARestartIsSaid() {
        const auto proxy = start();
        auto text = readFile(proxy->configuration());
        const auto listen = text.find("listen = ");
        text.replace(listen, text.find('\n', listen) - listen, "listen = 127.0.0.1:1");
        write(*proxy, text + otherRoute());
        reload(*proxy);
        CPPUNIT_ASSERT_EQUAL(1.0, proxy->metric(Applied));
        CPPUNIT_ASSERT_MESSAGE(proxy->log(), proxy->log().find("key=dataplane.listen") != std::string::npos);
        CPPUNIT_ASSERT(proxy->fetch(_registry->registry.host() + "/team/none:v1").status != 0); // still where it was
        // For as long as that is so, and beside what is in force.
        const auto shown = proxy->admin("/api/v1/configuration").body;
        assertHas(shown, R"("restartNeeded":["dataplane.listen"])");
        assertHas(shown, R"({"key":"listen","value":"127.0.0.1:)" + std::to_string(proxy->dataPort()) + '"');
        CPPUNIT_ASSERT_MESSAGE(shown, shown.find("\"127.0.0.1:1\"") == std::string::npos);
        assertHas(shown, R"("name":"route.other")");
    }

    /// A cache's capacity counts at once, be it the main one's or a faster one's; what it is made of does not.
    void cachesTakeANewCapacityAndNothingElse() {
        auto given = options();
        given.pull = "caches = hot, main";
        given.more = "[cache.hot]\nplugin = memory\nmax-bytes = 64MiB\ncapacity = 40MiB\n";
        Proxy proxy(given);
        const auto good = readFile(proxy.configuration());
        const auto with = [&](std::string text, const std::string& old, const std::string& other) {
            text.replace(text.find(old), old.size(), other);
            write(proxy, text);
            reload(proxy);
            CPPUNIT_ASSERT_MESSAGE(proxy.log(), proxy.metric(Refused) == 0);
            return proxy.admin("/api/v1/cache").body;
        };
        const std::string hot = R"("capacity":41943040,)", main = R"("capacity":10737418240,)";
        assertHas(with(good, "40MiB", "1MiB"), R"("capacity":1048576,)");
        assertHas(with(good, "[cache.main]\n", "[cache.main]\ncapacity = 1GiB\n"), R"("capacity":1073741824,)");
        for (const auto& tiers : {with(good, "max-bytes = 64MiB\ncapacity = 40MiB", "max-bytes = 1GiB"),
                                  with(good, "caches = hot, main", "caches = main")}) {
            assertHas(tiers, hot);
            assertHas(tiers, main);
        }
        assertHas(proxy.admin("/api/v1/configuration").body, R"("name":"cache.hot")");
        assertHas(proxy.admin("/api/v1/configuration").body, R"("restartNeeded":["pull.caches","cache"])");
    }

    void aChangedFileIsReadWhereThatIsAskedFor() {
        _registry->put("other/authz:v2", istioArtifact(uniqueModule("watched")));
        const auto proxy = start("[reload]\non-change = true\n");
        write(*proxy, readFile(proxy->configuration()) + otherRoute());
        CPPUNIT_ASSERT_MESSAGE(proxy->log(), within(std::chrono::seconds(10), [&] {
                                   return proxy->fetch(_registry->registry.host() + "/other/authz:v2").status == 200;
                               }));
    }

    void aThousandReloadsUnderLoadFailNobody() {
        constexpr int Reloads = 1000;
        constexpr int Tags = 60;
        for (int i = 0; i < Tags; ++i)
            _registry->put("team/m" + std::to_string(i) + ":v1", istioArtifact(uniqueModule(std::to_string(i))));
        const bool quiet = quietMachine();
        const auto proxy = start();
        const auto good = readFile(proxy->configuration());
        const auto reference = [&](int i) {
            return _registry->registry.host() + "/team/m" + std::to_string(i) + ":v1";
        };
        CPPUNIT_ASSERT_EQUAL(200, proxy->fetch(reference(0)).status);

        std::atomic<bool> done{false};
        std::atomic<int> asked{0}, failed{0};
        std::vector<std::thread> clients;
        const auto begun = Clock::now();
        for (int c = 0; c < 5; ++c)
            clients.emplace_back([&, c] {
                for (int i = 0; !done; ++i) {
                    // Some 500 a second in all; now and then one that must be pulled.
                    std::this_thread::sleep_until(begun + milliseconds(10 * i));
                    const int cold = c + 5 * (i / 200);
                    const auto answer = proxy->fetch(reference(i % 200 == 0 && cold < Tags ? cold : 0));
                    ++asked;
                    if (answer.status != 200 || answer.cut) {
                        ++failed;
                        std::cout << answer.status << answer.error << answer.body << "\n";
                    }
                }
            });
        for (int i = 0; i < Reloads; ++i) {
            const bool broken = i % 2 == 1;
            write(*proxy, broken ? good.substr(0, good.size() / 2) + "\n[route.x]\nmatch = **\nnonsense = 1\n"
                                 : good + "\n[route.r" + std::to_string(i % 7) + "]\nmatch = r" + std::to_string(i) +
                                       ".example/**\n");
            reload(*proxy);
        }
        done = true;
        for (auto& client : clients)
            client.join();
        const auto seconds = std::chrono::duration<double>(Clock::now() - begun).count();
        std::cout << Reloads << " reloads in " << seconds << " s beside " << asked << " requests ("
                  << static_cast<int>(asked / seconds) << "/s): " << failed << " failed\n";
        CPPUNIT_ASSERT_EQUAL(Reloads / 2 + 0.0, proxy->metric(Applied));
        CPPUNIT_ASSERT_EQUAL(Reloads / 2 + 0.0, proxy->metric(Refused));
        CPPUNIT_ASSERT_EQUAL(0, failed.load());
        if (quiet)
            CPPUNIT_ASSERT_MESSAGE("too little load", asked / seconds >= 450);
        else
            sayLeftOut("ReloadScenarios", "that 1,000 reloads went beside 500 requests a second");
        // In force is the last that was good, and nothing of what came before it or was broken.
        const auto routes = proxy->admin("/api/v1/routes").body;
        const auto at = routes.find(".example");
        CPPUNIT_ASSERT_MESSAGE(routes,
                               routes.find("\"r" + std::to_string(Reloads - 2) + ".example") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(routes, at, routes.rfind(".example"));
        CPPUNIT_ASSERT_MESSAGE(routes, routes.find("\"**\"") == std::string::npos);
        CPPUNIT_ASSERT(proxy->running());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReloadScenarios);
