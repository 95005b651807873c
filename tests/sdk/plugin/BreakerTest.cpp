// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Breaker.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using Admission = Breaker::Admission;

class BreakerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BreakerTest);
    CPPUNIT_TEST(opensAfterFailuresInARow);
    CPPUNIT_TEST(oneTriesAfterEachPause);
    CPPUNIT_TEST(pausesGrowToTheirBound);
    CPPUNIT_TEST(saysEachOnce);
    CPPUNIT_TEST_SUITE_END();

    Breaker::Clock::time_point now{};
    std::vector<std::string> lines;
    Breaker breaker{[this](bool good, const std::string& line) { lines.push_back((good ? "+" : "-") + line); },
                    [this] { return now; }};

    void fail(int times) {
        for (int i = 0; i < times; ++i)
            breaker.failed(breaker.admit(), "down");
    }
    bool refused() {
        const auto admission = breaker.admit();
        if (admission != Admission::Refused) breaker.undecided(admission);
        return admission == Admission::Refused;
    }

public:
    void opensAfterFailuresInARow() {
        fail(2);
        breaker.succeeded(breaker.admit());
        fail(2);
        breaker.undecided(breaker.admit()); // counts neither way
        CPPUNIT_ASSERT(!refused());
        CPPUNIT_ASSERT_EQUAL(std::string(), breaker.reason());
        fail(1);
        CPPUNIT_ASSERT(refused());
        CPPUNIT_ASSERT_EQUAL(std::string("down"), breaker.reason());
    }

    void oneTriesAfterEachPause() {
        fail(3);
        now += 399ms;
        CPPUNIT_ASSERT(refused());
        now += 202ms;
        const auto probe = breaker.admit();
        CPPUNIT_ASSERT(probe == Admission::Probe);
        CPPUNIT_ASSERT(refused());
        breaker.undecided(probe);
        const auto second = breaker.admit();
        CPPUNIT_ASSERT(second == Admission::Probe);
        breaker.succeeded(second);
        CPPUNIT_ASSERT(breaker.admit() == Admission::Usual);
        fail(2);
        CPPUNIT_ASSERT(!refused()); // it counts from the beginning again
    }

    void pausesGrowToTheirBound() {
        fail(3);
        for (const auto expected : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 30000ms, 30000ms}) {
            now += expected * 79 / 100;
            CPPUNIT_ASSERT_MESSAGE(std::to_string(expected.count()), refused());
            now += expected * 42 / 100;
            const auto probe = breaker.admit();
            CPPUNIT_ASSERT_MESSAGE(std::to_string(expected.count()), probe == Admission::Probe);
            breaker.failed(probe, "still down");
        }
        CPPUNIT_ASSERT_EQUAL(std::string("still down"), breaker.reason());
    }

    void saysEachOnce() {
        fail(3);
        now += 1s;
        breaker.failed(breaker.admit(), "still down");
        now += 4s;
        breaker.succeeded(breaker.admit());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), lines.size());
        CPPUNIT_ASSERT_EQUAL(std::string("-down; after 3 failures"), lines[0].substr(0, 23));
        CPPUNIT_ASSERT_EQUAL(std::string("+answers again, after 5 s"), lines[1]);
        breaker.silence();
        fail(3);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), lines.size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BreakerTest);

} // namespace
} // namespace wasmproxy::test
