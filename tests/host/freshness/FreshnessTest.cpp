// SPDX-License-Identifier: Apache-2.0
#include "freshness/Freshness.h"
#include "freshness/ErrorMemory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using std::chrono::milliseconds;
using std::chrono::seconds;

class FreshnessTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FreshnessTest);
    CPPUNIT_TEST(byAge);
    CPPUNIT_TEST(aValidationToComeIsPastItsTime);
    CPPUNIT_TEST(theLongestSettingsDoNotOverflow);
    CPPUNIT_TEST(errorsAreForgottenInTime);
    CPPUNIT_TEST(noMoreErrorsThanThereIsRoomFor);
    CPPUNIT_TEST_SUITE_END();

    const std::chrono::system_clock::time_point _now = std::chrono::system_clock::now();

    std::string after(milliseconds age, const FreshnessRules& rules = {seconds(60), seconds(600)}) const {
        return nameOf(rules.at(_now - age, _now));
    }

    void byAge() {
        CPPUNIT_ASSERT_EQUAL(std::string("fresh"), after(seconds(0)));
        CPPUNIT_ASSERT_EQUAL(std::string("fresh"), after(milliseconds(59999)));
        CPPUNIT_ASSERT_EQUAL(std::string("stale"), after(seconds(60)));
        CPPUNIT_ASSERT_EQUAL(std::string("stale"), after(milliseconds(659999)));
        CPPUNIT_ASSERT_EQUAL(std::string("expired"), after(seconds(660)));
        CPPUNIT_ASSERT_EQUAL(std::string("stale"), after(seconds(0), {seconds(0), seconds(1)}));
        CPPUNIT_ASSERT_EQUAL(std::string("expired"), after(seconds(0), {seconds(0), seconds(0)}));
    }

    void aValidationToComeIsPastItsTime() {
        for (const auto ahead : {milliseconds(1), milliseconds(seconds(30)), milliseconds(std::chrono::hours(100000))})
            CPPUNIT_ASSERT_EQUAL(std::string("stale"), after(-ahead));
    }

    void theLongestSettingsDoNotOverflow() {
        const auto longest = std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds::max());
        CPPUNIT_ASSERT_EQUAL(std::string("fresh"), after(seconds(1), {longest, longest}));
        CPPUNIT_ASSERT_EQUAL(std::string("stale"), after(seconds(1), {seconds(0), longest}));
    }

    void errorsAreForgottenInTime() {
        ErrorMemory memory;
        const Error error(ErrorCode::ManifestUnknown, "no such tag");
        memory.remember("a", error, ErrorMemory::Clock::now() + milliseconds(30));
        memory.remember("b", error, ErrorMemory::Clock::now() + seconds(60));
        CPPUNIT_ASSERT(memory.find("a"));
        std::this_thread::sleep_for(milliseconds(40));
        CPPUNIT_ASSERT(!memory.find("a"));
        CPPUNIT_ASSERT(memory.find("b")->error.code() == ErrorCode::ManifestUnknown);
        memory.forget("b");
        CPPUNIT_ASSERT(!memory.find("b"));
    }

    void noMoreErrorsThanThereIsRoomFor() {
        ErrorMemory memory(3);
        for (int i = 0; i < 100; ++i)
            memory.remember(std::to_string(i), Error(ErrorCode::Internal, ""), ErrorMemory::Clock::now() + seconds(60));
        int kept = 0;
        for (int i = 0; i < 100; ++i)
            kept += memory.find(std::to_string(i)).has_value();
        CPPUNIT_ASSERT_EQUAL(3, kept);
        CPPUNIT_ASSERT(memory.find("99"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FreshnessTest);
