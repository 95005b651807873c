// SPDX-License-Identifier: Apache-2.0
// The kit itself: what scenarios conclude from it must not be the kit's own fault.
#include "support/Child.h"
#include "support/DockerRegistry.h"
#include "support/FaultProxy.h"
#include "support/FreePorts.h"
#include "support/HttpClient.h"
#include "support/IstioAgent.h"
#include "support/OciLayout.h"
#include "support/Push.h"
#include "support/TokenServer.h"

#include <Poco/Base64Encoder.h>
#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using Kind = LoggedRequest::Kind;

const std::string Module = std::string("\0asm\1\0\0\0", 8) + std::string(100000, 'm');

std::string basic(const std::string& user, const std::string& password) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out);
    encoder.rdbuf()->setLineLength(0);
    encoder << user << ':' << password;
    encoder.close();
    return "Basic " + out.str();
}

ImageContent moduleImage() {
    ImageContent image;
    image.configMediaType = "application/vnd.wasm.config.v0+json";
    image.config = R"({"architecture":"wasm","os":"wasip1"})";
    image.layers = {{"application/wasm", Module}};
    image.annotations = {{"org.opencontainers.image.title", "x"}};
    return image;
}

class KitTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KitTest);
    CPPUNIT_TEST(childrenEndWithTheirOwner);
    CPPUNIT_TEST(childrenReportTheirStatus);
    CPPUNIT_TEST(portsAreHandedOutOnce);
    CPPUNIT_TEST(registryWithPasswords);
    CPPUNIT_TEST(registryWithTokens);
    CPPUNIT_TEST(imagesOfEveryKind);
    CPPUNIT_TEST(agentAndFaults);
    CPPUNIT_TEST(agentUnboxes);
    CPPUNIT_TEST_SUITE_END();

