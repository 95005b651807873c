// SPDX-License-Identifier: Apache-2.0
// What the store is made of, each part for itself.
#include "Keys.h"
#include "RedisFixture.h"
#include "ReplyReader.h"
#include "Request.h"
#include "Resolver.h"
#include "ServerFault.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

using namespace wasmproxy;
using namespace wasmproxy::redis;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RedisPartsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RedisPartsTest);
    CPPUNIT_TEST(urls);
    CPPUNIT_TEST(settings);
    CPPUNIT_TEST(requests);
    CPPUNIT_TEST(repliesInPieces);
    CPPUNIT_TEST(anyBytesAsReplies);
    CPPUNIT_TEST(hostsThatAreNot);
    CPPUNIT_TEST_SUITE_END();

    void urls() {
        std::string problem;
        const auto good = [&](const std::string& text, const std::string& expected) {
            const auto url = RedisUrl::parse(text, problem);
            CPPUNIT_ASSERT_MESSAGE(text + problem, url && problem.empty());
            CPPUNIT_ASSERT_EQUAL(expected, (url->tls ? "tls " : "") + url->host + " " + url->authority() + " " +
                                               std::to_string(url->database));
        };
        good("redis://redis", "redis redis:6379 0");
        good("redis://redis/", "redis redis:6379 0");
        good("rediss://redis.example:6380/15", "tls redis.example redis.example:6380 15");
        good("rediss://[fd00::1]:1/0", "tls fd00::1 [fd00::1]:1 0");
        good("redis://[::1]", "::1 [::1]:6379 0");
        good("redis://10.0.0.1:65535", "10.0.0.1 10.0.0.1:65535 0");
        for (const std::string text : {"",
                                       "redis",
                                       "redis:",
                                       "http://redis",
                                       "redis://",
                                       "redis:///0",
                                       "redis://:6379",
                                       "redis://redis:",
                                       "redis://redis:0",
                                       "redis://redis:65536",
                                       "redis://redis:+1",
                                       "redis://redis: 1",
                                       "redis://redis/x",
                                       "redis://redis/-1",
                                       "redis://redis/0/",
                                       "redis://redis/65536",
                                       "redis://re dis",
                                       "redis://redis?db=1",
                                       "redis://[::1",
                                       "redis://[]",
                                       "redis://[::1]x",
                                       "redis://[::1]:",
                                       "redis://[redis:x]:1",
                                       "REDIS://redis",
                                       "redis://redis#1",
                                       "redis://a,b"})
            CPPUNIT_ASSERT_MESSAGE(text, !RedisUrl::parse(text, problem) && problem.find("expected") == 0);
        for (const std::string text :
             {"redis://user:hunter2@redis", "rediss://:hunter2@redis:6379/0", "redis://@redis"}) {
            CPPUNIT_ASSERT_MESSAGE(text, !RedisUrl::parse(text, problem));
            CPPUNIT_ASSERT(problem.find("password-file") != std::string::npos);
            CPPUNIT_ASSERT(problem.find("hunter2") == std::string::npos);
        }
    }

    static std::string problemsOf(const std::vector<KeyValue>& values) {
        RedisSettings settings;
        std::vector<SettingsProblem> problems;
        settings.apply(values, "cache.shared.", problems);
        std::string result;
        for (const auto& problem : problems)
            result += problem.key.substr(13) + " ";
        return result;
    }

    void settings() {
        const KeyValue plain{"url", "redis://redis", "test"};
        const KeyValue tls{"url", "rediss://redis", "test"};
        const KeyValue password{"password-file", "/p", "test"};
        CPPUNIT_ASSERT_EQUAL(std::string(), problemsOf({plain}));
        CPPUNIT_ASSERT_EQUAL(std::string(), problemsOf({tls,
                                                        password,
                                                        {"username", "proxy", "test"},
                                                        {"ca-file", "/ca", "test"},
                                                        {"client-certificate", "/c", "test"},
                                                        {"client-key", "/k", "test"},
                                                        {"prefix", "team-a:", "test"},
                                                        {"ttl", "1d", "test"},
                                                        {"connections", "64", "test"},
                                                        {"locks", "false", "test"}}));
        const std::vector<std::pair<std::string, std::vector<KeyValue>>> rows = {
            {"url ", {}},
            {"url ", {{"url", "redis://u:p@redis", "test"}}},
            {"username ", {plain, {"username", "proxy", "test"}}},
            {"username ", {plain, password, {"username", "a b", "test"}}},
            {"password-file ", {plain, {"password-file", "relative", "test"}}},
            {"ca-file ", {plain, {"ca-file", "/ca", "test"}}},
            {"client-key ", {tls, {"client-key", "/k", "test"}}},
            {"client-certificate ", {tls, {"client-certificate", "/c", "test"}}},
            {"prefix ", {plain, {"prefix", "a b", "test"}}},
            {"prefix ", {plain, {"prefix", "", "test"}}},
            {"ttl ", {plain, {"ttl", "59s", "test"}}},
            {"connections ", {plain, {"connections", "0", "test"}}},
            {"connections ", {plain, {"connections", "65", "test"}}},
            {"command-timeout ", {plain, {"command-timeout", "0s", "test"}}},
            {"connect-timeout ", {plain, {"connect-timeout", "2m", "test"}}},
            {"password ", {plain, {"password", "hunter2", "test"}}}};
        for (const auto& [expected, values] : rows)
            CPPUNIT_ASSERT_EQUAL(expected, problemsOf(values));
    }

    void requests() {
        Request request{"GET", "key"};
        CPPUNIT_ASSERT_EQUAL(std::string("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"), request.bytes());
        request.add({"SET", std::string_view("\0\r\n", 3), ""});
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), request.commands());
        CPPUNIT_ASSERT(
            request.bytes() ==
            std::string("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n*3\r\n$3\r\nSET\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n", 50));
        const Keys keys{"a*b:"};
        CPPUNIT_ASSERT_EQUAL(std::string("a\\*b:blob:*"), keys.blobPattern());
        const Digest digest = Digest::of("x");
        CPPUNIT_ASSERT(keys.digestOf(keys.blob(digest)) == digest);
        CPPUNIT_ASSERT(!keys.digestOf("blob:" + digest.str()) && !keys.digestOf("a*b:blob:sha256:1"));
        CPPUNIT_ASSERT(Keys::unique().size() == 32 && Keys::unique() != Keys::unique());
    }

    void repliesInPieces() {
        const std::string bytes =
            "+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n$4\r\na\r\nb\r\n*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$-1\r\n:1\r\n";
        const ReplyBounds bounds{64, 5};
        for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
            ReplyReader reader;
            std::vector<Reply> replies;
            for (std::size_t at = 0; at < bytes.size(); at += piece) {
                reader.feed(std::string_view(bytes).substr(at, piece), bounds);
                while (auto reply = reader.next(bounds))
                    replies.push_back(std::move(*reply));
            }
            CPPUNIT_ASSERT(reader.empty());
            CPPUNIT_ASSERT_EQUAL(std::size_t(6), replies.size());
            CPPUNIT_ASSERT(replies[0].is(Reply::Kind::Status) && replies[0].text == "OK");
            CPPUNIT_ASSERT(replies[1].is(Reply::Kind::Error) && replies[1].text == "ERR no");
            CPPUNIT_ASSERT(replies[2].is(Reply::Kind::Integer) && replies[2].number == -7);
            CPPUNIT_ASSERT(replies[3].is(Reply::Kind::Nil));
            CPPUNIT_ASSERT(replies[4].is(Reply::Kind::Text) && replies[4].text == "a\r\nb");
            CPPUNIT_ASSERT(replies[5].is(Reply::Kind::List) && replies[5].items.size() == 2);
            CPPUNIT_ASSERT(replies[5].items[1]->items.size() == 3 && replies[5].items[1]->items[0]->text == "a");
        }
        const auto refused = [](const std::string& reply, const ReplyBounds& limits) {
            ReplyReader reader;
            try {
                reader.feed(reply, limits);
                reader.next(limits);
            } catch (const ServerFault&) {
                return true;
            }
            return false;
        };
        CPPUNIT_ASSERT(!refused("$4\r\nabcd\r\n", {10, 0}) && refused("$4\r\nabcd\r\n", {9, 0}));
        CPPUNIT_ASSERT(!refused("*1\r\n*1\r\n:1\r\n", {20, 2}) && refused("*1\r\n*1\r\n:1\r\n", {20, 1}));
        CPPUNIT_ASSERT(!refused("*0\r\n", {20, 0}) && refused("*1\r\n", {20, 0}));
    }

    /// Whatever comes: replies, or a ServerFault, and never more memory than was fed.
    void anyBytesAsReplies() {
        const std::string seed = "*2\r\n$1\r\n0\r\n*2\r\n$3\r\nabc\r\n:12\r\n+OK\r\n-ERR x\r\n$-1\r\n*-1\r\n$0\r\n\r\n";
        const std::string interesting = "*$+-:0123456789\r\n\r\n\r\n9999999999-1";
        std::mt19937 random(20240607);
        int whole = 0;
        int broken = 0;
        for (int round = 0; round < 20000; ++round) {
            std::string bytes = seed.substr(random() % seed.size()) + seed;
            for (unsigned i = random() % 6; i > 0; --i) {
                const std::size_t at = random() % bytes.size();
                const char c = random() % 4 ? interesting[random() % interesting.size()] : static_cast<char>(random());
                if (random() % 2)
                    bytes[at] = c;
                else
                    bytes.insert(at, 1, c);
            }
            const ReplyBounds bounds{random() % 200, random() % 8};
            ReplyReader reader;
            try {
                for (std::size_t at = 0; at < bytes.size();) {
                    const std::size_t piece = 1 + random() % 40;
                    reader.feed(std::string_view(bytes).substr(at, piece), bounds);
                    at += piece;
                    while (reader.next(bounds))
                        ++whole;
                }
            } catch (const ServerFault&) {
                ++broken;
            }
        }
        CPPUNIT_ASSERT(whole > 10000 && broken > 1000);
    }

    void hostsThatAreNot() {
        Resolver none("no-such-host.invalid", 6379);
        const Call call("test", Call::Clock::now() + seconds(30));
        try {
            none.addresses(Patience(call, seconds(30)));
            CPPUNIT_FAIL("no error");
        } catch (const ServerFault& fault) {
            CPPUNIT_ASSERT(std::string(fault.what()).find("cannot look up no-such-host.invalid") == 0);
        }
        Resolver local("localhost", 6379);
        CPPUNIT_ASSERT(!local.addresses(Patience(call, seconds(30))).empty());
        CPPUNIT_ASSERT(!local.addresses(Patience(call, seconds(30))).empty());
        // Out of patience at once: either it was quick, or the look-up goes on and is waited for when this goes.
        for (int i = 0; i < 20; ++i) {
            Resolver hasty("localhost", 1);
            try {
                hasty.addresses(Patience(Call("test", Call::Clock::now()), seconds(30)));
            } catch (const ServerFault& fault) {
                CPPUNIT_ASSERT(fault.blame() == ServerFault::Blame::Caller);
            }
        }
        Resolver address("::1", 6379);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), address.addresses(Patience(call, seconds(1))).size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisPartsTest);
