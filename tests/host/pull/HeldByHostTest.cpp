// SPDX-License-Identifier: Apache-2.0
#include "pull/HeldByHost.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using wasmproxy::test::expectError;

class HeldByHostTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HeldByHostTest);
    CPPUNIT_TEST(theLeastRecentlyUsedGoes);
    CPPUNIT_TEST(whatIsHeldStays);
    CPPUNIT_TEST_SUITE_END();

    HeldByHost<std::string> _table{2};
    std::string _made;
    std::string _dropped;

    std::shared_ptr<std::string> get(const std::string& host) {
        const auto make = [&] {
            _made += host;
            return std::make_shared<std::string>(host);
        };
        return _table.get(host, make, [&](const std::string& value) { _dropped += value; });
    }

    void theLeastRecentlyUsedGoes() {
        for (const char* host : {"a", "b", "a", "c"}) // however many there have been, two are known
            CPPUNIT_ASSERT_EQUAL(std::string(host), *get(host));
        CPPUNIT_ASSERT_EQUAL(std::string("b"), _dropped);
        get("a");
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), _made);
        std::string all;
        _table.each([&](const std::string& value) { all += value; });
        CPPUNIT_ASSERT_EQUAL(std::string("ac"), all);
    }

    void whatIsHeldStays() {
        auto a = get("a");
        auto b = get("b");
        expectError("full", ErrorCode::Busy, "from 2 hosts at the same time", [&] { get("c"); });
        CPPUNIT_ASSERT_EQUAL(std::string(), _dropped);
        b.reset();
        get("c");
        CPPUNIT_ASSERT_EQUAL(std::string("b"), _dropped);
        CPPUNIT_ASSERT(a == get("a"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HeldByHostTest);
