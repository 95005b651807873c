// SPDX-License-Identifier: Apache-2.0
// Redirects, refusals, endpoints, threads.
#include "BackendFixture.h"

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;

class BackendAnswersTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(BackendAnswersTest);
    CPPUNIT_TEST(redirectsAreBounded);
    CPPUNIT_TEST(refusalsAreReadable);
    CPPUNIT_TEST(retryAfterIsBounded);
    CPPUNIT_TEST(plainHttpAndEndpoint);
    CPPUNIT_TEST(oneTokenForManyThreads);
    CPPUNIT_TEST_SUITE_END();

    void redirectsAreBounded() {
        serve();
        int hop = 0;
        registry.inject("", "/blobs/", [&hop](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (++hop <= 5) faults::redirect(302, "?" + std::to_string(hop))(seen, reply);
        });
        CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
        registry.heal();
        for (const auto& [location, words] : std::vector<std::pair<std::string, std::string>>{
                 {"?again", "more than 5 hops"},
                 {"", "it is empty"},
                 {"http://reg.example.com/x?canary", "plain http at reg.example.com"},
                 {"https://u:canary@reg.example.com/x", "user name"},
                 {"https://storage.example.net/\r\nX-Evil: canary", "control character"},
                 {"file:///canary", "not an absolute URL"},
                 {"gopher://x/canary", "neither http nor https"}}) {
            registry.heal();
            registry.forgetSeen();
            registry.inject("", "/blobs/", faults::redirect(307, location));
            try {
                fetch(blob());
                CPPUNIT_FAIL(location);
            } catch (const Error& error) {
                const std::string text = error.what();
                CPPUNIT_ASSERT_MESSAGE(text, error.code() == ErrorCode::UpstreamInvalid);
                CPPUNIT_ASSERT_MESSAGE(text, text.find(words) != std::string::npos || location == "file:///canary");
                CPPUNIT_ASSERT_MESSAGE(text, text.find("canary") == std::string::npos);
            }
            CPPUNIT_ASSERT(registry.seen().size() <= 6);
        }
    }

    void refusalsAreReadable() {
        serve();
        const auto text = [&](const std::string& body, const std::string& type) {
            registry.heal();
            registry.inject("GET", "", faults::status(403, body, {}));
            registry.inject("GET", "", faults::header("Content-Type", type));
            registry.inject("HEAD", "", faults::status(405));
            try {
                resolve();
            } catch (const Error& error) {
                return std::string(error.what());
            }
            return std::string("no error");
        };
        const std::string prefix =
            "reg.example.com: a/b manifests/v1: the registry answered 403 to credential 'my-pull-secret'";
        CPPUNIT_ASSERT_EQUAL(prefix + ": no pull here",
                             text(R"({"errors":[{"message":"no pull here"}]})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": DENIED", text(R"({"errors":[{"code":"DENIED"}]})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": limit", text(R"({"message":"limit"})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": plain", text("plain\n", "text/plain"));
        CPPUNIT_ASSERT_EQUAL(prefix, text("<html>long page</html>", "text/html"));
        CPPUNIT_ASSERT_EQUAL(prefix, text("", "application/json"));
        CPPUNIT_ASSERT_EQUAL(
            prefix + ": a b c see https://x/y?...",
            text("{\"errors\":[{\"message\":\"a\\u001b\\r\\nb\xe2\x80\xae c see https://x/y?sig=canary\"}]}",
                 "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix.size() + 2 + 300, text(std::string(1000, 'x'), "text/plain").size());
        CPPUNIT_ASSERT_EQUAL(prefix, text(std::string(100 * 1024, 'x'), "text/plain"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": ?", text("\xff", "text/plain"));
    }

    void retryAfterIsBounded() {
        serve();
        for (const auto& [value, seconds] :
             std::vector<std::pair<std::string, int>>{{"7", 7},
                                                      {"3601", 3600},
                                                      {"99999999999999999999", 3600},
                                                      {"Thu, 01 Jan 2026 00:02:00 GMT", 120},
                                                      {"Thu, 01 Jan 2032 00:00:00 GMT", 3600},
                                                      {"Wed, 31 Dec 2025 23:00:00 GMT", 0},
                                                      {"-5", 0},
                                                      {"soon", 0},
                                                      {"", 0}}) {
            registry.heal();
            registry.inject("", "", faults::status(429, "", {{"Retry-After", value}}));
            try {
                resolve();
                CPPUNIT_FAIL(value);
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::TooManyRequests);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(value, seconds, static_cast<int>(error.retryAfter().count()));
            }
        }
    }

    void plainHttpAndEndpoint() {
        auto access = bearer();
        access.realm = "http://mirror:5000/token";
        serve(access, "http://mirror:5000");
        for (const auto& values :
             std::vector<std::vector<KeyValue>>{{{"endpoint", "mirror:5000", "t"}, {"plain-http", "true", "t"}},
                                                {{"endpoint", "http://mirror:5000", "t"}}}) {
            backend = make(values);
            requireResolved();
        }
        serve({}, "http://reg.example.com");
        backend = make({{"plain-http", "true", "t"}});
        requireResolved();
        CPPUNIT_ASSERT(registry.seenAt("https://reg.example.com").empty());
    }

    void oneTokenForManyThreads() {
        serve(bearer());
        std::vector<std::thread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                try {
                    if (resolve() && fetch(blob()) == BlobBytes) ++good;
                } catch (const Error&) {
                    // counted by its absence
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(16, good.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BackendAnswersTest);
