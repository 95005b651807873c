// SPDX-License-Identifier: Apache-2.0
#include "DataPlaneFixture.h"

#include <algorithm>
#include <future>

namespace wasmproxy::host::test {

namespace {

const std::string Small = "host.example/small:v1";
const std::string Large = "host.example/large:v1";

} // namespace

class DataPlaneTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DataPlaneTest);
    CPPUNIT_TEST(servesByReferenceAndBySha256);
    CPPUNIT_TEST(servesExtensionsAndUrls);
    CPPUNIT_TEST(answersConditionsRangesAndHead);
    CPPUNIT_TEST(pinnedReferencesAreImmutable);
    CPPUNIT_TEST(errorsHaveOneShape);
    CPPUNIT_TEST(requestIdsAreAdoptedOrMade);
    CPPUNIT_TEST(keepAliveFollowsTheVersion);
    CPPUNIT_TEST(pipelinedRequestsAreAnsweredInOrder);
    CPPUNIT_TEST(callersOutsideAreRefused);
    CPPUNIT_TEST(answersComeLaterFromOtherThreads);
    CPPUNIT_TEST(answersAfterTheClientOrThePlaneAreGone);
    CPPUNIT_TEST(aBadListenAddressIsNamed);
    CPPUNIT_TEST(stopAcceptingRefusesNewOnly);
    CPPUNIT_TEST(drainFinishesWhatIsInProgress);
    CPPUNIT_TEST(drainGivesUpInTime);
    CPPUNIT_TEST(metricsCount);
    CPPUNIT_TEST_SUITE_END();

    void servesByReferenceAndBySha256() {
        DataPlaneFixture fixture;
        for (const std::size_t size :
             {std::size_t(8), std::size_t(32 * 1024), std::size_t(32 * 1024 + 1), std::size_t(3000000)}) {
            const std::string bytes = moduleBytes(size);
            const std::string reference = "host.example/m" + std::to_string(size) + ":v1";
            const ServedModule module = fixture.modules.add(reference, bytes, CacheResult::Miss);
            auto client = fixture.client();
            const RawAnswer answer = client.get(fetchPath(reference) + "?x=y");
            CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 200 OK"), answer.statusLine);
            CPPUNIT_ASSERT(answer.body == bytes);
            CPPUNIT_ASSERT_EQUAL(std::string("application/wasm"), answer.header("Content-Type"));
            CPPUNIT_ASSERT_EQUAL("\"" + module.module.str() + "\"", answer.header("ETag"));
            CPPUNIT_ASSERT_EQUAL(std::string(module.module.hex()), answer.header("X-Wasm-Sha256"));
            CPPUNIT_ASSERT_EQUAL(module.manifest.str(), answer.header("Docker-Content-Digest"));
            CPPUNIT_ASSERT_EQUAL(std::string("MISS"), answer.header("X-Cache"));
            CPPUNIT_ASSERT_EQUAL(std::string("no-cache"), answer.header("Cache-Control"));
            CPPUNIT_ASSERT(answer.header("Date").find(" GMT") != std::string::npos);
            const RawAnswer again = client.get("/modules/sha256/" + std::string(module.module.hex()) + ".wasm");
            CPPUNIT_ASSERT_EQUAL(200, again.status());
            CPPUNIT_ASSERT(again.body == bytes);
            CPPUNIT_ASSERT(again.header("Cache-Control").find("immutable") != std::string::npos);
        }
    }

    void servesExtensionsAndUrls() {
        DataPlaneFixture fixture;
        const std::string bytes = moduleBytes(5000);
        const ServedModule module = fixture.modules.add("host.example/m:v1", bytes, CacheResult::Miss);
        fixture.modules.serve("authz", module);
        fixture.modules.serve("https://files.example/x.wasm?token=t", module);
        auto client = fixture.client();
        RawAnswer answer = client.get("/extensions/authz.wasm");
        CPPUNIT_ASSERT_EQUAL(200, answer.status());
        CPPUNIT_ASSERT(answer.body == bytes);
        CPPUNIT_ASSERT_EQUAL(std::string("extension authz "), fixture.modules.asked);
        CPPUNIT_ASSERT_EQUAL(std::string(module.module.hex()), answer.header("X-Wasm-Sha256"));
        CPPUNIT_ASSERT_EQUAL(module.manifest.str(), answer.header("Docker-Content-Digest"));
        CPPUNIT_ASSERT_EQUAL(std::string("no-cache"), answer.header("Cache-Control"));

        answer = client.get("/extensions/authz.wasm?digest=" + module.manifest.str());
        CPPUNIT_ASSERT_EQUAL("extension authz " + module.manifest.str(), fixture.modules.asked);
        CPPUNIT_ASSERT(answer.header("Cache-Control").find("immutable") != std::string::npos);

        answer = client.get("/fetch/" + base64("https://files.example/x.wasm?token=t") + "?secret=regcred");
        CPPUNIT_ASSERT(answer.body == bytes);
        CPPUNIT_ASSERT_EQUAL(std::string("url https://files.example/x.wasm?token=t regcred"), fixture.modules.asked);
        CPPUNIT_ASSERT_EQUAL(std::string("no-cache"), answer.header("Cache-Control"));
        answer = client.get(fetchPath("host.example/m:v1") + "?secret=regcred");
        CPPUNIT_ASSERT_EQUAL(std::string("oci host.example/m:v1 regcred"), fixture.modules.asked);

        for (const std::string& other :
             {std::string("/extensions/other.wasm"), "/fetch/" + base64("https://files.example/x.wasm")}) {
            answer = client.get(other);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(other, traitsOf(ErrorCode::RouteUnknown).status, answer.status());
        }
        const int calls = fixture.modules.calls;
        CPPUNIT_ASSERT_EQUAL(404, client.get("/extensions/authz").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.client().get("/extensions/Authz.wasm").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.client().get("/extensions/authz.wasm?digest=latest").status());
        CPPUNIT_ASSERT_EQUAL(calls, fixture.modules.calls.load());
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] {
            return fixture.figure("wasm_proxy_requests_total", {"surface=\"extensions\"", "status=\"200\""}) == 2;
        }));
    }

    void answersConditionsRangesAndHead() {
        DataPlaneFixture fixture;
        const std::string bytes = moduleBytes(1 << 20);
        const ServedModule module = fixture.modules.add(Large, bytes);
        const std::string path = fetchPath(Large);
        auto client = fixture.client();
        const RawAnswer head = client.get(path, "", "HEAD");
        CPPUNIT_ASSERT_EQUAL(200, head.status());
        CPPUNIT_ASSERT_EQUAL(std::string("1048576"), head.header("Content-Length"));
        const RawAnswer unchanged =
            client.get(path, "If-None-Match: \"other\"\r\nIf-None-Match: W/" + head.header("ETag") + "\r\n");
        CPPUNIT_ASSERT_EQUAL(304, unchanged.status());
        RawAnswer part = client.get(path, "Range: bytes=1000-1999\r\n");
        CPPUNIT_ASSERT_EQUAL(206, part.status());
        CPPUNIT_ASSERT(part.body == bytes.substr(1000, 1000));
        CPPUNIT_ASSERT_EQUAL(std::string("bytes 1000-1999/1048576"), part.header("Content-Range"));
        part = client.get(path, "Range: bytes=500000-\r\nIf-Range: " + head.header("ETag") + "\r\n");
        CPPUNIT_ASSERT(part.status() == 206 && part.body == bytes.substr(500000));
        part = client.get(path, "Range: bytes=5-\r\nIf-Range: \"other\"\r\n");
        CPPUNIT_ASSERT(part.status() == 200 && part.body == bytes);
        part = client.get(path, "Range: bytes=0-1\r\nRange: bytes=2-3\r\n");
        CPPUNIT_ASSERT(part.status() == 200 && part.body == bytes);
        part = client.get(path, "Range: bytes=1048576-\r\n");
        CPPUNIT_ASSERT_EQUAL(416, part.status());
        CPPUNIT_ASSERT_EQUAL(std::string("bytes */1048576"), part.header("Content-Range"));
        CPPUNIT_ASSERT(part.body.find("RANGE_INVALID") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(200, client.get(path).status());
    }

    void pinnedReferencesAreImmutable() {
        DataPlaneFixture fixture;
        const std::string pinned = Small + "@" + Digest::of("x").str();
        fixture.modules.add(pinned, moduleBytes(100), CacheResult::Stale);
        auto client = fixture.client();
        const RawAnswer answer = client.get(fetchPath(pinned));
        CPPUNIT_ASSERT_EQUAL(std::string("public, max-age=31536000, immutable"), answer.header("Cache-Control"));
        CPPUNIT_ASSERT_EQUAL(std::string("STALE"), answer.header("X-Cache"));
        CPPUNIT_ASSERT(!answer.header("Warning").empty());
    }

    void errorsHaveOneShape() {
        DataPlaneFixture fixture;
        fixture.modules.fail(
            "host.example/down:v1",
            Error(ErrorCode::UpstreamUnavailable, "10.0.0.9 said: hush").withRetryAfter(std::chrono::seconds(9)));
        fixture.modules.fail("host.example/odd:v1",
                             Error(ErrorCode::ModuleUnusable, "no layer of host.example/odd is wasm"));
        auto client = fixture.client();
        RawAnswer answer = client.get(fetchPath("host.example/down:v1"));
        CPPUNIT_ASSERT_EQUAL(503, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string("9"), answer.header("Retry-After"));
        CPPUNIT_ASSERT_EQUAL(
            "{\"errors\":[{\"code\":\"UNAVAILABLE\",\"message\":\"the registry cannot be reached\",\"detail\":{"
            "\"requestId\":\"" +
                answer.header("X-Request-Id") + "\"}}]}\n",
            answer.body);
        answer = client.get(fetchPath("host.example/none:v1"));
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
        CPPUNIT_ASSERT(answer.body.find("secret words") == std::string::npos);
        answer = client.get(fetchPath("host.example/odd:v1"));
        CPPUNIT_ASSERT_EQUAL(422, answer.status());
        CPPUNIT_ASSERT(answer.body.find("no layer of host.example/odd is wasm") != std::string::npos);
        answer = client.get(fetchPath("host.example/odd:v1"), "", "HEAD");
        CPPUNIT_ASSERT_EQUAL(422, answer.status());
        answer = client.get("/modules/sha256/" + std::string(64, '0') + ".wasm");
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
        answer = client.get("/nothing/here");
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string(""), answer.header("Connection"));
        answer = client.get("/fetch/" + base64("ftp://host.example/x"));
        CPPUNIT_ASSERT_EQUAL(400, answer.status());
        CPPUNIT_ASSERT(answer.body.find("only oci://") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("close"), answer.header("Connection"));
        auto other = fixture.client();
        answer = other.get("/fetch/x", "", "POST");
        CPPUNIT_ASSERT_EQUAL(405, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string("GET, HEAD"), answer.header("Allow"));
        CPPUNIT_ASSERT(other.closedWithin(std::chrono::seconds(1)));
    }

    void requestIdsAreAdoptedOrMade() {
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(100));
        auto client = fixture.client();
        CPPUNIT_ASSERT_EQUAL(std::string("abc-1.2_Z"),
                             client.get(fetchPath(Small), "X-Request-Id: abc-1.2_Z\r\n").header("X-Request-Id"));
        std::vector<std::string> made;
        for (const std::string headers : {"", "X-Request-Id: a b\r\n", "X-Request-Id: a\r\nX-Request-Id: b\r\n",
                                          "X-Request-Id: <script>\r\n", "X-Request-Id:\r\n"})
            made.push_back(client.get(fetchPath(Small), headers).header("X-Request-Id"));
        made.push_back(
            client.get(fetchPath(Small), "X-Request-Id: " + std::string(65, 'x') + "\r\n").header("X-Request-Id"));
        for (const std::string& id : made) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(id, std::size_t(16), id.size());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(id, std::string::npos, id.find_first_not_of("0123456789abcdef"));
        }
        std::sort(made.begin(), made.end());
        CPPUNIT_ASSERT(std::unique(made.begin(), made.end()) == made.end());
        CPPUNIT_ASSERT_EQUAL(std::string("abc-1.2_Z"), fixture.modules.callers.front().requestId);
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), fixture.modules.callers.front().address);
    }

    void keepAliveFollowsTheVersion() {
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(100));
        const std::string path = fetchPath(Small);
        auto old = fixture.client();
        old.send("GET " + path + " HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("keep-alive"), old.answer().header("Connection"));
        old.send("GET " + path + " HTTP/1.0\r\nHost: a\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("close"), old.answer().header("Connection"));
        CPPUNIT_ASSERT(old.closedWithin(std::chrono::seconds(1)));
        auto polite = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, polite.get(path, "Connection: close\r\n").status());
        CPPUNIT_ASSERT(polite.closedWithin(std::chrono::seconds(1)));
        // A client that closes its sending half first still gets its answer.
        auto half = fixture.client();
        half.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
        half.finishSending();
        CPPUNIT_ASSERT_EQUAL(std::size_t(100), half.answer().body.size());
        CPPUNIT_ASSERT(half.closedWithin(std::chrono::seconds(1)));
    }

    void pipelinedRequestsAreAnsweredInOrder() {
        DataPlaneFixture fixture;
        std::string all;
        std::vector<std::string> bodies;
        for (int i = 0; i < 200; ++i) {
            bodies.push_back(moduleBytes(static_cast<std::size_t>(10 + i * 400)));
            const std::string reference = "host.example/p" + std::to_string(i) + ":v1";
            fixture.modules.add(reference, bodies.back());
            all += "GET " + fetchPath(reference) + " HTTP/1.1\r\nHost: a\r\n\r\n";
        }
        auto client = fixture.client();
        client.send(all);
        for (const std::string& body : bodies)
            CPPUNIT_ASSERT(client.answer().body == body);
    }

    void callersOutsideAreRefused() {
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.allowFrom = {"10.0.0.0/8"}; });
        fixture.modules.add(Small, moduleBytes(100));
        for (const std::string& request :
             {"GET " + fetchPath(Small) + " HTTP/1.1\r\nHost: a\r\n\r\n", std::string("\x16\x03\x01"),
              std::string("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string("GET /x HTTP/1.1\r\n\r\n")}) {
            auto client = fixture.client();
            client.send(request);
            const RawAnswer answer = client.answer();
            CPPUNIT_ASSERT_EQUAL(403, answer.status());
            CPPUNIT_ASSERT(answer.body.find("\"DENIED\"") != std::string::npos);
            CPPUNIT_ASSERT(client.closedWithin(std::chrono::seconds(1)));
        }
        CPPUNIT_ASSERT_EQUAL(0, fixture.modules.calls.load());
    }

    void answersComeLaterFromOtherThreads() {
        DataPlaneFixture fixture;
        const ServedModule module = fixture.modules.add(Large, moduleBytes(300000));
        std::vector<RawClient> clients;
        for (int i = 0; i < 50; ++i) {
            clients.push_back(fixture.client());
            clients.back().send("GET " + fetchPath("host.example/held:v" + std::to_string(i)) +
                                " HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 50; }));
        std::thread([&] {
            for (const ModuleCallback& callback : fixture.modules.takeHeld())
                callback(module);
        }).join();
        for (RawClient& client : clients) {
            CPPUNIT_ASSERT_EQUAL(std::size_t(300000), client.answer().body.size());
            CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Large)).status());
        }
    }

    void answersAfterTheClientOrThePlaneAreGone() {
        std::weak_ptr<Blob> lease;
        std::vector<ModuleCallback> late;
        {
            DataPlaneFixture fixture;
            {
                ServedModule module{std::make_shared<MemoryBlob>(moduleBytes(1 << 20)), Digest::of("m"),
                                    Digest::of("x")};
                lease = module.content;
                for (int i = 0; i < 20; ++i) {
                    auto client = fixture.client();
                    client.send("GET " + fetchPath("host.example/held:v1") + " HTTP/1.1\r\nHost: a\r\n\r\n");
                    CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 1; }));
                    if (i % 2 == 0) client.reset();
                    for (const ModuleCallback& callback : fixture.modules.takeHeld()) {
                        callback(module);
                        callback(module); // against the contract: ignored
                    }
                }
            }
            CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return lease.expired(); }));
            auto client = fixture.client();
            client.send("GET " + fetchPath("host.example/held:v1") + " HTTP/1.1\r\nHost: a\r\n\r\n");
            CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 1; }));
            late = fixture.modules.takeHeld();
            fixture.plane.reset();
            CPPUNIT_ASSERT(client.closedWithin(std::chrono::seconds(1)));
        }
        for (const ModuleCallback& callback : late)
            callback(Error(ErrorCode::Busy, "late"));
    }

    void aBadListenAddressIsNamed() {
        DataPlaneFixture fixture;
        const std::string taken = "127.0.0.1:" + std::to_string(fixture.plane->port());
        for (const std::string& listen :
             {taken, std::string("192.0.2.1:80"), std::string("nonsense"), std::string("127.0.0.1"),
              std::string("127.0.0.1:99999"), std::string("::1:80"), std::string("[::1]")}) {
            DataPlaneOptions options;
            options.listen = listen;
            DataPlane plane(options, fixture.modules, fixture.metrics);
            try {
                plane.start();
                CPPUNIT_FAIL("bound " + listen);
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::SettingsInvalid);
                CPPUNIT_ASSERT_MESSAGE(error.what(), std::string(error.what()).find(listen) != std::string::npos);
            }
        }
    }

    void stopAcceptingRefusesNewOnly() {
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(100));
        auto client = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
        fixture.plane->stopAccepting();
        CPPUNIT_ASSERT_THROW(fixture.client(), std::runtime_error);
        CPPUNIT_ASSERT_EQUAL(200, client.get(fetchPath(Small)).status());
        fixture.plane->stopAccepting();
    }

    void drainFinishesWhatIsInProgress() {
        // One loop: once its idle connection is closed, it knows that it drains.
        DataPlaneFixture fixture([](DataPlaneOptions& options) { options.threads = 1; });
        const std::string bytes = moduleBytes(16 << 20);
        const ServedModule module = fixture.modules.add(Large, bytes);
        auto idle = fixture.client();
        CPPUNIT_ASSERT_EQUAL(200, idle.get(fetchPath(Large), "", "HEAD").status());
        auto waiting = fixture.client();
        waiting.send("GET " + fetchPath("host.example/held:v1") + " HTTP/1.1\r\nHost: a\r\n\r\n");
        auto sending = fixture.client();
        sending.send("GET " + fetchPath(Large) + " HTTP/1.1\r\nHost: a\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.calls == 3; }));
        auto drained = std::async(std::launch::async, [&] { return fixture.plane->drain(std::chrono::seconds(10)); });
        CPPUNIT_ASSERT(idle.closedWithin(std::chrono::seconds(1)));
        for (const ModuleCallback& callback : fixture.modules.takeHeld())
            callback(module);
        const RawAnswer answer = waiting.answer();
        CPPUNIT_ASSERT_EQUAL(std::string("close"), answer.header("Connection"));
        CPPUNIT_ASSERT(answer.body == bytes);
        CPPUNIT_ASSERT(sending.answer().body == bytes);
        CPPUNIT_ASSERT(drained.get());
        CPPUNIT_ASSERT(waiting.closedWithin(std::chrono::seconds(1)));
    }

    void drainGivesUpInTime() {
        DataPlaneFixture fixture;
        auto waiting = fixture.client();
        waiting.send("GET " + fetchPath("host.example/held:v1") + " HTTP/1.1\r\nHost: a\r\n\r\n");
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.modules.held() == 1; }));
        const auto start = std::chrono::steady_clock::now();
        CPPUNIT_ASSERT(!fixture.plane->drain(std::chrono::milliseconds(200)));
        fixture.plane->stop();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
        CPPUNIT_ASSERT(waiting.closedWithin(std::chrono::seconds(1)));
        fixture.plane->stop();
    }

    void metricsCount() {
        DataPlaneFixture fixture;
        fixture.modules.add(Small, moduleBytes(100));
        {
            auto client = fixture.client();
            client.get(fetchPath(Small));
            client.get("/nope");
        }
        // A loop counts an answer after it has left.
        const auto counted = [&](const char* surface, const char* status) {
            return DataPlaneFixture::eventually([&] {
                return fixture.figure("wasm_proxy_requests_total", {surface, status}) == 1.0;
            });
        };
        CPPUNIT_ASSERT(counted("\"fetch\"", "\"200\""));
        CPPUNIT_ASSERT(counted("\"other\"", "\"404\""));
        CPPUNIT_ASSERT(DataPlaneFixture::eventually([&] { return fixture.figure("wasm_proxy_connections") == 0; }));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DataPlaneTest);

} // namespace wasmproxy::host::test
