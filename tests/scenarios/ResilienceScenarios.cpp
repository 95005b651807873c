// SPDX-License-Identifier: Apache-2.0
// What happens when things fail around the proxy, or to it.
#include "Rig.h"

#include "support/FaultProxy.h"
#include "support/IstioAgent.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

using namespace wasmproxy::test;
using Kind = LoggedRequest::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ResilienceScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ResilienceScenarios);
    CPPUNIT_TEST(anAgentSurvivesAnUpstreamThatIsDownForTenSeconds);
    CPPUNIT_TEST(anAgentSurvivesAPasswordThatIsCorrectedAfterSixSeconds);
    CPPUNIT_TEST(aWrongPasswordIsShownOnce);
    CPPUNIT_TEST(aRestartNeedsNoRegistry);
    CPPUNIT_TEST(killedWhileItPulls);
    CPPUNIT_TEST(aTerminationLosesNoAnswer);
    CPPUNIT_TEST(aBlackHoleHoldsNobodyElse);
    CPPUNIT_TEST(aCutBodyIsNeverServed);
    CPPUNIT_TEST(aLateBodyIsNotBegun);
    CPPUNIT_TEST_SUITE_END();

    static std::string at(const FaultProxy& fault) { return "127.0.0.1:" + std::to_string(fault.port()); }
    static std::string temporaries(const Proxy& proxy) {
        return run("find", {proxy.blobs() + "/ingest", "-type", "f"});
    }
    /// Of more than a manifest, which is committed in no time.
    static std::string layerInProgress(const Proxy& proxy) {
        return run("find", {proxy.blobs() + "/ingest", "-type", "f", "-size", "+16k"});
    }

    void anAgentSurvivesAnUpstreamThatIsDownForTenSeconds() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("outage", 100000);
        upstream.push("team/outage:v1", module);
        FaultProxy fault(upstream.registry.port());
        fault.refuse();
        Proxy proxy({at(fault)});
        std::thread repair([&] {
            std::this_thread::sleep_for(seconds(10));
            fault.pass();
        });
        const auto result = IstioAgent().fetch(proxy.url(fetchPath(at(fault) + "/team/outage:v1")), sha256Hex(module));
        repair.join();
        CPPUNIT_ASSERT_MESSAGE(result.summary() + proxy.log(), result.loaded());
        std::cout << "upstream down for 10 s: " << result.summary() << "\n";
    }

    void anAgentSurvivesAPasswordThatIsCorrectedAfterSixSeconds() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("password");
        upstream.push("team/password:v1", module);
        Proxy::Options options{upstream.registry.host()};
        options.password = "wrong";
        Proxy proxy(options);
        std::thread repair([&] {
            std::this_thread::sleep_for(seconds(6));
            proxy.setDockerConfig(dockerConfig(upstream.registry.host(), "robot", "right"));
        });
        const auto result =
            IstioAgent().fetch(proxy.url(fetchPath(upstream.registry.host() + "/team/password:v1")), sha256Hex(module));
        repair.join();
        CPPUNIT_ASSERT_MESSAGE(result.summary() + proxy.log(), result.loaded());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), result.attempts.size()); // the hold carried it over
        std::cout << "password corrected after 6 s: " << result.summary() << "\n";
    }

    void aWrongPasswordIsShownOnce() {
        PrivateRegistry upstream;
        upstream.push("team/wrong:v1", uniqueModule("wrong"));
        Proxy::Options options{upstream.registry.host()};
        options.password = "wrong";
        options.pull = "hold = 2s";
        Proxy proxy(options);
        std::vector<std::thread> clients;
        std::atomic<int> refused{0};
        for (int i = 0; i < 30; ++i)
            clients.emplace_back([&] {
                for (int again = 0; again < 2; ++again) {
                    const auto answer = proxy.fetch(upstream.registry.host() + "/team/wrong:v1");
                    if (answer.status == 502) ++refused;
                }
            });
        for (auto& client : clients)
            client.join();
        CPPUNIT_ASSERT_EQUAL(60, refused.load());
        // One 401 to learn the challenge, one to the wrong password.
        const auto seen = upstream.registry.count("", Kind::Manifests, 401);
        std::cout << "wrong password, 60 requests: " << seen << " answered 401 upstream\n";
        CPPUNIT_ASSERT(seen <= 2);
    }

    void aRestartNeedsNoRegistry() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("restart");
        const auto digest = upstream.push("team/restart:v1", module);
        const auto reference = upstream.registry.host() + "/team/restart:v1";
        Proxy::Options options{upstream.registry.host()};
        options.route = "tag-ttl = 1s";
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(reference).status);
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
        upstream.registry.stop();
        std::this_thread::sleep_for(milliseconds(1100));
        proxy.start();
        const auto stale = proxy.fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, stale.status);
        CPPUNIT_ASSERT(stale.body == module);
        CPPUNIT_ASSERT_EQUAL(std::string("STALE"), stale.header("X-Cache"));
        CPPUNIT_ASSERT(!stale.header("Warning").empty());
        CPPUNIT_ASSERT(stale.seconds < 3);
        const auto pinned = proxy.fetch(upstream.registry.host() + "/team/restart@" + digest);
        CPPUNIT_ASSERT_EQUAL(std::string("HIT"), pinned.header("X-Cache")); // a digest does not age
    }

    void killedWhileItPulls() {
        PrivateRegistry upstream;
        const auto kept = uniqueModule("kept", 50000);
        const auto big = uniqueModule("big", 4 << 20);
        upstream.push("team/kept:v1", kept);
        upstream.push("team/big:v1", big);
        FaultProxy fault(upstream.registry.port());
        Proxy proxy({at(fault)});
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(at(fault) + "/team/kept:v1").status);
        for (int round = 0; round < 3; ++round) {
            fault.slow(400000);
            std::thread client([&] { proxy.fetch(at(fault) + "/team/big:v1"); });
            for (int i = 0; i < 400 && layerInProgress(proxy).empty(); ++i)
                std::this_thread::sleep_for(milliseconds(20));
            CPPUNIT_ASSERT_MESSAGE("a pull is in progress", !layerInProgress(proxy).empty());
            proxy.kill9();
            client.join();
            CPPUNIT_ASSERT(!temporaries(proxy).empty());
            proxy.start();
            CPPUNIT_ASSERT_EQUAL(std::string(), temporaries(proxy));
            fault.refuse();
            const auto survivor = proxy.fetch(at(fault) + "/team/kept:v1");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, survivor.status);
            CPPUNIT_ASSERT(survivor.body == kept);
        }
        fault.pass();
        CPPUNIT_ASSERT(proxy.fetch(at(fault) + "/team/big:v1").body == big);
    }

    void aTerminationLosesNoAnswer() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("drain", 1 << 20);
        upstream.push("team/drain:v1", module);
        FaultProxy fault(upstream.registry.port());
        fault.slow(500000); // two seconds for the pull
        Proxy proxy({at(fault)});
        HttpAnswer answer;
        std::thread client([&] { answer = proxy.fetch(at(fault) + "/team/drain:v1"); });
        for (int i = 0; i < 200 && proxy.metric("wasm_proxy_waiters") < 1; ++i)
            std::this_thread::sleep_for(milliseconds(20));
        proxy.child().signal(SIGTERM);
        std::this_thread::sleep_for(milliseconds(100));
        const auto ready = proxy.health("/readyz").status; // off at once, or the listener is gone already
        CPPUNIT_ASSERT(ready == 503 || ready == 0);
        const auto code = proxy.child().wait(seconds(30));
        client.join();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), code && *code == 0);

        // A second signal does not cut a drain short, and a pull that nobody waits for does not hold the end up.
        fault.blackHole();
        proxy.start();
        std::thread leaver(
            [&] { HttpClient(proxy.dataPort()).get(fetchPath(at(fault) + "/team/other:v1"), {}, milliseconds(300)); });
        leaver.join();
        const auto begun = std::chrono::steady_clock::now();
        proxy.child().signal(SIGTERM);
        proxy.child().signal(SIGTERM);
        const auto second = proxy.child().wait(seconds(30));
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), second && *second == 0);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        std::cout << "stopped in " << took.count() << " s with a pull that hangs\n";
        CPPUNIT_ASSERT(took < seconds(15));
    }

    void aBlackHoleHoldsNobodyElse() {
        PrivateRegistry upstream;
        FaultProxy fault(upstream.registry.port());
        fault.blackHole();
        Proxy::Options options{upstream.registry.host()};
        options.pull = "hold = 3s";
        options.more = "[route.hole]\nmatch = " + at(fault) + "/**\nbackend = private\n";
        Proxy proxy(options);
        upstream.push("team/quick:v1", uniqueModule("quick"));
        std::vector<std::thread> stuck;
        std::atomic<int> unavailable{0};
        for (int i = 0; i < 40; ++i) // more than there are workers
            stuck.emplace_back([&, i] {
                if (proxy.fetch(at(fault) + "/team/m" + std::to_string(i) + ":v1").status == 503) ++unavailable;
            });
        std::this_thread::sleep_for(milliseconds(500));
        const auto quick = proxy.fetch(upstream.registry.host() + "/team/quick:v1");
        CPPUNIT_ASSERT_EQUAL(200, quick.status);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(quick.seconds), quick.seconds < 1.5);
        for (auto& each : stuck)
            each.join();
        CPPUNIT_ASSERT_EQUAL(40, unavailable.load());
    }

    void aCutBodyIsNeverServed() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("cut", 300000);
        upstream.push("team/cut:v1", module);
        FaultProxy fault(upstream.registry.port());
        Proxy proxy({at(fault)});
        for (const int bytes : {1, 500, 2000, 60000, 250000}) {
            fault.cutAfter(static_cast<std::uint64_t>(bytes));
            const auto answer = proxy.get(fetchPath(at(fault) + "/team/cut:v1"), {}, seconds(1));
            CPPUNIT_ASSERT_MESSAGE(std::to_string(bytes), answer.status != 200 || answer.body == module);
        }
        fault.pass();
        const auto whole = proxy.fetch(at(fault) + "/team/cut:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, whole.status);
        CPPUNIT_ASSERT(whole.body == module);
    }

    void aLateBodyIsNotBegun() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("late", 3 << 20);
        upstream.push("team/late:v1", module);
        FaultProxy fault(upstream.registry.port());
        fault.slow(1500000); // two seconds and more for the pull
        Proxy::Options options{at(fault)};
        // 3 MiB at 1 MiB/s fit in four seconds, but not in what is left of them after the pull.
        options.pull = "hold = 3900ms\nagent-timeout = 4s\nagent-rate = 1MiB";
        Proxy proxy(options);
        IstioAgent::Timing timing;
        timing.attempt = seconds(4);
        const auto result =
            IstioAgent(timing).fetch(proxy.url(fetchPath(at(fault) + "/team/late:v1")), sha256Hex(module));
        CPPUNIT_ASSERT_MESSAGE(result.summary() + proxy.log(), result.loaded());
        CPPUNIT_ASSERT(result.attempts.size() >= 2);
        CPPUNIT_ASSERT_EQUAL(503, result.attempts.front().status);
        CPPUNIT_ASSERT_EQUAL(200, result.attempts.back().status);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ResilienceScenarios);
