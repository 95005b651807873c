// SPDX-License-Identifier: Apache-2.0
#include "Fleet.h"
#include "HttpFetch.h"
#include "OciFetch.h"
#include "support/OciLayout.h"
#include "support/ScriptedServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <Poco/DeflatingStream.h>
#include <atomic>
#include <sstream>

namespace wasmproxy::test {

using std::chrono::milliseconds;

/// Agents over real connections.
class FleetTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FleetTest);
    CPPUNIT_TEST(testModuleCheck);
    CPPUNIT_TEST(testAllLoad);
    CPPUNIT_TEST(testACutBodyDenies);
    CPPUNIT_TEST(testALaterAnswerIsTaken);
    CPPUNIT_TEST(testALaterPushEndsDenyAll);
    CPPUNIT_TEST(testAConnectionIsUsedAgain);
    CPPUNIT_TEST(testTheLinkIsShared);
    CPPUNIT_TEST(testNobodyListens);
    CPPUNIT_TEST_SUITE_END();

    std::vector<WantedModule> _modules;
    Fleet::Options _options;

    static std::string ok(const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    FleetResult push(int port, const Fleet::MakeFetch& make) {
        const Service service(std::deque<Service::Endpoint>{{port}});
        return Fleet(_options, _modules, service, nullptr, make).run(Loop::Clock::now());
    }
    FleetResult push(int port) {
        return push(port, [](const WantedModule&, unsigned seed, bool) {
            HttpFetch::Timing timing;
            timing.backOff = milliseconds(20);
            timing.attempts = 3;
            return std::make_unique<HttpFetch>("/fetch/x", seed, timing);
        });
    }

public:
    void setUp() override {
        WantedModule module;
        module.bytes = std::string("\0asm\1\0\0\0", 8) + std::string(100000, 'x');
        module.sha256 = sha256Hex(module.bytes);
        module.repository = "team/x";
        module.tag = "v1";
        _modules = {module};
        _options = {};
        _options.agents = 20;
        _options.spread = milliseconds(50);
    }

    void testModuleCheck() {
        const auto& module = _modules.front();
        const auto right = [&](const std::string& bytes) {
            ModuleCheck check(module.bytes, module.sha256);
            for (std::size_t at = 0; at < bytes.size(); at += 1000)
                check.add(bytes.data() + at, std::min<std::size_t>(1000, bytes.size() - at));
            return check.right();
        };
        std::ostringstream gzip;
        Poco::DeflatingOutputStream deflate(gzip, Poco::DeflatingStreamBuf::STREAM_GZIP);
        deflate << module.bytes;
        deflate.close();
        std::string tar(512, '\0');
        char size[12];
        std::snprintf(size, sizeof(size), "%011zo", module.bytes.size());
        tar.replace(124, 11, size);
        tar.replace(257, 5, "ustar");
        CPPUNIT_ASSERT(right(module.bytes));
        CPPUNIT_ASSERT(right(gzip.str()));
        CPPUNIT_ASSERT(right(tar + module.bytes));
        CPPUNIT_ASSERT(!right(""));
        CPPUNIT_ASSERT(!right(module.bytes.substr(1)));
        CPPUNIT_ASSERT(!right(module.bytes.substr(0, 99999)));
        CPPUNIT_ASSERT(!right(module.bytes + "x"));
        auto flipped = module.bytes;
        flipped[50000] = 'y';
        CPPUNIT_ASSERT(!right(flipped));
    }

    void testAllLoad() {
        ScriptedServer server(ScriptedServer::always(ok(_modules.front().bytes)));
        const auto result = push(server.port());
        CPPUNIT_ASSERT_EQUAL(20, result.agents);
        CPPUNIT_ASSERT_EQUAL(0, result.denied);
        CPPUNIT_ASSERT_EQUAL(std::size_t(20), result.seconds.size());
        CPPUNIT_ASSERT_EQUAL(20L, result.requests);
        CPPUNIT_ASSERT(result.percentile(1) && *result.percentile(1) < 5);
    }

    void testACutBodyDenies() {
        const auto whole = ok(_modules.front().bytes);
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.readRequest();
            connection.send(whole.substr(0, whole.size() - 1));
        });
        const auto result = push(server.port());
        CPPUNIT_ASSERT_EQUAL(20, result.denied);
        CPPUNIT_ASSERT_EQUAL(20, result.deniedAtEnd);
        CPPUNIT_ASSERT_EQUAL(20L, result.requests);
        CPPUNIT_ASSERT(!result.percentile(0.5));
        CPPUNIT_ASSERT_EQUAL(20, result.causes.at("body of a 200: connection ended"));
    }

    void testALaterAnswerIsTaken() {
        std::atomic<int> asked{0};
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            while (!connection.readRequest().empty()) {
                const bool early = ++asked <= 20;
                if (!connection.send(early ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
                                           : ok(_modules.front().bytes)))
                    return;
            }
        });
        const auto result = push(server.port());
        CPPUNIT_ASSERT_EQUAL(0, result.denied);
        CPPUNIT_ASSERT_EQUAL(40L, result.requests);
        CPPUNIT_ASSERT(server.accepted() <= 20); // its 503s were read to their end
    }

    void testALaterPushEndsDenyAll() {
        std::atomic<int> asked{0};
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.readRequest();
            const bool early = ++asked <= 20;
            connection.send(early ? "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" : ok(_modules.front().bytes));
        });
        _options.secondPush = milliseconds(300);
        const auto result = push(server.port());
        CPPUNIT_ASSERT_EQUAL(20, result.denied);
        CPPUNIT_ASSERT_EQUAL(0, result.deniedAtEnd);
        CPPUNIT_ASSERT(*result.percentile(0) >= 0.3);
    }

    /// Where the peer ends it meanwhile, another takes its place and the agent does not know.
    void testAConnectionIsUsedAgain() {
        const std::string manifest =
            R"({"layers":[{"mediaType":"a/b","digest":"sha256:aa"},)"
            R"({"mediaType":"application/vnd.module.wasm.content.layer.v1+wasm","digest":"sha256:bb"}]})";
        const auto make = [](const WantedModule& module, unsigned seed, bool) {
            return std::make_unique<OciFetch>(OciFetch::Image{module.repository, module.tag, "", ""}, seed);
        };
        for (const int requests : {3, 1}) {
            ScriptedServer server([&](ScriptedServer::Connection& connection) {
                for (int at = 0; at < requests; ++at) {
                    const auto request = connection.readRequest();
                    if (request.empty()) return;
                    if (request.find("/manifests/") != std::string::npos)
                        connection.send(ok(manifest));
                    else
                        connection.send(ok(request.find("/blobs/") == std::string::npos ? "{}" : _modules[0].bytes));
                }
            });
            const auto result = push(server.port(), make);
            CPPUNIT_ASSERT_EQUAL(0, result.denied);
            if (requests == 3) CPPUNIT_ASSERT_EQUAL(20, server.accepted());
        }
    }

    void testTheLinkIsShared() {
        ScriptedServer server(ScriptedServer::always(ok(_modules.front().bytes)));
        _options.linkRate = 2e6;
        const auto result = push(server.port());
        CPPUNIT_ASSERT_EQUAL(0, result.denied);
        // 20 x 100 kB: a second, and all of them end late in it, as on a link that is shared in turn.
        CPPUNIT_ASSERT(*result.percentile(1) > 0.85);
        CPPUNIT_ASSERT(*result.percentile(1) < 5);
        CPPUNIT_ASSERT(*result.percentile(0.5) > 0.5);
    }

    void testNobodyListens() {
        const Service service(std::deque<Service::Endpoint>{{9, 9, "/readyz"}});
        HttpFetch::Timing timing;
        timing.backOff = milliseconds(5);
        const auto result = Fleet(_options, _modules, service, nullptr, [&](const WantedModule&, unsigned seed, bool) {
                                return std::make_unique<HttpFetch>("/x", seed, timing);
                            }).run(Loop::Clock::now());
        CPPUNIT_ASSERT_EQUAL(20, result.deniedAtEnd);
        CPPUNIT_ASSERT_EQUAL(100L, result.requests);
        CPPUNIT_ASSERT_EQUAL(20, result.causes.at("5 attempts; last: connection refused"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FleetTest);

} // namespace wasmproxy::test
