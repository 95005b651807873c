// SPDX-License-Identifier: Apache-2.0
#include "freshness/Absences.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy::host;
using std::chrono::seconds;

class AbsencesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AbsencesTest);
    CPPUNIT_TEST(believedAfterAWhile);
    CPPUNIT_TEST(whatCameBackBeginsAnew);
    CPPUNIT_TEST(noMoreThanThereIsRoomFor);
    CPPUNIT_TEST_SUITE_END();

    const Absences::Clock::time_point _now = Absences::Clock::now();

    void believedAfterAWhile() {
        Absences absences(seconds(30));
        CPPUNIT_ASSERT(!absences.believed("a", _now));
        CPPUNIT_ASSERT(!absences.believed("a", _now + seconds(29)));
        CPPUNIT_ASSERT(!absences.believed("b", _now + seconds(29)));
        CPPUNIT_ASSERT(absences.believed("a", _now + seconds(30)));
        CPPUNIT_ASSERT(absences.believed("a", _now + seconds(3000)));
        Absences none(seconds(0));
        CPPUNIT_ASSERT(none.believed("a", _now));
    }

    void whatCameBackBeginsAnew() {
        Absences absences(seconds(30));
        CPPUNIT_ASSERT(!absences.believed("a", _now));
        absences.forget("a");
        CPPUNIT_ASSERT(!absences.believed("a", _now + seconds(40)));
        CPPUNIT_ASSERT(absences.believed("a", _now + seconds(70)));
    }

    void noMoreThanThereIsRoomFor() {
        Absences absences(seconds(30), 2);
        for (const char* key : {"a", "b", "c"})
            CPPUNIT_ASSERT(!absences.believed(key, _now));
        int kept = 0;
        for (const char* key : {"c", "b", "a"})
            kept += absences.believed(key, _now + seconds(60)) ? 1 : 0;
        CPPUNIT_ASSERT(kept <= 2);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AbsencesTest);