public:
    void childrenEndWithTheirOwner() {
        const TemporaryFolder folder;
        pid_t grandchild = 0;
        {
            Child::Options options;
            options.outputFile = folder / "output";
            options.environment = {{"KIT_WORD", "hello"}};
            Child child("sh", {"-c", "trap '' TERM; sleep 100 & echo $KIT_WORD $!; exec sleep 100"}, options);
            while (readFile(options.outputFile).find('\n') == std::string::npos)
                CPPUNIT_ASSERT(!child.wait(10ms));
            std::istringstream words(readFile(options.outputFile));
            std::string word;
            words >> word >> grandchild;
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), word);
            CPPUNIT_ASSERT(child.running());
        }
        // Orphans are reaped by init; a zombie has no command line.
        const std::string path = "/proc/" + std::to_string(grandchild) + "/cmdline";
        const auto gone = [&] { return !std::filesystem::exists(path) || readFile(path).empty(); };
        for (int i = 0; i < 500 && !gone(); ++i) // the signal was sent; dying takes a moment on a busy machine
            std::this_thread::sleep_for(10ms);
        CPPUNIT_ASSERT(gone());
    }

    void childrenReportTheirStatus() {
        Child seven("sh", {"-c", "exit 7"});
        CPPUNIT_ASSERT_EQUAL(7, seven.wait(5s).value());
        CPPUNIT_ASSERT_EQUAL(7, seven.wait(0ms).value());
        CPPUNIT_ASSERT(!seven.running());
        Child sleeping("sleep", {"100"});
        CPPUNIT_ASSERT(!sleeping.wait(20ms));
        CPPUNIT_ASSERT_EQUAL(128 + SIGTERM, sleeping.terminate());
        CPPUNIT_ASSERT_THROW(Child("/nowhere/program", {}), std::runtime_error);
        CPPUNIT_ASSERT_THROW(run("sh", {"-c", "echo reason; exit 1"}), std::runtime_error);
        CPPUNIT_ASSERT_EQUAL(std::string("word\n"), run("echo", {"word"}));
    }

    void portsAreHandedOutOnce() {
        std::set<int> ports;
        for (int i = 0; i < 50; ++i)
            CPPUNIT_ASSERT(ports.insert(freePort()).second);
        CPPUNIT_ASSERT(!portAnswers(*ports.begin()));
    }

    void registryWithPasswords() {
        DockerRegistry::Options options;
        options.users = {{"robot", "first"}};
        options.realm = "Kit";
        DockerRegistry registry(options);
        const TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        const WrittenManifest written = layout.addImage(moduleImage(), "v1");
        CPPUNIT_ASSERT_THROW(push(registry.host(), layout.path(), "v1", "team/x:v1", "robot", "wrong"),
                             std::runtime_error);
        push(registry.host(), layout.path(), "v1", "team/x:v1", "robot", "first");
        registry.forget();

        const HttpClient client(registry.port());
        const std::string manifest = "/v2/team/x/manifests/v1";
        const HttpAnswer refused = client.get(manifest);
        CPPUNIT_ASSERT_EQUAL(401, refused.status);
        CPPUNIT_ASSERT_EQUAL(std::string("Basic realm=\"Kit\""), refused.header("WWW-Authenticate"));
        const HttpClient::Headers headers{{"Authorization", basic("robot", "first")}, {"Accept", written.mediaType}};
        HttpAnswer answer = client.get(manifest, headers);
        CPPUNIT_ASSERT_EQUAL(200, answer.status);
        CPPUNIT_ASSERT_EQUAL(written.bytes, answer.body);
        answer = client.get("/v2/team/x/blobs/" + written.layerDigests[0], headers);
        CPPUNIT_ASSERT(answer.body == Module);
        CPPUNIT_ASSERT_EQUAL(0, client.send("HEAD", manifest, headers).status - 200);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", Kind::Manifests, 401));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", Kind::Manifests, 200));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("HEAD", Kind::Manifests));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", Kind::Blobs));
        registry.forget();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.requests().size());

        registry.stop();
        CPPUNIT_ASSERT_EQUAL(0, client.get(manifest, headers).status);
        registry.setUsers({{"robot", "second"}});
        registry.start();
        CPPUNIT_ASSERT_EQUAL(401, client.get(manifest, headers).status);
        CPPUNIT_ASSERT_EQUAL(
            200,
            client.get(manifest, {{"Authorization", basic("robot", "second")}, {"Accept", written.mediaType}}).status);
    }

    void registryWithTokens() {
        TokenServer::Options tokens;
        tokens.users = {{"robot", "secretword"}};
        TokenServer server(tokens);
        DockerRegistry::Options options;
        options.tokenRealm = server.realm();
        options.tokenService = server.service();
        options.tokenIssuer = server.issuer();
        options.tokenCertificates = server.certificateFile();
        DockerRegistry registry(options);
        const TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        layout.addImage(moduleImage(), "v1");
        push(registry.host(), layout.path(), "v1", "team/x:v1", "robot", "secretword");
        CPPUNIT_ASSERT(server.requests() > 0);
        CPPUNIT_ASSERT_EQUAL(0, server.refusals());
        CPPUNIT_ASSERT_EQUAL(std::string("repository:team/x:pull,push"), server.scopes().back());
        CPPUNIT_ASSERT_THROW(push(registry.host(), layout.path(), "v1", "team/x:v2", "robot", "wrong"),
                             std::runtime_error);
        CPPUNIT_ASSERT(server.refusals() > 0);
        server.setPassword("robot", "changed");
        push(registry.host(), layout.path(), "v1", "team/x:v2", "robot", "changed");
        server.fail(503);
        CPPUNIT_ASSERT_EQUAL(503, HttpClient(server.port()).get("/token").status);
        CPPUNIT_ASSERT_EQUAL(401, HttpClient(registry.port()).get("/v2/").status);
    }

    void imagesOfEveryKind() {
        DockerRegistry registry;
        const TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        ImageContent docker;
        docker.mediaType = "application/vnd.docker.distribution.manifest.v2+json";
        docker.configMediaType = "application/vnd.docker.container.image.v1+json";
        docker.layers = {{"application/vnd.docker.image.rootfs.diff.tar.gzip", "not looked into"}};
        const WrittenManifest asDocker = layout.addImage(docker, "docker");
        ImageContent artifact = moduleImage();
        artifact.artifactType = "application/vnd.module.wasm";
        artifact.layers.push_back({"text/plain", "second", {{"name", "second"}}});
        const WrittenManifest asArtifact = layout.addImage(artifact, "artifact");
        const WrittenManifest index =
            layout.addIndex({{moduleImage(), "wasip1", "wasm"}, {docker, "linux", "arm64", "v8"}}, "index");
        const WrittenManifest list = layout.addIndex({{docker, "linux", "amd64"}}, "list",
                                                     "application/vnd.docker.distribution.manifest.list.v2+json");
        for (const auto& [tag, written] : {std::pair<std::string, WrittenManifest>{"docker", asDocker},
                                           {"artifact", asArtifact},
                                           {"index", index},
                                           {"index", index.manifests[0]},
                                           {"list", list}}) {
            push(registry.host(), layout.path(), tag, "team/kinds:" + tag);
            const HttpAnswer answer =
                HttpClient(registry.port())
                    .get("/v2/team/kinds/manifests/" + written.digest, {{"Accept", written.mediaType}});
            CPPUNIT_ASSERT_EQUAL_MESSAGE(tag + answer.body, 200, answer.status);
            CPPUNIT_ASSERT_EQUAL(written.bytes, answer.body);
            CPPUNIT_ASSERT_EQUAL(written.mediaType, answer.header("Content-Type"));
        }
    }

    void agentAndFaults() {
        DockerRegistry registry;
        const TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        const WrittenManifest written = layout.addImage(moduleImage(), "v1");
        push(registry.host(), layout.path(), "v1", "team/x:v1");
        FaultProxy proxy(registry.port());
        const std::string host = "http://127.0.0.1:" + std::to_string(proxy.port());
        const std::string url = host + "/v2/team/x/blobs/" + written.layerDigests[0];
        IstioAgent::Timing timing;
        timing.initialBackOff = 20ms;
        timing.attempt = 400ms;
        timing.total = 1500ms;
        IstioAgent agent(timing);

        IstioAgent::Result result = agent.fetch(url, sha256Hex(Module));
        CPPUNIT_ASSERT_MESSAGE(result.summary(), result.loaded() && result.module == Module);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), result.attempts.size());
        result = agent.fetch(url, sha256Hex("other"));
        CPPUNIT_ASSERT(result.outcome == IstioAgent::Outcome::ChecksumMismatched);
        result = agent.fetch(host + "/v2/");
        CPPUNIT_ASSERT(result.outcome == IstioAgent::Outcome::Invalid);
        result = agent.fetch(host + "/v2/team/x/blobs/sha256:" + sha256Hex("other"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), result.attempts.size()); // 4xx is final
        CPPUNIT_ASSERT_EQUAL(404, result.attempts[0].status);

        proxy.cutAfter(50000);
        result = agent.fetch(url);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(result.summary(), std::size_t(1), result.attempts.size());
        CPPUNIT_ASSERT(!result.loaded() && result.attempts[0].status == 200);
        proxy.slow(20000);
        result = agent.fetch(url);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(result.summary(), std::size_t(1), result.attempts.size());
        CPPUNIT_ASSERT(!result.loaded() && result.attempts[0].seconds >= 0.35);
        proxy.refuse();
        result = agent.fetch(url);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(result.summary(), std::size_t(5), result.attempts.size());
        proxy.cutAfter(0);
        result = agent.fetch(url);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(result.summary(), std::size_t(5), result.attempts.size());
        CPPUNIT_ASSERT_EQUAL(0, result.attempts[4].status);
        proxy.blackHole();
        result = agent.fetch(url);
        CPPUNIT_ASSERT_MESSAGE(result.summary(), result.attempts.size() >= 3 && result.seconds < 2.0);
        proxy.slow(10000000);
        result = agent.fetch(url, sha256Hex(Module));
        CPPUNIT_ASSERT_MESSAGE(result.summary(), result.loaded());
        proxy.pass();
        CPPUNIT_ASSERT(agent.fetch(url).loaded());
        CPPUNIT_ASSERT(proxy.accepted() > 10 && proxy.bytesFromTarget() > Module.size());
    }

    void agentUnboxes() {
        const TemporaryFolder folder;
        folder.write("plugin.wasm", Module);
        folder.write("later.txt", "later");
        run("tar", {"-C", folder.path(), "-czf", folder / "box.tgz", "plugin.wasm", "later.txt"});
        run("gzip", {"-k", folder / "plugin.wasm"});
        CPPUNIT_ASSERT(unbox(readFile(folder / "box.tgz")) == Module);
        CPPUNIT_ASSERT(unbox(readFile(folder / "plugin.wasm.gz")) == Module);
        CPPUNIT_ASSERT(unbox(Module) == Module);
        CPPUNIT_ASSERT_EQUAL(std::string("else"), unbox("else"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KitTest);

} // namespace
} // namespace wasmproxy::test
