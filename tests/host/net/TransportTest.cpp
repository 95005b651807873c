// SPDX-License-Identifier: Apache-2.0
#include "Client.h"
#include "support/ConnectProxy.h"
#include "support/ScriptedServer.h"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using host::CurlTransport;

const std::string Small = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class TransportTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TransportTest);
    CPPUNIT_TEST(bringsStatusHeadersAndBody);
    CPPUNIT_TEST(sendsWhatWasAskedAndNothingElse);
    CPPUNIT_TEST(sendsBodies);
    CPPUNIT_TEST(headHasNoBody);
    CPPUNIT_TEST(doesNotFollowRedirects);
    CPPUNIT_TEST(ignoresTheEnvironmentsProxy);
    CPPUNIT_TEST(usesTheProxyOfItsSettings);
    CPPUNIT_TEST(saysThatItWasTheProxy);
    CPPUNIT_TEST(keepsConnections);
    CPPUNIT_TEST(readerDestroyedEarlyDropsTheConnection);
    CPPUNIT_TEST(asksAgainWhenAKeptConnectionHasDied);
    CPPUNIT_TEST(bytesPastTheEndAnswerNothing);
    CPPUNIT_TEST(slowReaderIsBackPressureAndNoFault);
    CPPUNIT_TEST(manyThreads);
    CPPUNIT_TEST(observesOncePerRequest);
    CPPUNIT_TEST(refusesRequestsThatMustNotBeSent);
    CPPUNIT_TEST_SUITE_END();

