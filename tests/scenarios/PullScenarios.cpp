// SPDX-License-Identifier: Apache-2.0
// The main job against a real registry: what is served, to whom, and what it costs upstream.
#include "Rig.h"

#include "support/FreePorts.h"
#include "support/Push.h"
#include "support/TokenServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

using namespace wasmproxy::test;
using Kind = LoggedRequest::Kind;

class PullScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PullScenarios);
    CPPUNIT_TEST(aPrivateModuleReachesAProxyWithoutACredential);
    CPPUNIT_TEST(everyFormOfTheUrl);
    CPPUNIT_TEST(conditionalAndPartialRequests);
    CPPUNIT_TEST(twoHundredColdRequestsAreOnePull);
    CPPUNIT_TEST(tokensAreExchangedForCredentials);
    CPPUNIT_TEST(adminAndHealthTellTheStory);
    CPPUNIT_TEST(nothingSecretIsEverWritten);
    CPPUNIT_TEST(foreignNetworksAreRefused);
    CPPUNIT_TEST_SUITE_END();

    static std::string shaOf(const std::string& bytes) { return sha256Hex(bytes); }

    void aPrivateModuleReachesAProxyWithoutACredential() {
        PrivateRegistry upstream;
        const auto module = filterModule();
        const auto digest = upstream.push("team/hello:v1", module);
        const auto reference = upstream.registry.host() + "/team/hello:v1";
        CPPUNIT_ASSERT_EQUAL(401, HttpClient(upstream.registry.port()).get("/v2/team/hello/manifests/v1").status);

        Proxy proxy({upstream.registry.host()});
        const auto first = proxy.fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(first.body + proxy.log(), 200, first.status);
        CPPUNIT_ASSERT(first.body == module);
        CPPUNIT_ASSERT_EQUAL(std::string("application/wasm"), first.header("Content-Type"));
        CPPUNIT_ASSERT_EQUAL(std::to_string(module.size()), first.header("Content-Length"));
        CPPUNIT_ASSERT_EQUAL(shaOf(module), first.header("X-Wasm-Sha256"));
        CPPUNIT_ASSERT_EQUAL(digest, first.header("Docker-Content-Digest"));
        CPPUNIT_ASSERT_EQUAL("\"sha256:" + shaOf(module) + "\"", first.header("ETag"));
        CPPUNIT_ASSERT_EQUAL(std::string("MISS"), first.header("X-Cache"));
        CPPUNIT_ASSERT(!first.header("X-Request-Id").empty());
        CPPUNIT_ASSERT(first.header("Content-Encoding").empty());

        upstream.registry.forget();
        const auto second = proxy.fetch(reference);
        CPPUNIT_ASSERT_EQUAL(std::string("HIT"), second.header("X-Cache"));
        CPPUNIT_ASSERT(second.body == module);
        CPPUNIT_ASSERT(upstream.registry.requests().empty());
    }

    void everyFormOfTheUrl() {
        PrivateRegistry upstream;
        // A name whose standard base64 has padding, `+` and `/`-prone bytes does not exist in references; what can be
        // had is padding and the two alphabets, so the forms below are built from one reference.
        const auto module = uniqueModule("forms");
        const auto digest = upstream.push("team/forms:v1", module);
        const auto host = upstream.registry.host();
        Proxy proxy({host});
        std::string path = fetchPath(host + "/team/forms:v1");
        std::vector<std::string> paths = {path, path + "?digest=ignored"};
        std::string unpadded = path;
        while (unpadded.back() == '=')
            unpadded.pop_back();
        paths.push_back(unpadded);
        std::string percent = unpadded;
        for (std::size_t i = unpadded.size(); i < path.size(); ++i)
            percent += "%3D";
        paths.push_back(percent);
        paths.push_back(fetchPath(host + "/team/forms@" + digest));
        paths.push_back(fetchPath(host + "/team/forms:v1@" + digest));
        paths.push_back("/modules/sha256/" + shaOf(module) + ".wasm");
        for (const auto& each : paths) {
            const auto answer = proxy.get(each);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(each + " " + answer.body, 200, answer.status);
            CPPUNIT_ASSERT(answer.body == module);
        }
        CPPUNIT_ASSERT_EQUAL(400, proxy.get("/fetch/%%%").status);
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/fetch/aHR0cDovL3gveQ==").status); // http://x/y, which no Extension has
        CPPUNIT_ASSERT_EQUAL(400, proxy.get("/fetch/ZnRwOi8veC95").status);     // ftp://x/y
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/modules/sha256/" + std::string(64, 'a') + ".wasm").status);
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/").status);
        CPPUNIT_ASSERT_EQUAL(405, HttpClient(proxy.dataPort()).send("POST", path).status);
    }

    void conditionalAndPartialRequests() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("ranges", 200000);
        upstream.push("team/ranges:v1", module);
        Proxy proxy({upstream.registry.host()});
        const auto path = fetchPath(upstream.registry.host() + "/team/ranges:v1");
        const auto head = HttpClient(proxy.dataPort()).send("HEAD", path);
        CPPUNIT_ASSERT_EQUAL(200, head.status);
        CPPUNIT_ASSERT_EQUAL(std::to_string(module.size()), head.header("Content-Length"));
        CPPUNIT_ASSERT(head.body.empty());
        const auto etag = head.header("ETag");
        CPPUNIT_ASSERT_EQUAL(304, proxy.get(path, {{"If-None-Match", etag}}).status);
        CPPUNIT_ASSERT_EQUAL(200, proxy.get(path, {{"If-None-Match", "\"other\""}}).status);
        const auto part = proxy.get(path, {{"Range", "bytes=100000-100999"}});
        CPPUNIT_ASSERT_EQUAL(206, part.status);
        CPPUNIT_ASSERT(part.body == module.substr(100000, 1000));
        CPPUNIT_ASSERT_EQUAL("bytes 100000-100999/" + std::to_string(module.size()), part.header("Content-Range"));
        CPPUNIT_ASSERT_EQUAL(206, proxy.get(path, {{"Range", "bytes=-5"}, {"If-Range", etag}}).status);
        CPPUNIT_ASSERT_EQUAL(200, proxy.get(path, {{"Range", "bytes=-5"}, {"If-Range", "\"old\""}}).status);
        CPPUNIT_ASSERT_EQUAL(416, proxy.get(path, {{"Range", "bytes=999999999-"}}).status);
    }

    void twoHundredColdRequestsAreOnePull() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("herd", 1 << 20);
        upstream.push("team/herd:v1", module);
        Proxy proxy({upstream.registry.host()});
        const auto path = fetchPath(upstream.registry.host() + "/team/herd:v1");
        upstream.registry.forget();
        std::atomic<int> good{0};
        std::vector<std::thread> clients;
        for (int i = 0; i < 200; ++i)
            clients.emplace_back([&] {
                const auto answer = proxy.get(path);
                if (answer.status == 200 && answer.body == module) ++good;
            });
        for (auto& client : clients)
            client.join();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, good.load());
        const auto& registry = upstream.registry;
        std::cout << "200 cold requests upstream: " << registry.count("GET", Kind::Manifests, 200) << " manifest GET, "
                  << registry.count("GET", Kind::Blobs, 200) << " blob GET, " << registry.count("HEAD", Kind::Manifests)
                  << " manifest HEAD, "
                  << registry.count("", Kind::Manifests, 401) + registry.count("", Kind::Blobs, 401)
                  << " answered 401\n";
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", Kind::Manifests, 200));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", Kind::Blobs, 200));
    }

    void tokensAreExchangedForCredentials() {
        TokenServer::Options tokens;
        tokens.users = {{"robot", "right"}};
        TokenServer tokenServer(tokens);
        DockerRegistry::Options options;
        options.tokenRealm = tokenServer.realm();
        options.tokenService = tokenServer.service();
        options.tokenIssuer = tokenServer.issuer();
        options.tokenCertificates = tokenServer.certificateFile();
        DockerRegistry registry(options);
        TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        const auto module = uniqueModule("token");
        layout.addImage(istioArtifact(module), "v");
        push(registry.host(), layout.path(), "v", "team/token:v1", "robot", "right");

        Proxy::Options right{registry.host()};
        right.backend += "\ntoken-realms = 127.0.0.1:" + std::to_string(tokenServer.port());
        Proxy proxy(right);
        const auto good = proxy.fetch(registry.host() + "/team/token:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(good.body + proxy.log(), 200, good.status);
        CPPUNIT_ASSERT(good.body == module);
        CPPUNIT_ASSERT_EQUAL(0, tokenServer.refusals());
        for (const auto& scope : tokenServer.scopes())
            CPPUNIT_ASSERT_MESSAGE(scope, scope.find("team/token:pull") != std::string::npos);

        auto wrong = right;
        wrong.password = "wrong";
        wrong.pull = "hold = 1s";
        Proxy refused(wrong);
        CPPUNIT_ASSERT_EQUAL(502, refused.fetch(registry.host() + "/team/token:v1").status);
        CPPUNIT_ASSERT_EQUAL(502, refused.fetch(registry.host() + "/team/token:v1").status);
        CPPUNIT_ASSERT_EQUAL(1, tokenServer.refusals()); // one attempt with the wrong password, not one per request
    }

    void adminAndHealthTellTheStory() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("admin");
        const auto digest = upstream.push("team/admin:v1", module);
        const auto reference = upstream.registry.host() + "/team/admin:v1";
        Proxy proxy({upstream.registry.host()});
        const auto plugins = proxy.admin("/api/v1/plugins");
        for (const char* name : {"\"oci\"", "\"disk\"", "\"file\"", "\"loaded\""})
            CPPUNIT_ASSERT_MESSAGE(plugins.body, plugins.body.find(name) != std::string::npos);
        const auto resolved = proxy.admin("/api/v1/resolve?ref=oci://" + reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(resolved.body, 200, resolved.status);
        for (const auto& part : {digest, shaOf(module), std::string("\"istio-oci\""), std::to_string(module.size())})
            CPPUNIT_ASSERT_MESSAGE(resolved.body, resolved.body.find(part) != std::string::npos);
        // The URL that is published pins the digest, and answers.
        const auto at = resolved.body.find("/fetch/");
        const auto path = resolved.body.substr(at, resolved.body.find('"', at) - at);
        CPPUNIT_ASSERT_MESSAGE(path, proxy.get(path).body == module);
        CPPUNIT_ASSERT(proxy.admin("/api/v1/modules").body.find(shaOf(module)) != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(404, proxy.admin("/api/v1/nothing").status);
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/api/v1/modules").status); // not on the data plane

        CPPUNIT_ASSERT_EQUAL(200, proxy.health("/healthz").status);
        CPPUNIT_ASSERT_EQUAL(1.0, proxy.metric("wasm_proxy_pulls_total{result=\"success\"}"));
        CPPUNIT_ASSERT_EQUAL(0.0, proxy.metric("wasm_proxy_flights"));
        CPPUNIT_ASSERT(proxy.metric("wasm_proxy_cache_answers_total{result=\"hit\"}") >= 1);
        const auto metrics = proxy.health("/metrics").body;
        CPPUNIT_ASSERT(metrics.find("wasm_proxy_upstream_requests_total{") != std::string::npos);
        CPPUNIT_ASSERT(metrics.find("team/admin") == std::string::npos); // no reference is a label
    }

    void nothingSecretIsEverWritten() {
        PrivateRegistry upstream;
        const std::string canary = "canary-4f1c9a";
        upstream.registry.setUsers({{"robot", "right"}, {"spy", canary}});
        upstream.registry.stop();
        upstream.registry.start();
        upstream.push("team/secret:v1", uniqueModule("secret"));
        Proxy::Options options{upstream.registry.host(), "spy", canary, "hold = 1s"};
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(upstream.registry.host() + "/team/secret:v1").status);
        proxy.fetch(upstream.registry.host() + "/team/absent:v1");
        upstream.registry.setUsers({{"robot", "right"}});
        upstream.registry.stop();
        upstream.registry.start();
        proxy.fetch(upstream.registry.host() + "/team/other:v1"); // refused now
        proxy.setDockerConfig("{\"auths\":{\"" + upstream.registry.host() + "\":{\"auth\":\"" + canary + "\"");
        proxy.fetch(upstream.registry.host() + "/team/other2:v1"); // a broken file
        std::string output = proxy.health("/metrics").body + proxy.admin("/api/v1/plugins").body +
                             proxy.admin("/api/v1/modules").body + proxy.log() + readFile(proxy.folder() / "index.db");
        CPPUNIT_ASSERT(output.find(canary) == std::string::npos);
        const auto config = dockerConfig("h", "spy", canary);
        const auto encoded = config.substr(config.find("auth\":\"") + 7);
        CPPUNIT_ASSERT(output.find(encoded.substr(0, encoded.find('"'))) == std::string::npos);
        const auto cmdline = readFile("/proc/" + std::to_string(proxy.child().pid()) + "/cmdline");
        CPPUNIT_ASSERT(cmdline.find(canary) == std::string::npos);
    }

    void foreignNetworksAreRefused() {
        PrivateRegistry upstream;
        upstream.push("team/net:v1", uniqueModule("net"));
        Proxy::Options options{upstream.registry.host()};
        options.environment = {{"WASM_PROXY__DATAPLANE__ALLOW_FROM", "10.0.0.0/8"}};
        Proxy proxy(options);
        const auto answer = proxy.fetch(upstream.registry.host() + "/team/net:v1");
        CPPUNIT_ASSERT_EQUAL(403, answer.status);
        CPPUNIT_ASSERT_MESSAGE(answer.body, answer.body.find("DENIED") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PullScenarios);
