// SPDX-License-Identifier: Apache-2.0
// The whole first minute of a wrong password: takes that long.
#include "PasswordStorm.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy::test;

class LockoutMinuteScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LockoutMinuteScenarios);
    CPPUNIT_TEST(atMostTwoAttemptsInTheFirstMinute);
    CPPUNIT_TEST_SUITE_END();

    void atMostTwoAttemptsInTheFirstMinute() {
        PrivateRegistry upstream;
        Proxy::Options options{upstream.registry.host()};
        options.password = "wrong";
        options.pull = "hold = 2s";
        const Proxy proxy(options);
        const PasswordStorm storm(proxy, upstream.registry.host(), std::chrono::seconds(58));
        const int attempts = wrongPasswordsSeen(upstream.registry);
        std::cout << "wrong password, " << PasswordStorm::Clients << " clients, " << storm.refused
                  << " requests in a minute: " << attempts << " attempts upstream\n";
        CPPUNIT_ASSERT_EQUAL(0, storm.other.load());
        CPPUNIT_ASSERT(attempts == 1 || attempts == 2);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockoutMinuteScenarios);
