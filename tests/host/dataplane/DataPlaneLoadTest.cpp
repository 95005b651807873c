// SPDX-License-Identifier: Apache-2.0
#include "DataPlaneFixture.h"

#include <sys/resource.h>

namespace wasmproxy::host::test {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

const std::string Small = "host.example/small:v1";
const std::string Large = "host.example/large:v1";

std::string request(const std::string& reference) {
    return "GET " + fetchPath(reference) + " HTTP/1.1\r\nHost: proxy\r\n\r\n";
}

/// Restores the limit of open files that it sets.
class OpenFiles {
public:
    explicit OpenFiles(rlim_t soft) {
        ::getrlimit(RLIMIT_NOFILE, &_before);
        const rlimit now{std::min(soft, _before.rlim_max), _before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
    }
    ~OpenFiles() { ::setrlimit(RLIMIT_NOFILE, &_before); }
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;

private:
    rlimit _before{};
};

double cpuSeconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

} // namespace

class DataPlaneLoadTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DataPlaneLoadTest);
    CPPUNIT_TEST(idleAndHalfSentRequestsDisturbNobody);
    CPPUNIT_TEST(largeBodiesArriveWholeUnderConcurrency);
    CPPUNIT_TEST(slowHeadsAreAnsweredAndClosed);
    CPPUNIT_TEST(idleConnectionsAreClosed);
    CPPUNIT_TEST(slowReadersAreDropped);
    CPPUNIT_TEST(aSteadySlowReaderGetsItAll);
    CPPUNIT_TEST(earlyDisconnectsGiveUpTheLease);
    CPPUNIT_TEST(waitsAreBounded);
    CPPUNIT_TEST(connectionsAreBounded);
    CPPUNIT_TEST(shortDescriptorsAreSurvived);
    CPPUNIT_TEST_SUITE_END();

    void idleAndHalfSentRequestsDisturbNobody() {
        const OpenFiles enough(8192);
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(10000));
        std::vector<RawClient> others;
        for (int i = 0; i < 1000; ++i)
            others.push_back(fixture.client());
        for (int i = 0; i < 300; ++i) {
            others.push_back(fixture.client());
            others.back().send("GET /fetch/AAAA HTTP/1.1\r\nHost: slow\r\nX-Half: ");
        }
        auto client = fixture.client();
        Clock::duration slowest{};
        for (int i = 0; i < 200; ++i) {
            const auto start = Clock::now();
            CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
            slowest = std::max(slowest, Clock::now() - start);
        }
        for (int i = 0; i < 50; ++i) {
            const auto start = Clock::now();
            auto fresh = fixture.client();
            CPPUNIT_ASSERT_EQUAL(200, fresh.get(fetchPath(Small)).status());
            slowest = std::max(slowest, Clock::now() - start);
        }
        CPPUNIT_ASSERT_MESSAGE(std::to_string(std::chrono::duration_cast<milliseconds>(slowest).count()) + " ms",
                               slowest < milliseconds(50));
        // The idle ones are still good.
        CPPUNIT_ASSERT_EQUAL(200, others.front().get(fetchPath(Small)).status());
        CPPUNIT_ASSERT_EQUAL(200, others[999].get(fetchPath(Small)).status());
    }

    void largeBodiesArriveWholeUnderConcurrency() {
        DataPlaneFixture fixture;
        const std::string bytes = moduleBytes(8 << 20);
        fixture.modules.add(Large, bytes);
        std::atomic<int> good{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 64; ++i)
            threads.emplace_back([&] {
                try {
                    auto client = fixture.client();
                    for (int k = 0; k < 2; ++k)
                        if (client.get(fetchPath(Large)).body == bytes) ++good;
                } catch (const std::exception&) {
                    // counted as not good
                }
            });
        for (std::thread& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(128, good.load());
    }

    void slowHeadsAreAnsweredAndClosed() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.headerTimeout = milliseconds(300); });
        fixture.modules.add(Small, moduleBytes(100));
        auto client = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
        auto trickling = fixture.client();
        client.send("GET / HTT");
        const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
        try {
            for (const char c : text) {
                trickling.send({&c, 1});
                std::this_thread::sleep_for(milliseconds(100));
            }
        } catch (const std::exception&) {
            // closed while it trickled
        }
        CPPUNIT_ASSERT(trickling.readToEnd().find("HTTP/1.1 408 ") == 0);
        const std::string answer = client.readToEnd();
        CPPUNIT_ASSERT(answer.find("HTTP/1.1 408 ") == 0);
        CPPUNIT_ASSERT(answer.find("REQUEST_TIMEOUT") != std::string::npos);
    }

    void idleConnectionsAreClosed() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.idleTimeout = milliseconds(300); });
        fixture.modules.add(Small, moduleBytes(100));
        auto never = fixture.client();
        auto once = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, once.get(fetchPath(Small)).status());
        CPPUNIT_ASSERT(never.closedWithin(milliseconds(3000)));
        CPPUNIT_ASSERT(once.closedWithin(milliseconds(3000)));
    }

    void slowReadersAreDropped() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.sendRateWindow = milliseconds(1500); });
        fixture.modules.add(Large, moduleBytes(32 << 20));
        auto stuck = fixture.client(4096);
        stuck.send(request(Large));
        CPPUNIT_ASSERT(DataPlaneFixture::eventually(
            [&] {
                return fixture.figure("wasm_proxy_requests_total", {"fetch", "\"other\""}) == 1;
            },
            milliseconds(5000)));
    }

    void aSteadySlowReaderGetsItAll() {
        DataPlaneFixture fixture;
        const std::string bytes = moduleBytes(3 << 20);
        fixture.modules.add(Large, bytes);
        auto slow = fixture.client(16384);
        slow.send(request(Large));
        std::string all;
        while (all.find("\r\n\r\n") == std::string::npos || all.size() - all.find("\r\n\r\n") - 4 < bytes.size()) {
            const std::string more = slow.readSome(32768);
            CPPUNIT_ASSERT(!more.empty());
            all += more;
            std::this_thread::sleep_for(milliseconds(1));
        }
        CPPUNIT_ASSERT(all.substr(all.find("\r\n\r\n") + 4) == bytes);
        CPPUNIT_ASSERT_EQUAL(200, slow.get(fetchPath(Large), "", "HEAD").status());
    }

    void earlyDisconnectsGiveUpTheLease() {
        DataPlaneFixture fixture;
        std::weak_ptr<Blob> lease;
        std::vector<RawClient> clients;
        for (int i = 0; i < 20; ++i) {
            clients.push_back(fixture.client(4096));
            clients.back().send(request("host.example/held:v1"));
        }
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 20; }));
        {
            ServedModule module{std::make_shared<MemoryBlob>(moduleBytes(16 << 20)), Digest::of("m"), Digest::of("x")};
            lease = module.content;
            for (const ModuleCallback& callback : fixture.modules.takeHeld())
                callback(module);
        }
        for (RawClient& client : clients)
            CPPUNIT_ASSERT(!client.readSome(1000).empty());
        CPPUNIT_ASSERT(!lease.expired());
        for (std::size_t i = 0; i < clients.size(); ++i)
            if (i % 2 == 0) clients[i].reset();
        clients.clear();
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return lease.expired(); }));
        CPPUNIT_ASSERT(fixture.plane->drain(milliseconds(1000)));
    }

    void waitsAreBounded() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.waitLimit = milliseconds(300); });
        const ServedModule module = fixture.modules.add(Small, moduleBytes(100));
        auto client = fixture.client();
        client.send(request("host.example/held:v1"));
        CPPUNIT_ASSERT_EQUAL(503, client.answer().status());
        // The answer that was given up comes in the middle of the next wait and must not be taken for that one's.
        client.send(request("host.example/held:v2"));
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 2; }));
        const auto held = fixture.modules.takeHeld();
        held[0](module);
        held[1](Error(ErrorCode::RouteUnknown, "the second"));
        const RawAnswer answer = client.answer();
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
    }

    void connectionsAreBounded() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) {
            options.connections = 20;
            options.connectionsPerAddress = 10;
        });
        fixture.modules.add(Small, moduleBytes(100));
        std::vector<RawClient> clients;
        for (int i = 0; i < 10; ++i) {
            clients.push_back(fixture.client());
            CPPUNIT_ASSERT_EQUAL(200, clients.back().get(fetchPath(Small)).status());
        }
        for (int i = 0; i < 5; ++i) {
            auto over = fixture.client();
            const std::string answer = over.readToEnd();
            CPPUNIT_ASSERT(answer.find("HTTP/1.1 503 ") == 0 && answer.find("\"BUSY\"") != std::string::npos);
        }
        clients.pop_back();
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] {
            try {
                return fixture.client().get(fetchPath(Small)).status() == 200;
            } catch (const std::exception&) {
                return false; // refused before the request was sent
            }
        }));
    }

    void shortDescriptorsAreSurvived() {
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(100));
        auto client = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
        std::vector<RawClient> waiting;
        {
            // The clients' own descriptors come first, so that what is missing is the server's.
            std::vector<int> spent;
            for (int i = 0; i < 20; ++i)
                waiting.reserve(20);
            const OpenFiles few(128);
            for (int fd = ::dup(0); fd >= 0; fd = ::dup(0))
                spent.push_back(fd);
            for (int i = 0; i < 5; ++i) {
                ::close(spent.back());
                spent.pop_back();
                try {
                    waiting.push_back(fixture.client());
                } catch (const std::exception&) {
                    // the loop took the descriptor first
                }
            }
            CPPUNIT_ASSERT(!waiting.empty());
            const double before = cpuSeconds();
            std::this_thread::sleep_for(milliseconds(500));
            CPPUNIT_ASSERT_MESSAGE("spins", cpuSeconds() - before < 0.1);
            CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
            for (const int fd : spent)
                ::close(fd);
        }
        for (RawClient& late : waiting) {
            const auto start = Clock::now();
            CPPUNIT_ASSERT_EQUAL(200, late.get(fetchPath(Small)).status());
            CPPUNIT_ASSERT(Clock::now() - start < milliseconds(1000));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DataPlaneLoadTest);

} // namespace wasmproxy::host::test
