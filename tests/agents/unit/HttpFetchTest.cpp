// SPDX-License-Identifier: Apache-2.0
#include "HttpFetch.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Step::Kind;
using Failure = Reply::Failure;

/// istio-agent over http, as its sources have it. No clock is asked.
class HttpFetchTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HttpFetchTest);
    CPPUNIT_TEST(testRequest);
    CPPUNIT_TEST(testWhichStatusesAreTriedAgain);
    CPPUNIT_TEST(testFiveAttemptsAndTheirBackOff);
    CPPUNIT_TEST(testTransportErrorsAreTriedAgain);
    CPPUNIT_TEST(testABodyThatFailsIsFinal);
    CPPUNIT_TEST(testAWrongModuleIsFinal);
    CPPUNIT_TEST(testDeadlines);
    CPPUNIT_TEST(testThirtySecondsInAll);
    CPPUNIT_TEST_SUITE_END();

    const Fetch::Clock::time_point _start = Fetch::Clock::now();

    static Reply status(int code, Failure failure = Failure::None, bool right = false) {
        Reply reply;
        reply.status = code;
        reply.failure = failure;
        reply.moduleRight = right;
        return reply;
    }
    static Reply broken(Failure failure) { return status(0, failure); }

public:
    void testRequest() {
        CPPUNIT_ASSERT_EQUAL(std::string("GET /fetch/x HTTP/1.1\r\nHost: wasmfetcher.istio-system.svc.cluster.local\r\n"
                                         "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n"),
                             HttpFetch("/fetch/x", 1).request());
    }

    void testWhichStatusesAreTriedAgain() {
        for (int code = 201; code < 600; ++code) {
            HttpFetch fetch("/x", 1);
            fetch.begin(_start);
            const bool again = code >= 500 && code != 501 && code != 505 && code != 511;
            CPPUNIT_ASSERT_MESSAGE(std::to_string(code),
                                   fetch.replied(status(code), _start).kind == (again ? Kind::Sleep : Kind::Failed));
        }
    }

    void testFiveAttemptsAndTheirBackOff() {
        double least[5] = {1e9, 1e9, 1e9, 1e9, 1e9};
        double most[5] = {};
        for (unsigned seed = 1; seed <= 300; ++seed) {
            HttpFetch fetch("/x", seed);
            CPPUNIT_ASSERT(fetch.begin(_start).kind == Kind::Request);
            for (int attempt = 0; attempt < 5; ++attempt) {
                const auto step = fetch.replied(status(503), _start);
                CPPUNIT_ASSERT(step.kind == Kind::Sleep); // after the last one, too
                least[attempt] = std::min(least[attempt], static_cast<double>(step.sleep.count()));
                most[attempt] = std::max(most[attempt], static_cast<double>(step.sleep.count()));
                CPPUNIT_ASSERT(fetch.slept(_start).kind == (attempt < 4 ? Kind::Request : Kind::Failed));
            }
        }
        double interval = 500;
        for (int attempt = 0; attempt < 5; ++attempt, interval *= 1.5) {
            CPPUNIT_ASSERT(least[attempt] >= interval / 2 - 1 && least[attempt] < interval * 0.55);
            CPPUNIT_ASSERT(most[attempt] <= interval * 1.5 && most[attempt] > interval * 1.45);
        }
    }

    void testTransportErrorsAreTriedAgain() {
        for (const auto failure : {Failure::Refused, Failure::Reset, Failure::Ended, Failure::Late}) {
            HttpFetch fetch("/x", 1);
            fetch.begin(_start);
            CPPUNIT_ASSERT(fetch.replied(broken(failure), _start + seconds(15)).kind == Kind::Sleep);
            CPPUNIT_ASSERT(fetch.slept(_start + seconds(15)).kind == Kind::Request);
            CPPUNIT_ASSERT(fetch.replied(status(200, Failure::None, true), _start).kind == Kind::Loaded);
        }
    }

    void testABodyThatFailsIsFinal() {
        for (const auto failure : {Failure::Reset, Failure::Ended, Failure::Late}) {
            HttpFetch fetch("/x", 1);
            fetch.begin(_start);
            CPPUNIT_ASSERT(fetch.replied(status(200, failure, true), _start).kind == Kind::Failed);
        }
        // Of an answer that is tried again, the body does not matter.
        HttpFetch fetch("/x", 1);
        fetch.begin(_start);
        CPPUNIT_ASSERT(fetch.replied(status(503, Failure::Ended), _start).kind == Kind::Sleep);
    }

    void testAWrongModuleIsFinal() {
        HttpFetch fetch("/x", 1);
        fetch.begin(_start);
        CPPUNIT_ASSERT(fetch.replied(status(200), _start).kind == Kind::Failed);
    }

    void testDeadlines() {
        HttpFetch fetch("/x", 1);
        fetch.begin(_start);
        CPPUNIT_ASSERT(fetch.deadline() == _start + seconds(15));
        fetch.replied(status(503), _start + seconds(12));
        fetch.slept(_start + seconds(13));
        CPPUNIT_ASSERT(fetch.deadline() == _start + seconds(28));
        fetch.replied(status(503), _start + seconds(25));
        fetch.slept(_start + seconds(26));
        CPPUNIT_ASSERT(fetch.deadline() == _start + seconds(30)); // whichever comes first
    }

    void testThirtySecondsInAll() {
        HttpFetch fetch("/x", 1);
        fetch.begin(_start);
        CPPUNIT_ASSERT(fetch.replied(broken(Failure::Late), _start + seconds(30)).kind == Kind::Failed);
        HttpFetch sleeper("/x", 1);
        sleeper.begin(_start);
        // The sleep is not cut short, and what it leaves is nothing.
        CPPUNIT_ASSERT(sleeper.replied(status(503), _start + milliseconds(29999)).sleep >= milliseconds(250));
        CPPUNIT_ASSERT(sleeper.slept(_start + milliseconds(30300)).kind == Kind::Failed);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpFetchTest);

} // namespace wasmproxy::test
