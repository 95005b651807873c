// SPDX-License-Identifier: Apache-2.0
#include "AwsFixture.h"

#include "wasmproxy/aws/AwsAnswer.h"
#include "wasmproxy/aws/HeldCredentials.h"

#include <atomic>
#include <thread>

namespace wasmproxy::aws::test {
namespace {

class HeldCredentialsTest : public AwsFixture {
    CPPUNIT_TEST_SUITE(HeldCredentialsTest);
    CPPUNIT_TEST(areFoundOnceAndKept);
    CPPUNIT_TEST(areRenewedNearTheirEnd);
    CPPUNIT_TEST(serveToTheirEndWhileTheSourceFails);
    CPPUNIT_TEST(othersInsteadOfRefusedOnes);
    CPPUNIT_TEST(oneThreadLooksForAll);
    CPPUNIT_TEST(whoWaitsHasADeadline);
    CPPUNIT_TEST(timesAsAwsWritesThem);
    CPPUNIT_TEST_SUITE_END();

    std::atomic<int> looks{0};
    std::string id = "AK1";
    std::optional<std::chrono::seconds> life;
    bool fails = false;

    HeldCredentials make() {
        return HeldCredentials(host, [this](Call&) {
            ++looks;
            if (fails) throw Error(ErrorCode::CredentialSourceFault, "the source is down");
            AwsCredentials found{id, Secret(SecretKey), Secret(), "the test"};
            if (life) found.expires = host.now() + *life;
            return found;
        });
    }

public:
    void areFoundOnceAndKept() {
        auto held = make();
        for (int i = 0; i < 10; ++i)
            CPPUNIT_ASSERT_EQUAL(std::string("AK1"), held.get(call)->accessKeyId);
        CPPUNIT_ASSERT_EQUAL(1, looks.load());
        life = 6h;
        auto longer = make();
        longer.get(call);
        host.clock.advance(1h); // of theirs: looked for again by our steady clock, unless they are over
        longer.get(call);
        CPPUNIT_ASSERT_EQUAL(2, looks.load());
    }

    void areRenewedNearTheirEnd() {
        life = 2s; // half of that is how long they are held
        auto held = make();
        const auto first = held.get(call);
        id = "AK2";
        std::this_thread::sleep_for(1100ms);
        CPPUNIT_ASSERT_EQUAL(std::string("AK2"), held.get(call)->accessKeyId);
        CPPUNIT_ASSERT_EQUAL(std::string("AK1"), first->accessKeyId);
        host.clock.advance(3s); // over, whatever was planned
        id = "AK3";
        CPPUNIT_ASSERT_EQUAL(std::string("AK3"), held.get(call)->accessKeyId);
    }

    void serveToTheirEndWhileTheSourceFails() {
        life = 1h;
        auto held = make();
        const auto first = held.get(call);
        fails = true;
        CPPUNIT_ASSERT(!held.insteadOf(call, *first)); // looks at once, and finds nobody else
        CPPUNIT_ASSERT_EQUAL(2, looks.load());
        for (int i = 0; i < 10; ++i)
            CPPUNIT_ASSERT(held.get(call) == first);
        CPPUNIT_ASSERT_EQUAL(2, looks.load()); // not each time
        CPPUNIT_ASSERT(host.logged("stay in use: the source is down"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), host.lines().size());
        host.clock.advance(1h);
        expectError("over", ErrorCode::CredentialSourceFault, "the source is down", [&] { held.get(call); });
        fails = false;
        CPPUNIT_ASSERT_EQUAL(std::string("AK1"), held.get(call)->accessKeyId);
        for (const auto& line : host.lines())
            assertSilent(line.text);
    }

    void othersInsteadOfRefusedOnes() {
        auto held = make();
        const auto first = held.get(call);
        CPPUNIT_ASSERT(!held.insteadOf(call, *first));
        id = "AK2";
        const auto second = held.insteadOf(call, *first);
        CPPUNIT_ASSERT(second && second->accessKeyId == "AK2");
        const auto before = looks.load();
        CPPUNIT_ASSERT(held.insteadOf(call, *first) == second); // found by somebody else meanwhile
        CPPUNIT_ASSERT_EQUAL(before, looks.load());
    }

    void oneThreadLooksForAll() {
        HeldCredentials held(host, [this](Call&) {
            ++looks;
            std::this_thread::sleep_for(100ms);
            return AwsCredentials{"AK", Secret(SecretKey), Secret(), "the test"};
        });
        std::vector<std::thread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                Call own{"test", Call::Clock::now() + 20s};
                if (held.get(own)->accessKeyId == "AK") ++good;
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(8, good.load());
        CPPUNIT_ASSERT_EQUAL(1, looks.load());
    }

    void whoWaitsHasADeadline() {
        std::atomic<bool> go{false};
        HeldCredentials held(host, [&](Call&) {
            ++looks;
            while (!go)
                std::this_thread::sleep_for(5ms);
            return AwsCredentials{"AK", Secret(SecretKey), Secret(), "the test"};
        });
        std::thread leader([&] {
            Call own{"test", Call::Clock::now() + 20s};
            held.get(own);
        });
        while (looks == 0)
            std::this_thread::sleep_for(1ms);
        Call hasty{"test", Call::Clock::now() + 50ms};
        std::string what;
        try {
            held.get(hasty);
        } catch (const Error& error) {
            what = error.what();
        }
        go = true;
        leader.join();
        CPPUNIT_ASSERT_EQUAL(std::string("deadline passed while waiting for AWS credentials"), what);
    }

    void timesAsAwsWritesThem() {
        const auto secondsOf = [](const std::string& text) {
            const auto time = timeOf(text);
            return time ? std::chrono::system_clock::to_time_t(*time) : -1;
        };
        CPPUNIT_ASSERT_EQUAL(std::time_t(1767225600), secondsOf("2026-01-01T00:00:00Z"));
        CPPUNIT_ASSERT_EQUAL(std::time_t(1767225600), secondsOf("2026-01-01T02:00:00+02:00"));
        for (const char* bad : {"", "soon", "1767225600", "2026-13-01T00:00:00Z"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::time_t(-1), secondsOf(bad));
        const auto found = credentialsOf(
            R"({"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-01T06:00:00Z"})", "x");
        CPPUNIT_ASSERT_EQUAL(std::time_t(1767247200), std::chrono::system_clock::to_time_t(*found.expires));
        CPPUNIT_ASSERT(!credentialsOf(R"({"AccessKeyId":"A","SecretAccessKey":"s"})", "x").expires);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HeldCredentialsTest);

} // namespace
} // namespace wasmproxy::aws::test
