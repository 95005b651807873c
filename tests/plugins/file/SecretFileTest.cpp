// SPDX-License-Identifier: Apache-2.0
#include "SecretFile.h"

#include <cppunit/extensions/HelperMacros.h>

#include <ctime>

using wasmproxy::file::FileIdentity;

class SecretFileTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecretFileTest);
    CPPUNIT_TEST(everyPartOfTheIdentityCounts);
    CPPUNIT_TEST(aYoungFileIsNotSettled);
    CPPUNIT_TEST_SUITE_END();

public:
    void everyPartOfTheIdentityCounts() {
        const FileIdentity one{1, 2, 3, {4, 5}, {6, 7}, 0600};
        CPPUNIT_ASSERT(one == FileIdentity(one));
        for (const FileIdentity& other : {FileIdentity{9, 2, 3, {4, 5}, {6, 7}, 0600},
                                          {1, 9, 3, {4, 5}, {6, 7}, 0600},
                                          {1, 2, 9, {4, 5}, {6, 7}, 0600},
                                          {1, 2, 3, {9, 5}, {6, 7}, 0600},
                                          {1, 2, 3, {4, 9}, {6, 7}, 0600},
                                          {1, 2, 3, {4, 5}, {9, 7}, 0600},
                                          {1, 2, 3, {4, 5}, {6, 9}, 0600},
                                          {1, 2, 3, {4, 5}, {6, 7}, 0644}})
            CPPUNIT_ASSERT(one != other);
    }

    void aYoungFileIsNotSettled() {
        const auto settled = [](std::time_t age) {
            FileIdentity identity;
            identity.changed.tv_sec = std::time(nullptr) - age;
            return identity.settled();
        };
        CPPUNIT_ASSERT(!settled(0));
        CPPUNIT_ASSERT(!settled(1));
        CPPUNIT_ASSERT(!settled(-3600)); // the clock was put back
        CPPUNIT_ASSERT(settled(10));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SecretFileTest);
