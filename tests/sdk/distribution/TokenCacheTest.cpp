// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/testing/TestServices.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <future>
#include <thread>

using namespace wasmproxy;
using namespace std::chrono_literals;

class TokenCacheTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TokenCacheTest);
    CPPUNIT_TEST(keepsTokensForTheirLife);
    CPPUNIT_TEST(renewsBeforeTheEnd);
    CPPUNIT_TEST(renewsWhenTheTokenSaysSo);
    CPPUNIT_TEST(servesTheOldTokenWhileRenewalFails);
    CPPUNIT_TEST(asksOnceForMany);
    CPPUNIT_TEST(sharesTheLeadersRefusal);
    CPPUNIT_TEST(waitsNoLongerThanItsOwnDeadline);
    CPPUNIT_TEST(nextInLineTriesAfterALeadersDeadline);
    CPPUNIT_TEST(nextInLineTriesAfterAForeignException);
    CPPUNIT_TEST(forgetsOnlyTheRefusedToken);
    CPPUNIT_TEST(isBounded);
    CPPUNIT_TEST_SUITE_END();

    testing::TestServices host;
    TokenCache cache{host, 4};
    std::atomic<int> asked{0};

    static Call call(std::chrono::milliseconds time = 20s) { return {"test", Call::Clock::now() + time}; }
    static TokenCache::Key key(const std::string& scope = "s") { return {"https://a/t", "svc", scope, "f"}; }

    std::string get(std::chrono::seconds life, const std::string& scope = "s") {
        Call work = call();
        const auto found = cache.get(work, key(scope), [&](Call&) {
            return Token{Secret("t" + std::to_string(++asked)), life};
        });
        return std::string(found.value.reveal()) + (found.fresh ? "!" : "");
    }

    void keepsTokensForTheirLife() {
        for (const auto life : {0s, -5s, 30s, 60s}) { // less than a minute counts as one
            const std::string scope = std::to_string(life.count());
            const std::string first = get(life, scope);
            CPPUNIT_ASSERT(first.back() == '!');
            host.clock.advance(47s);
            CPPUNIT_ASSERT_EQUAL(first.substr(0, first.size() - 1), get(life, scope));
            host.clock.advance(14s);
            CPPUNIT_ASSERT(get(life, scope).back() == '!');
        }
        const int before = asked;
        get(std::chrono::seconds::max(), "for ever"); // no overflow, and a day is the most
        host.clock.advance(24h);
        get(60s, "for ever");
        CPPUNIT_ASSERT_EQUAL(before + 2, asked.load());
    }

    void renewsBeforeTheEnd() {
        CPPUNIT_ASSERT_EQUAL(std::string("t1!"), get(1000s));
        host.clock.advance(799s);
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), get(1000s));
        host.clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::string("t2!"), get(1000s));
        host.clock.advance(-3600s); // a clock that jumps back makes nothing worse
        CPPUNIT_ASSERT_EQUAL(std::string("t2"), get(1000s));
    }

    void renewsWhenTheTokenSaysSo() {
        const auto at = [&](std::chrono::seconds renewAfter) {
            Call work = call();
            const auto found = cache.get(work, key(), [&](Call&) {
                return Token{Secret("t" + std::to_string(++asked)), 3600s, renewAfter};
            });
            return std::string(found.value.reveal());
        };
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), at(1800s));
        host.clock.advance(1799s);
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), at(1800s));
        host.clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::string("t2"), at(7200s));
        host.clock.advance(3599s); // later than four fifths, and never later than its life
        CPPUNIT_ASSERT_EQUAL(std::string("t2"), at(0s));
        host.clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::string("t3"), at(0s));
    }

    void servesTheOldTokenWhileRenewalFails() {
        get(1000s);
        host.clock.advance(900s);
        const auto failing = [&](ErrorCode code) {
            Call work = call();
            return std::string(cache
                                   .get(work, key(),
                                        [&, code](Call&) -> Token {
                                            ++asked;
                                            throw Error(code, "no");
                                        })
                                   .value.reveal());
        };
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), failing(ErrorCode::UpstreamUnavailable));
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), failing(ErrorCode::UpstreamUnavailable));
        CPPUNIT_ASSERT_EQUAL(2, asked.load()); // and does not ask at every call
        host.clock.advance(11s);
        test::expectError("refused", ErrorCode::CredentialRefused, "no",
                          [&] { failing(ErrorCode::CredentialRefused); });
        host.clock.advance(100s);
        test::expectError("too old", ErrorCode::UpstreamUnavailable, "no",
                          [&] { failing(ErrorCode::UpstreamUnavailable); });
    }

    /// A request that others come to wait for: `begun` when it is under way, ends at `go`.
    struct Held {
        std::promise<void> begun;
        std::promise<void> go;
    };

    void asksOnceForMany() {
        Held held;
        const auto obtain = [&](Call&) {
            if (++asked == 1) held.begun.set_value();
            held.go.get_future().wait();
            return Token{Secret("t"), 300s};
        };
        std::atomic<int> good{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                Call work = call();
                const auto found = cache.get(work, key(), obtain);
                if (found.value == Secret("t")) ++good;
            });
        held.begun.get_future().wait();
        Call work = call();
        CPPUNIT_ASSERT(cache.get(work, key("other"),
                                 [](Call&) {
                                     return Token{Secret("o"), 60s};
                                 })
                           .fresh); // not held up
        held.go.set_value();
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(16, good.load());
        CPPUNIT_ASSERT_EQUAL(1, asked.load());
    }

    /// One leader that ends with `outcome` while another waits; returns what became of the other ("token" or an Error).
    std::string follower(const std::function<void()>& outcome, std::chrono::milliseconds patience = 20s) {
        Held held;
        std::thread leader([&] {
            Call work = call();
            try {
                cache.get(work, key(), [&](Call&) -> Token {
                    held.begun.set_value();
                    held.go.get_future().wait();
                    outcome();
                    return {Secret("leader's"), 60s};
                });
            } catch (...) {
                // what matters is what the follower sees
            }
        });
        held.begun.get_future().wait();
        auto result = std::async(std::launch::async, [&]() -> std::string {
            Call work = call(patience);
            try {
                const auto found = cache.get(work, key(), [&](Call&) {
                    ++asked;
                    return Token{Secret("own"), 60s};
                });
                return std::string(found.value.reveal());
            } catch (const Error& error) {
                return traitsOf(error.code()).name + std::string(": ") + error.what();
            }
        });
        if (patience >= 1s) {
            // Nothing tells from outside that it waits; where it comes late it finds the outcome, which is as good.
            result.wait_for(50ms);
            held.go.set_value();
        }
        const std::string text = result.get();
        if (patience < 1s) held.go.set_value();
        leader.join();
        return text;
    }

    void sharesTheLeadersRefusal() {
        CPPUNIT_ASSERT_EQUAL(std::string("leader's"), follower([] {}));
        cache.forget(key(), Secret("leader's"));
        const std::string text = follower([] { throw Error(ErrorCode::CredentialRefused, "wrong password"); });
        CPPUNIT_ASSERT_MESSAGE(text, text.find("wrong password") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(0, asked.load()); // one wrong attempt, not one per waiter
    }

    void waitsNoLongerThanItsOwnDeadline() {
        const std::string text = follower([] {}, 30ms);
        CPPUNIT_ASSERT_MESSAGE(text, text.find("waiting for a token") != std::string::npos);
    }

    void nextInLineTriesAfterALeadersDeadline() {
        CPPUNIT_ASSERT_EQUAL(std::string("own"),
                             follower([] { throw Error(ErrorCode::DeadlineExceeded, "leader's time is up"); }));
    }

    void nextInLineTriesAfterAForeignException() {
        CPPUNIT_ASSERT_EQUAL(std::string("own"), follower([] { throw std::runtime_error("a bug"); }));
    }

    void forgetsOnlyTheRefusedToken() {
        get(300s);
        cache.forget(key(), Secret("older"));
        CPPUNIT_ASSERT_EQUAL(std::string("t1"), get(300s));
        cache.forget(key(), Secret("t1"));
        CPPUNIT_ASSERT_EQUAL(std::string("t2!"), get(300s));
        cache.forget(key("unknown"), Secret("t2"));
    }

    void isBounded() {
        for (int i = 0; i < 100; ++i) {
            get(300s, std::to_string(i));
            get(300s, "used all the time");
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), cache.size());
        CPPUNIT_ASSERT_EQUAL(101, asked.load()); // the least recently used go first
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TokenCacheTest);
