// SPDX-License-Identifier: Apache-2.0
#include "DataPlaneFixture.h"

namespace wasmproxy::host::test {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

const std::string Small = "host.example/small:v1";
const std::string Large = "host.example/large:v1";

/// All but what differs from answer to answer.
std::string lasting(const RawAnswer& answer) {
    std::string kept;
    for (std::size_t at = 0; at < answer.head.size();) {
        const auto end = answer.head.find("\r\n", at);
        const auto line = answer.head.substr(at, end - at);
        if (line.compare(0, 5, "Date:") != 0 && line.compare(0, 13, "X-Request-Id:") != 0) kept += line + "\n";
        at = end == std::string::npos ? answer.head.size() : end + 2;
    }
    return kept;
}

} // namespace

/// Answers that are given again without asking, and bodies that wait for their turn.
class HotAnswerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HotAnswerTest);
    CPPUNIT_TEST(theSameBytesHaveTheSameAnswer);
    CPPUNIT_TEST(whatHasChangedIsAskedAgain);
    CPPUNIT_TEST(nothingOfOneClientIsRemembered);
    CPPUNIT_TEST(noLeaseIsKept);
    CPPUNIT_TEST(otherBytesAreAnotherQuestion);
    CPPUNIT_TEST(aBodyWaitsForItsTurn);
    CPPUNIT_TEST(aTurnThatDoesNotComeIs503);
    CPPUNIT_TEST(smallBodiesNeverWait);
    CPPUNIT_TEST_SUITE_END();

    void theSameBytesHaveTheSameAnswer() {
        DataPlaneFixture fixture;
        fixture.modules.remembered = true;
        for (const auto& [reference, size] :
             {std::pair<std::string, std::size_t>{Small, 10000}, {Large, std::size_t(3) << 20}}) {
            const auto bytes = moduleBytes(size);
            fixture.modules.add(reference, bytes);
            auto client = fixture.client();
            const auto first = client.get(fetchPath(reference));
            const int calls = fixture.modules.calls;
            const int agains = fixture.modules.agains;
            std::string id = first.header("X-Request-Id");
            for (int i = 0; i < 20; ++i) {
                const auto next = client.get(fetchPath(reference));
                CPPUNIT_ASSERT(next.body == bytes);
                CPPUNIT_ASSERT_EQUAL(lasting(first), lasting(next));
                CPPUNIT_ASSERT(next.header("X-Request-Id").size() == 16 && next.header("X-Request-Id") != id);
                id = next.header("X-Request-Id");
            }
            CPPUNIT_ASSERT_EQUAL(calls, fixture.modules.calls.load());
            CPPUNIT_ASSERT_EQUAL(agains + 20, fixture.modules.agains.load());
        }
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] {
            return fixture.figure("wasm_proxy_requests_total", {"fetch", "\"200\""}) == 42;
        }));
        CPPUNIT_ASSERT_EQUAL(42.0, fixture.figure("wasm_proxy_cache_answers_total", {"\"hit\""}));
        CPPUNIT_ASSERT(fixture.plane->drain(milliseconds(2000))); // nothing is counted as in progress
    }

    void whatHasChangedIsAskedAgain() {
        DataPlaneFixture fixture;
        fixture.modules.remembered = true;
        fixture.modules.add(Small, moduleBytes(10000));
        auto client = fixture.client();
        client.get(fetchPath(Small));
        fixture.modules.stillRight = false;
        fixture.modules.remove(Small);
        fixture.modules.fail(Small, Error(ErrorCode::ManifestUnknown, "gone"));
        CPPUNIT_ASSERT_EQUAL(404, client.get(fetchPath(Small)).status());
        CPPUNIT_ASSERT_EQUAL(2, fixture.modules.calls.load());
    }

    void nothingOfOneClientIsRemembered() {
        DataPlaneFixture fixture;
        fixture.modules.remembered = true;
        fixture.modules.add(Small, moduleBytes(10000));
        auto client = fixture.client();
        int calls = 0;
        for (const char* headers : {"X-Request-Id: mine\r\n", "Range: bytes=0-9\r\n",
                                    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"})
            for (int i = 0; i < 2; ++i) {
                const auto answer = client.get(fetchPath(Small), headers);
                CPPUNIT_ASSERT_EQUAL(++calls, fixture.modules.calls.load());
                if (headers[0] == 'X') CPPUNIT_ASSERT_EQUAL(std::string("mine"), answer.header("X-Request-Id"));
            }
        for (int i = 0; i < 2; ++i) {
            auto once = fixture.client();
            once.send("HEAD " + fetchPath(Small) + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
            CPPUNIT_ASSERT_EQUAL(200, once.answer(true).status());
            auto old = fixture.client();
            old.send("GET " + fetchPath(Small) + " HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n");
            CPPUNIT_ASSERT_EQUAL(std::string("close"), old.answer().header("Connection"));
        }
        CPPUNIT_ASSERT_EQUAL(calls + 4, fixture.modules.calls.load());
    }

    void noLeaseIsKept() {
        DataPlaneFixture fixture;
        fixture.modules.remembered = true;
        std::weak_ptr<Blob> blob = fixture.modules.add(Large, moduleBytes(1 << 20)).content;
        auto client = fixture.client();
        client.get(fetchPath(Large));
        fixture.modules.remove(Large);
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return blob.expired(); }));
        CPPUNIT_ASSERT_EQUAL(404, client.get(fetchPath(Large)).status());
    }

    void otherBytesAreAnotherQuestion() {
        DataPlaneFixture fixture;
        fixture.modules.remembered = true;
        for (int i = 0; i < 600; ++i)
            fixture.modules.add("host.example/m" + std::to_string(i) + ":v1",
                                moduleBytes(9000 + static_cast<std::size_t>(i)));
        auto client = fixture.client();
        for (int round = 0; round < 2; ++round)
            for (std::size_t i = 0; i < 600; ++i)
                CPPUNIT_ASSERT_EQUAL(9000 + i,
                                     client.get(fetchPath("host.example/m" + std::to_string(i) + ":v1")).body.size());
    }

    void aBodyWaitsForItsTurn() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.bodies.always = 1 << 20; });
        const auto bytes = moduleBytes(24 << 20);
        fixture.modules.add(Large, bytes);
        auto first = fixture.client(64 * 1024); // takes nothing for now
        first.send("GET " + fetchPath(Large) + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.calls == 1; }));
        auto second = fixture.client();
        second.send("GET " + fetchPath(Large) + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.calls == 2; }));
        pollfd waiting{second.descriptor(), POLLIN, 0};
        CPPUNIT_ASSERT_EQUAL(0, ::poll(&waiting, 1, 300)); // not even a head
        CPPUNIT_ASSERT_EQUAL(1.0, fixture.figure("wasm_proxy_bodies_waiting"));
        CPPUNIT_ASSERT(first.answer().body == bytes);
        CPPUNIT_ASSERT(second.answer().body == bytes);
        CPPUNIT_ASSERT_EQUAL(0.0, fixture.figure("wasm_proxy_bodies_waiting"));
    }

    void aTurnThatDoesNotComeIs503() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) {
            options.bodies.always = 1 << 20;
            options.bodyHold = milliseconds(400);
        });
        fixture.modules.add(Large, moduleBytes(24 << 20));
        auto first = fixture.client(64 * 1024);
        first.send("GET " + fetchPath(Large) + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.calls == 1; }));
        auto second = fixture.client();
        const auto start = Clock::now();
        const auto answer = second.get(fetchPath(Large));
        CPPUNIT_ASSERT_EQUAL(503, answer.status());
        CPPUNIT_ASSERT(!answer.header("Retry-After").empty());
        CPPUNIT_ASSERT(Clock::now() - start >= milliseconds(400));
        first.reset();
        // Whoever is gone makes room.
        CPPUNIT_ASSERT(
            DataPlaneFixture::eventually([&] { return second.get(fetchPath(Large)).body.size() == 24 << 20; }));
    }

    void smallBodiesNeverWait() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.bodies.always = 1 << 20; });
        fixture.modules.add(Large, moduleBytes(24 << 20));
        fixture.modules.add(Small, moduleBytes(10000));
        auto first = fixture.client(64 * 1024);
        first.send("GET " + fetchPath(Large) + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.calls == 1; }));
        auto second = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, second.get(fetchPath(Small)).status());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HotAnswerTest);

} // namespace wasmproxy::host::test
