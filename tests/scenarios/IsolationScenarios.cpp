// SPDX-License-Identifier: Apache-2.0
// What one registry's failure costs the clients of another.
#include "QuietMachine.h"
#include "Rig.h"

#include "support/FaultProxy.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

using namespace wasmproxy::test;

class IsolationScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IsolationScenarios);
    CPPUNIT_TEST(aBlackHoleLeavesTheOthersLatencyAlone);
    CPPUNIT_TEST_SUITE_END();

    static constexpr int Rounds = 6; ///< without and with the black hole in turn, so that the machine's moods even out
    static constexpr int Colds = 50; ///< per round, and as many hits
    static constexpr int Tries = 3;  ///< what a black hole costs, it costs each time; what else runs here does not
    static constexpr double Allowed = 1.1;

    static double p99(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values.at(values.size() * 99 / 100);
    }
    static void push(const PrivateRegistry& upstream, int series) {
        std::vector<std::thread> clients;
        for (int client = 0; client < 4; ++client)
            clients.emplace_back([&, client] {
                for (int i = client; i < Rounds * Colds; i += 4) {
                    const auto name = std::to_string(series) + "-" + std::to_string(i);
                    upstream.put("team/m" + name + ":v1", istioArtifact(uniqueModule(name, 20000)));
                }
            });
        for (auto& each : clients)
            each.join();
    }

    void aBlackHoleLeavesTheOthersLatencyAlone() {
        const PrivateRegistry upstream;
        FaultProxy hole(upstream.registry.port());
        hole.blackHole();
        const auto dark = "127.0.0.1:" + std::to_string(hole.port());
        Proxy::Options options{upstream.registry.host()};
        options.pull = "hold = 3s";
        options.more =
            "[backend.hole]\nplugin = oci\nplain-http = true\n[route.hole]\nmatch = " + dark + "/**\nbackend = hole\n";
        const Proxy proxy(options);
        const auto good = upstream.registry.host() + "/team/m";
        const bool wasQuiet = quietMachine();
        double ratio = 0;
        for (int series = 0; series < Tries && (series == 0 || ratio >= Allowed); ++series) {
            push(upstream, series);
            ratio = measure(proxy, good + std::to_string(series) + "-", dark + "/team/x" + std::to_string(series));
        }
        if (!wasQuiet)
            sayLeftOut("IsolationScenarios",
                       "that a black hole costs other registries no more than a tenth (twofold was)");
        CPPUNIT_ASSERT(ratio < (wasQuiet ? Allowed : 2));
    }

    static double measure(const Proxy& proxy, const std::string& good, const std::string& dark) {
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(good + "0:v1").status);
        std::vector<double> alone;
        std::vector<double> beside;
        int lost = 0;
        for (int round = 0; round < Rounds; ++round) {
            const bool withHole = round % 2 == 1;
            std::atomic<bool> stop{false};
            std::atomic<int> held{0};
            std::vector<std::thread> stuck;
            for (int i = 0; withHole && i < 20; ++i)
                stuck.emplace_back([&, i] {
                    for (int again = 0; !stop; ++again) {
                        const auto name = std::to_string(round) + "-" + std::to_string(i) + "-" + std::to_string(again);
                        if (proxy.fetch(dark + name + ":v1").status == 503) ++held;
                    }
                });
            if (withHole) std::this_thread::sleep_for(std::chrono::milliseconds(300));
            for (int i = 0; i < Colds; ++i) {
                for (const auto& reference : {good + std::to_string(round * Colds + i) + ":v1", good + "0:v1"}) {
                    const auto answer = proxy.fetch(reference);
                    lost += answer.status == 200 ? 0 : 1;
                    (withHole ? beside : alone).push_back(answer.seconds * 1000);
                }
            }
            stop = true;
            for (auto& each : stuck)
                each.join();
            CPPUNIT_ASSERT_EQUAL(withHole, held > 0);
        }
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 0, lost);
        CPPUNIT_ASSERT_EQUAL(std::size_t(300), beside.size());
        const double ratio = p99(beside) / p99(alone);
        std::cout << "p99 of 300 hits and cold pulls: " << p99(alone) << " ms, beside a black hole with 20 requests "
                  << p99(beside) << " ms: x " << ratio << "\n";
        return ratio;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IsolationScenarios);
