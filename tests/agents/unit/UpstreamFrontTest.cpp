// SPDX-License-Identifier: Apache-2.0
#include "UpstreamFront.h"
#include "Service.h"
#include "support/FreePorts.h"
#include "support/HttpClient.h"
#include "support/ScriptedServer.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

class UpstreamFrontTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UpstreamFrontTest);
    CPPUNIT_TEST(testPassesOnAndGivesTokens);
    CPPUNIT_TEST(testFaults);
    CPPUNIT_TEST(testOpenConnectionsAreReset);
    CPPUNIT_TEST(testAServiceChoosesWhoIsReady);
    CPPUNIT_TEST_SUITE_END();

    static UpstreamFront::Tokens tokens() {
        return [](const std::string& target, const std::string& authorization) {
            return std::make_pair(authorization == "right" ? 200 : 401, target);
        };
    }
    static ScriptedServer::Script registry() {
        return ScriptedServer::always("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontent");
    }

public:
    void testPassesOnAndGivesTokens() {
        ScriptedServer server(registry());
        const UpstreamFront front(freePort(), server.port(), tokens());
        const HttpClient client(front.port());
        CPPUNIT_ASSERT_EQUAL(std::string("content"), client.get("/v2/x").body);
        const auto token = client.get("/token?scope=a", {{"Authorization", "right"}});
        CPPUNIT_ASSERT_EQUAL(200, token.status);
        CPPUNIT_ASSERT_EQUAL(std::string("/token?scope=a"), token.body);
        CPPUNIT_ASSERT_EQUAL(401, client.get("/token", {{"Authorization", "wrong"}}).status);
        CPPUNIT_ASSERT_EQUAL(3, front.requests());
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void testFaults() {
        ScriptedServer server(registry());
        UpstreamFront front(freePort(), server.port(), tokens());
        const HttpClient client(front.port());
        front.limit(Loop::Clock::now() + milliseconds(4500));
        const auto limited = client.get("/v2/x");
        CPPUNIT_ASSERT_EQUAL(429, limited.status);
        CPPUNIT_ASSERT_EQUAL(std::string("5"), limited.header("Retry-After"));
        front.refuse();
        CPPUNIT_ASSERT_EQUAL(0, client.get("/v2/x").status);
        front.delay(milliseconds(300));
        const auto late = client.get("/v2/x");
        CPPUNIT_ASSERT_EQUAL(200, late.status);
        CPPUNIT_ASSERT(late.seconds >= 0.3);
        front.pass();
        CPPUNIT_ASSERT_EQUAL(200, client.get("/v2/x").status);
    }

    void testOpenConnectionsAreReset() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncon");
            connection.sleep(seconds(10));
        });
        UpstreamFront front(freePort(), server.port(), tokens());
        HttpAnswer cut;
        std::thread client([&] { cut = HttpClient(front.port()).get("/v2/x"); });
        while (front.requests() == 0)
            std::this_thread::yield();
        front.refuse();
        client.join();
        CPPUNIT_ASSERT(cut.status == 0 || cut.cut);
        CPPUNIT_ASSERT(cut.seconds < 5);
    }

    void testAServiceChoosesWhoIsReady() {
        ScriptedServer up(registry());
        ScriptedServer down(ScriptedServer::always("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
        const Service service(
            std::deque<Service::Endpoint>{{1, up.port(), "/readyz"}, {2, down.port(), "/readyz"}, {3, 9, "/readyz"}});
        std::minstd_rand random(1);
        for (int i = 0; i < 20; ++i)
            CPPUNIT_ASSERT_EQUAL(1, service.choose(random));
        const Service nobody(std::deque<Service::Endpoint>{{2, down.port(), "/readyz"}});
        CPPUNIT_ASSERT_EQUAL(0, nobody.choose(random));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UpstreamFrontTest);

} // namespace wasmproxy::test
