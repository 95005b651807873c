// SPDX-License-Identifier: Apache-2.0
// What one registry's failure costs the clients of another.
#include "Rig.h"

#include "support/FaultProxy.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

using namespace wasmproxy::test;

class IsolationScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IsolationScenarios);
    CPPUNIT_TEST(aBlackHoleLeavesTheOthersLatencyAlone);
    CPPUNIT_TEST_SUITE_END();

    static constexpr int Rounds = 6; ///< without and with the black hole in turn, so that the machine's moods even out
    static constexpr int Colds = 50; ///< per round, and as many hits

    static double p99(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values.at(values.size() * 99 / 100);
    }

    void aBlackHoleLeavesTheOthersLatencyAlone() {
        PrivateRegistry upstream;
        for (int i = 0; i < Rounds * Colds; ++i)
            upstream.put("team/m" + std::to_string(i) + ":v1", istioArtifact(uniqueModule(std::to_string(i), 20000)));
        FaultProxy hole(upstream.registry.port());
        hole.blackHole();
        const auto dark = "127.0.0.1:" + std::to_string(hole.port());
        Proxy::Options options{upstream.registry.host()};
        options.pull = "hold = 3s";
        options.more =
            "[backend.hole]\nplugin = oci\nplain-http = true\n[route.hole]\nmatch = " + dark + "/**\nbackend = hole\n";
        const Proxy proxy(options);
        const auto good = upstream.registry.host() + "/team/m";
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
                        if (proxy.fetch(dark + "/team/x" + name + ":v1").status == 503) ++held;
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
        CPPUNIT_ASSERT(ratio < 2);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IsolationScenarios);
