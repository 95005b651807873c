// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Call.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy {
namespace {

const std::string TraceId = "0af7651916cd43dd8448eb211c80319c";
const std::string Parent = "00-" + TraceId + "-b7ad6b7169203331-01";

} // namespace

class TraceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TraceTest);
    CPPUNIT_TEST(whatIsWellFormedIsTaken);
    CPPUNIT_TEST(whatIsMalformedIsNoTrace);
    CPPUNIT_TEST(laterVersionsAreReadAsFarAsKnown);
    CPPUNIT_TEST(theStateIsBoundedAndPrintable);
    CPPUNIT_TEST(theParentIsThatOfTheNewSpan);
    CPPUNIT_TEST(partsOfACallBelongToItsTrace);
    CPPUNIT_TEST_SUITE_END();

public:
    void whatIsWellFormedIsTaken() {
        const auto trace = Trace::parse(Parent, "vendor=1,other=a b");
        CPPUNIT_ASSERT(!trace.empty());
        CPPUNIT_ASSERT_EQUAL(TraceId, trace.traceId());
        CPPUNIT_ASSERT_EQUAL(std::string("vendor=1,other=a b"), trace.state());
        CPPUNIT_ASSERT(Trace().empty());
    }

    void whatIsMalformedIsNoTrace() {
        const auto with = [](std::size_t at, const std::string& text) {
            auto parent = Parent;
            return parent.replace(at, text.size(), text);
        };
        for (const std::string& bad : {std::string(),
                                       std::string("00"),
                                       Parent.substr(0, 54),
                                       Parent + "0",
                                       Parent + "-",
                                       Parent + "-00",
                                       " " + Parent,
                                       with(0, "ff"),
                                       with(0, "0g"),
                                       with(0, "0A"),
                                       with(2, "_"),
                                       with(35, "_"),
                                       with(52, "_"),
                                       with(3, "A"),
                                       with(3, "g"),
                                       with(3, std::string(32, '0')),
                                       with(36, "B"),
                                       with(36, std::string(16, '0')),
                                       with(53, "0x"),
                                       with(53, "0A"),
                                       with(10, std::string(1, '\0')),
                                       with(10, "\r\n")}) {
            const auto trace = Trace::parse(bad, "vendor=1");
            CPPUNIT_ASSERT_MESSAGE(bad, trace.empty());
            CPPUNIT_ASSERT_MESSAGE(bad, trace.state().empty());
        }
    }

    void laterVersionsAreReadAsFarAsKnown() {
        const auto later = "cc" + Parent.substr(2);
        CPPUNIT_ASSERT_EQUAL(TraceId, Trace::parse(later, "").traceId());
        const auto longer = Trace::parse(later + "-what-the-future-adds", "");
        CPPUNIT_ASSERT_EQUAL(TraceId, longer.traceId());
        CPPUNIT_ASSERT_EQUAL("00-" + TraceId + "-1111111111111111-01", longer.parentHeader("1111111111111111"));
        CPPUNIT_ASSERT(Trace::parse(later + ".what", "").empty());
    }

    void theStateIsBoundedAndPrintable() {
        const std::string longest = "a=" + std::string(510, 'x');
        CPPUNIT_ASSERT_EQUAL(longest, Trace::parse(Parent, longest).state());
        for (const auto& bad :
             {longest + "x", std::string("a=\x01"), std::string("a=\xc3\xa4"), std::string("a=\r\nb")}) {
            const auto trace = Trace::parse(Parent, bad);
            CPPUNIT_ASSERT(trace.state().empty());
            CPPUNIT_ASSERT_EQUAL(TraceId, trace.traceId());
        }
    }

    void theParentIsThatOfTheNewSpan() {
        const auto header = [](const std::string& flags) {
            return Trace::parse(Parent.substr(0, 53) + flags, "").parentHeader("1111111111111111");
        };
        CPPUNIT_ASSERT_EQUAL("00-" + TraceId + "-1111111111111111-01", header("01"));
        CPPUNIT_ASSERT_EQUAL("00-" + TraceId + "-1111111111111111-00", header("00"));
        CPPUNIT_ASSERT_EQUAL("00-" + TraceId + "-1111111111111111-01", header("ff"));
        CPPUNIT_ASSERT_EQUAL("00-" + TraceId + "-1111111111111111-00", header("fe"));
    }

    void partsOfACallBelongToItsTrace() {
        const Call call("r", Call::Clock::now() + std::chrono::seconds(1), nullptr, Trace::parse(Parent, ""));
        CPPUNIT_ASSERT_EQUAL(TraceId, call.within(std::chrono::milliseconds(1)).trace().traceId());
        CPPUNIT_ASSERT(Call("r", Call::Clock::now()).trace().empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TraceTest);

} // namespace wasmproxy