public:
    void bringsStatusHeadersAndBody() {
        ScriptedServer server(ScriptedServer::always("HTTP/1.1 201 Made\r\nX-A: 1\r\nx-b:\t two words \r\nX-A: 3\r\n"
                                                     "Transfer-Encoding: chunked\r\n\r\n"
                                                     "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer-X: t\r\n\r\n"));
        CurlTransport transport(loopbackSettings());
        Call call("test", Call::Clock::now() + 5s);
        const auto response = transport.send(call, requestOf(server.url()));
        CPPUNIT_ASSERT_EQUAL(201, response->status());
        CPPUNIT_ASSERT_EQUAL(std::string("two words"), response->header("X-B"));
        CPPUNIT_ASSERT(response->headerValues("x-a") == (std::vector<std::string>{"1", "3"}));
        CPPUNIT_ASSERT_EQUAL(std::string(), response->header("Trailer-X"));
        char buffer[3];
        std::string body;
        while (const auto count = response->read(buffer, sizeof(buffer)))
            body.append(buffer, count);
        CPPUNIT_ASSERT_EQUAL(std::string("abcde"), body);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), response->read(buffer, sizeof(buffer)));
    }

    void sendsWhatWasAskedAndNothingElse() {
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            seen = connection.readRequest();
            connection.send(Small);
        });
        CurlTransport transport(loopbackSettings());
        HttpRequest request = requestOf(server.url("/v2/../a%2Fb?x=1&y=%20"));
        request.headers = {{"Authorization", "Basic Zm9v"}, {"Accept", "a/b"}, {"Accept", "c/d"}, {"X-Empty", ""}};
        ask(transport, request);
        CPPUNIT_ASSERT_EQUAL("GET /v2/../a%2Fb?x=1&y=%20 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                 "\r\nUser-Agent: wasm-proxy/" WASMPROXY_VERSION "\r\nAuthorization: Basic Zm9v\r\n"
                                 "Accept: a/b\r\nAccept: c/d\r\nX-Empty:\r\nAccept-Encoding: identity\r\n\r\n",
                             seen);
    }

    void sendsBodies() {
        std::vector<std::string> seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            for (int i = 0; i < 4; ++i) {
                seen.push_back(connection.readRequest());
                connection.send(Small);
            }
        });
        CurlTransport transport(loopbackSettings());
        HttpRequest request = requestOf(server.url("/token"), "POST");
        request.body = "grant_type=password";
        request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", "19"}};
        ask(transport, request);
        request.method = "PUT";
        request.headers.clear();
        request.body = std::string(70000, 'x'); // libcurl would send Expect: 100-continue and wait
        ask(transport, request);
        request.body.clear();
        ask(transport, request);
        ask(transport, requestOf(server.url("/get")));
        assertContains(seen[0], "POST /token HTTP/1.1\r\n");
        assertContains(seen[0], "Content-Type: application/x-www-form-urlencoded\r\n");
        assertContains(seen[0], "\r\n\r\ngrant_type=password");
        assertContains(seen[1], "PUT /token HTTP/1.1\r\n");
        CPPUNIT_ASSERT(seen[1].find("Expect") == std::string::npos);
        CPPUNIT_ASSERT(seen[1].find("Content-Type") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t(70000), seen[1].size() - seen[1].find("\r\n\r\n") - 4);
        assertContains(seen[2], "Content-Length: 0\r\n");
        assertContains(seen[3], "GET /get HTTP/1.1\r\n");
        CPPUNIT_ASSERT(seen[3].find("Content-Length") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void headHasNoBody() {
        ScriptedServer server(ScriptedServer::always("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"));
        CurlTransport transport(loopbackSettings());
        for (int i = 0; i < 2; ++i) {
            const Answer answer = ask(transport, requestOf(server.url(), "HEAD"));
            CPPUNIT_ASSERT_EQUAL(200, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string(), answer.body);
        }
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void doesNotFollowRedirects() {
        ScriptedServer other(ScriptedServer::always(Small));
        ScriptedServer server(ScriptedServer::always("HTTP/1.1 307 Elsewhere\r\nLocation: " + other.url() +
                                                     "\r\nContent-Length: 0\r\n\r\n"));
        CurlTransport transport(loopbackSettings());
        CPPUNIT_ASSERT_EQUAL(307, get(transport, server.url()).status);
        CPPUNIT_ASSERT_EQUAL(0, other.accepted());
    }

    void ignoresTheEnvironmentsProxy() {
        ScriptedServer proxy(ScriptedServer::always(Small));
        ScriptedServer server(ScriptedServer::always(Small));
        for (const char* name : {"http_proxy", "ALL_PROXY"})
            setenv(name, proxy.url().c_str(), 1);
        CurlTransport transport(loopbackSettings());
        const Answer answer = get(transport, server.url());
        for (const char* name : {"http_proxy", "ALL_PROXY"})
            unsetenv(name);
        CPPUNIT_ASSERT_EQUAL(200, answer.status);
        CPPUNIT_ASSERT_EQUAL(0, proxy.accepted());
    }

    void usesTheProxyOfItsSettings() {
        std::string seen;
        ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
            seen = connection.readRequest();
            connection.send(Small);
        });
        ScriptedServer direct(ScriptedServer::always(Small));
        auto settings = loopbackSettings();
        settings.proxy = proxy.url("");
        settings.noProxy = "127.0.0.1";
        CurlTransport transport(settings);
        get(transport, direct.url());
        CPPUNIT_ASSERT_EQUAL(0, proxy.accepted());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(transport, "http://registry.test/v2/").body);
        assertContains(seen, "GET http://registry.test/v2/ HTTP/1.1\r\n");
        // A proxy must not reach for us what we would not dial.
        assertCode(ErrorCode::AddressRefused, errorOf([&] { get(transport, "http://169.254.169.254/latest"); }));
        assertCode(ErrorCode::AddressRefused, errorOf([&] { get(transport, "http://0x7f000002/"); }));
        CPPUNIT_ASSERT_EQUAL(1, proxy.accepted());
    }

    void saysThatItWasTheProxy() {
        ConnectProxy proxy({});
        auto settings = loopbackSettings();
        settings.proxy = proxy.url();
        CurlTransport transport(settings);
        for (const int status : {403, 407, 503}) {
            proxy.refuse(status);
            const Error error = errorOf([&] { get(transport, "https://registry.test/v2/"); });
            assertCode(ErrorCode::UpstreamUnavailable, error);
            assertContains(error.what(), "the proxy, not the registry, answered " + std::to_string(status) +
                                             " when asked to connect to registry.test");
            assertContains(error.hint(), status == 407 ? "backend.team.proxy has none" : "set backend.team.no-proxy");
        }
    }
    void keepsConnections() {
        ScriptedServer server(ScriptedServer::always(Small));
        ScriptedServer other(ScriptedServer::always(Small));
        CurlTransport transport(loopbackSettings());
        for (int i = 0; i < 10; ++i) {
            get(transport, server.url());
            get(transport, other.url());
        }
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
        CPPUNIT_ASSERT_EQUAL(1, other.accepted());
        // The answer is held, but its end has come: a nested request may have the connection.
        Call call("test", Call::Clock::now() + 5s);
        const auto held = transport.send(call, requestOf(server.url()));
        char buffer[16];
        while (held->read(buffer, sizeof(buffer)) != 0) {
        }
        get(transport, server.url());
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
        // And no other transport's request may.
        CurlTransport second(loopbackSettings());
        get(second, server.url());
        CPPUNIT_ASSERT_EQUAL(2, server.accepted());
    }

    void readerDestroyedEarlyDropsTheConnection() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            while (!connection.readRequest().empty()) {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                if (!connection.sleep(50ms)) return;
                connection.send("world");
            }
        });
        CurlTransport transport(loopbackSettings());
        {
            Call call("test", Call::Clock::now() + 5s);
            const auto response = transport.send(call, requestOf(server.url()));
            char buffer[4];
            CPPUNIT_ASSERT(response->read(buffer, sizeof(buffer)) > 0);
        }
        CPPUNIT_ASSERT_EQUAL(std::string("helloworld"), get(transport, server.url()).body);
        CPPUNIT_ASSERT_EQUAL(2, server.accepted());
    }

    void asksAgainWhenAKeptConnectionHasDied() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            if (connection.readRequest().empty()) return;
            connection.send(Small);
            if (connection.number == 1) connection.readRequest(); // takes the second request and says nothing
        });
        CurlTransport transport(loopbackSettings());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(transport, server.url()).body);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(transport, server.url()).body);
        CPPUNIT_ASSERT_EQUAL(2, server.accepted());
    }

    void bytesPastTheEndAnswerNothing() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            while (!connection.readRequest().empty()) {
                connection.send(connection.number == 1 ? Small + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
                                                       : Small);
            }
        });
        CurlTransport transport(loopbackSettings());
        for (int i = 0; i < 3; ++i)
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(transport, server.url()).body);
    }

    void slowReaderIsBackPressureAndNoFault() {
        constexpr std::size_t Size = 64u << 20;
        std::atomic<std::size_t> sent{0};
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(Size) + "\r\n\r\n");
            const std::string piece(64 * 1024, 'x');
            while (sent < Size && connection.send(piece))
                sent += piece.size();
        });
        auto settings = loopbackSettings();
        settings.lowSpeedBytes = 1 << 20;
        settings.lowSpeedTime = 100ms;
        CurlTransport transport(settings);
        Call call("test", Call::Clock::now() + 20s);
        const auto response = transport.send(call, requestOf(server.url()));
        std::vector<char> buffer(64 * 1024);
        std::size_t total = response->read(buffer.data(), buffer.size());
        std::this_thread::sleep_for(300ms); // the reader is busy elsewhere
        CPPUNIT_ASSERT_MESSAGE("the body was taken in although nobody read it", sent < Size / 2);
        while (const auto count = response->read(buffer.data(), buffer.size()))
            total += count;
        CPPUNIT_ASSERT_EQUAL(Size, total);
    }

    void manyThreads() {
        ScriptedServer server(ScriptedServer::always(Small));
        CurlTransport transport(loopbackSettings());
        std::atomic<int> good{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i) {
            threads.emplace_back([&] {
                for (int round = 0; round < 25; ++round) {
                    if (get(transport, server.url()).body == "hello") ++good;
                }
            });
        }
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(400, good.load());
        CPPUNIT_ASSERT_MESSAGE("connections are kept across threads", server.accepted() <= 16);
    }

    void observesOncePerRequest() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            connection.readRequest();
            if (connection.number == 1) connection.send("HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\ncut");
        });
        std::vector<std::string> seen;
        auto settings = loopbackSettings();
        settings.observer = [&](const std::string& host, int status, const std::string& method) {
            seen.push_back(method + " " + host + " " + std::to_string(status));
        };
        CurlTransport transport(settings);
        CPPUNIT_ASSERT_THROW(get(transport, server.url()), Error); // the head was an answer, its body is cut
        CPPUNIT_ASSERT_THROW(ask(transport, requestOf(server.url(), "HEAD")), Error);
        CPPUNIT_ASSERT_THROW(get(transport, "ftp://x/"), Error); // never went out
        const std::string host = "127.0.0.1:" + std::to_string(server.port());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), seen.size());
        CPPUNIT_ASSERT_EQUAL("GET " + host + " 404", seen[0]);
        CPPUNIT_ASSERT_EQUAL("HEAD " + host + " 0", seen[1]);
    }

    void refusesRequestsThatMustNotBeSent() {
        ScriptedServer server(ScriptedServer::always(Small));
        CurlTransport transport(loopbackSettings());
        const auto refused = [&](const HttpRequest& request) {
            const Error error = errorOf([&] { ask(transport, request); });
            assertCode(ErrorCode::Internal, error);
            CPPUNIT_ASSERT(std::string(error.what()).find("secretword") == std::string::npos);
        };
        for (const char* method : {"", "get", "delete", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX:", "PATCH"})
            refused(requestOf(server.url(), method));
        for (const std::string& value : {std::string("secretword\r\nX: y"), std::string("secretword\n"),
                                         std::string("a\0b", 3), std::string("\x7f"), std::string("\x1b[1m")}) {
            HttpRequest request = requestOf(server.url());
            request.headers = {{"X-Header", value}};
            refused(request);
        }
        for (const char* name : {"", "X Y", "X:", "X\r\nY", "X\xc3\xa4", "Host", "transfer-encoding", "Connection",
                                 "Content-Length", "Accept-Encoding", "Expect"}) {
            HttpRequest request = requestOf(server.url());
            request.headers = {{name, "secretword"}};
            refused(request);
        }
        HttpRequest request = requestOf(server.url());
        request.body = "secretword";
        refused(request);
        refused(requestOf(server.url("/\r\nHost: x")));
        CPPUNIT_ASSERT_EQUAL(0, server.accepted());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransportTest);

} // namespace
} // namespace wasmproxy::test
