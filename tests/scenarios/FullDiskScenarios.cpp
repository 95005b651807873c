// SPDX-License-Identifier: Apache-2.0
#include "Mount.h"
#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <filesystem>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A disk that is smaller than the cache's capacity, and full.
class FullDiskScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FullDiskScenarios);
    CPPUNIT_TEST(roomIsMadeOnceTheGraceTimeIsOver);
    CPPUNIT_TEST_SUITE_END();

protected:
    void roomIsMadeOnceTheGraceTimeIsOver() {
        PrivateRegistry upstream;
        const auto reference = [&](int i) { return upstream.registry.host() + "/team/full:v" + std::to_string(i); };
        const auto module = [](int i) { return uniqueModule("room " + std::to_string(i), 100000); };
        for (int i = 0; i < 14; ++i)
            upstream.put("team/full:v" + std::to_string(i), istioArtifact(module(i)));
        Proxy proxy({upstream.registry.host()});
        const auto small = smallDisk(proxy);
        if (!small) return;
        const auto serve = [&](int i) {
            const auto answer = proxy.fetch(reference(i));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(i) + "\n" + proxy.log(), 200, answer.status);
            CPPUNIT_ASSERT(answer.body == module(i));
        };
        const auto onDisk = [&](int i) { return std::filesystem::exists(proxy.blobOf(module(i))); };
        for (int i = 0; i < 12; ++i)
            serve(i); // the last ones from memory
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), onDisk(0) && !onDisk(11));
        std::this_thread::sleep_for(seconds(61)); // what is younger stays
        serve(12);
        for (int i = 0; i < 300 && onDisk(0); ++i)
            std::this_thread::sleep_for(milliseconds(100));
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), !onDisk(0)); // used least recently
        std::this_thread::sleep_for(seconds(6));         // then the disk is tried again
        serve(13);
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), onDisk(13));
        for (int i = 0; i < 14; ++i)
            serve(i);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FullDiskScenarios);
