// SPDX-License-Identifier: Apache-2.0
#include "DockerHubBackend.h"

#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/RegistryBackendSuite.h"
#include "wasmproxy/testing/TestServices.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

using namespace wasmproxy;
using testing::FakeRegistry;
namespace faults = wasmproxy::testing::faults;

namespace {

const std::string Hub = "https://registry-1.docker.io";
const std::string Manifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
    R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]})";

FakeRegistry::Change limits(const std::string& limit, const std::string& remaining, const std::string& source = {}) {
    return [=](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
        reply.set("RateLimit-Limit", limit);
        reply.set("RateLimit-Remaining", remaining);
        if (!source.empty()) reply.set("Docker-RateLimit-Source", source);
    };
}

} // namespace

class DockerHubTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DockerHubTest);
    CPPUNIT_TEST(conforms);
    CPPUNIT_TEST(asksItsApiHostAndTokenService);
    CPPUNIT_TEST(tagsAreAskedByHead);
    CPPUNIT_TEST(aWrongPasswordIsNotTriedAnonymously);
    CPPUNIT_TEST(anAbsentRepositoryIsDenied);
    CPPUNIT_TEST(tooManyRequests);
    CPPUNIT_TEST(limitIsMeasured);
    CPPUNIT_TEST(limitThatMakesNoSenseIsNone);
    CPPUNIT_TEST(storageAndTokenServiceSayNothingOfTheLimit);
    CPPUNIT_TEST(littleLeftIsSaidOncePerWindow);
    CPPUNIT_TEST(measuredByManyThreads);
    CPPUNIT_TEST(otherAbilitiesAreNone);
    CPPUNIT_TEST_SUITE_END();

    FakeRegistry registry;
    testing::TestServices host{registry};
    std::unique_ptr<dockerhub::DockerHubBackend> backend = make(host);

    static std::unique_ptr<dockerhub::DockerHubBackend> make(HostServices& services) {
        return std::make_unique<dockerhub::DockerHubBackend>(services, std::make_unique<DistributionSettings>());
    }
    static Credential user(const std::string& password = "dckr_pat_canary") {
        return {Credential::Kind::Basic, "hub", "example", Secret(password)};
    }
    void serve() {
        FakeRegistry::Access access;
        access.kind = FakeRegistry::Access::Kind::Bearer;
        access.user = "example";
        access.password = "dckr_pat_canary";
        access.realm = "https://auth.docker.io/token";
        access.service = "registry.docker.io";
        access.anonymousPull = true;
        registry.serve(Hub, access);
        registry.push(Hub, "library/authz", "v1", Manifest);
    }
    std::optional<Descriptor> resolve(const Credential& credential = user(), const std::string& name = "authz:v1") {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return backend->resolve(call, Reference::parse(name), credential);
    }
    RegistryHealth& health() const {
        auto* const ability = static_cast<RegistryHealth*>(backend->ability("registry-health/1"));
        CPPUNIT_ASSERT(ability);
        return *ability;
    }
    std::size_t notes() const {
        std::size_t count = 0;
        for (const auto& line : host.lines())
            if (line.text.find("more pulls") != std::string::npos) {
                CPPUNIT_ASSERT(line.level == LogLevel::Information);
                ++count;
            }
        return count;
    }

    void conforms() {
        testing::RegistryBackendOptions options;
        options.host = "docker.io";
        options.origin = Hub;
        for (const auto& finding : testing::checkRegistryBackend(make, options))
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void asksItsApiHostAndTokenService() {
        serve();
        for (const char* name : {"authz:v1", "docker.io/library/authz:v1", "index.docker.io/authz:v1"})
            CPPUNIT_ASSERT_MESSAGE(name, resolve(user(), name));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "https://auth.docker.io/token?client_id=wasm-proxy"
                                                                   "&service=registry.docker.io"
                                                                   "&scope=repository%3Alibrary%2Fauthz%3Apull"));
        CPPUNIT_ASSERT(
            registry.leaks({"dckr_pat_canary"}, {"https://auth.docker.io", "https://registry-1.docker.io"}).empty());
        for (const auto& seen : registry.seenAt(Hub))
            CPPUNIT_ASSERT(seen.header("Authorization").find("Basic") == std::string::npos);
    }

    void tagsAreAskedByHead() {
        serve();
        CPPUNIT_ASSERT(resolve());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("GET", "/manifests/"));
        CPPUNIT_ASSERT(registry.count("HEAD", "/v2/library/authz/manifests/v1") > 0);
    }

    void aWrongPasswordIsNotTriedAnonymously() {
        serve(); // anonymous tokens may pull here
        test::expectError("wrong", ErrorCode::CredentialRefused, "auth.docker.io", [&] { resolve(user("wrong")); });
        for (const auto& seen : registry.seenAt("https://auth.docker.io"))
            CPPUNIT_ASSERT(seen.authorized());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.seenAt("https://auth.docker.io").size());
    }

    void anAbsentRepositoryIsDenied() {
        serve();
        registry.inject("", "/v2/library/nothing/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            reply = {};
            reply.status = 401;
            reply.set("WWW-Authenticate", std::string(R"(Bearer realm="https://auth.docker.io/token",)"
                                                      R"(service="registry.docker.io",)"
                                                      R"(scope="repository:library/nothing:pull")") +
                                              (seen.authorized() ? R"(,error="insufficient_scope")" : ""));
        });
        test::expectError("absent", ErrorCode::RepositoryDenied, "library/nothing",
                          [&] { resolve(user(), "nothing"); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "/token"));
    }

    void tooManyRequests() {
        serve();
        for (const std::string body :
             {R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})",
              R"({"message":"toomanyrequests: You have reached your pull rate limit."})"}) {
            registry.heal();
            registry.inject("HEAD", "/manifests/", faults::status(405));
            registry.inject("GET", "/manifests/", faults::status(429, body, {{"Retry-After", "7"}}));
            try {
                resolve();
                CPPUNIT_FAIL("no error");
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::TooManyRequests);
                CPPUNIT_ASSERT_EQUAL(std::int64_t(7), std::int64_t(error.retryAfter().count()));
                CPPUNIT_ASSERT(std::string(error.what()).find("reached your pull rate limit") != std::string::npos);
            }
        }
    }

    void limitIsMeasured() {
        serve();
        CPPUNIT_ASSERT(!health().measurement());
        resolve();
        CPPUNIT_ASSERT(!health().measurement());
        registry.inject("HEAD", "/manifests/", limits("100;w=21600", "76;w=21600", "192.0.2.1"));
        resolve();
        const auto measured = health().measurement();
        CPPUNIT_ASSERT(measured);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(100), measured->limit.value());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(76), measured->remaining.value());
        CPPUNIT_ASSERT(measured->window == std::chrono::hours(6));
        CPPUNIT_ASSERT(measured->measuredAt == host.clock.now());
        CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1"), measured->source);
        registry.heal();
        host.clock.advance(std::chrono::seconds(10));
        resolve();
        CPPUNIT_ASSERT(health().measurement()->measuredAt == measured->measuredAt);
        // A 429 says it too.
        registry.inject("HEAD", "/manifests/", faults::status(429, "", {{"ratelimit-remaining", "0"}}));
        test::expectError("429", ErrorCode::TooManyRequests, "429", [&] { resolve(); });
        CPPUNIT_ASSERT(!health().measurement()->limit);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), health().measurement()->remaining.value());
        CPPUNIT_ASSERT(!health().measurement()->window);
    }

    void limitThatMakesNoSenseIsNone() {
        serve();
        for (const char* text : {"", "many", "-1", "1e9", "99999999999999999999;w=1", ";w=21600", " 5", "5 "}) {
            registry.heal();
            registry.inject("HEAD", "/manifests/", limits(text, text));
            resolve();
            CPPUNIT_ASSERT_MESSAGE(text, !health().measurement());
        }
        for (const char* text : {"5;w=", "5;w=x", "5;w=-1", "5;w=0", "5;q=3", "5;w=99999999999"}) {
            registry.heal();
            registry.inject("HEAD", "/manifests/", limits(text, text, "a\tb <script>"));
            resolve();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::uint64_t(5), health().measurement()->remaining.value());
            CPPUNIT_ASSERT_MESSAGE(text, !health().measurement()->window);
            CPPUNIT_ASSERT_EQUAL(std::string(), health().measurement()->source);
        }
    }

    void storageAndTokenServiceSayNothingOfTheLimit() {
        serve();
        registry.inject("", "auth.docker.io", limits("1;w=1", "0;w=1"));
        registry.put("https://cdn.example.net/manifest", Manifest);
        registry.inject("", "cdn.example.net", limits("1;w=1", "0;w=1"));
        registry.inject("HEAD", "/manifests/v1", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (!seen.authorized() || seen.origin != Hub) return;
            reply = {};
            reply.status = 307;
            reply.set("Location", "https://cdn.example.net/manifest");
        });
        CPPUNIT_ASSERT(resolve());
        CPPUNIT_ASSERT(registry.count("HEAD", "cdn.example.net") > 0);
        CPPUNIT_ASSERT(!health().measurement());
    }

    void littleLeftIsSaidOncePerWindow() {
        serve();
        registry.inject("HEAD", "/manifests/", limits("100;w=3600", "10;w=3600"));
        resolve();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), notes());
        registry.heal();
        registry.inject("HEAD", "/manifests/", limits("100;w=3600", "9;w=3600", "192.0.2.1"));
        resolve();
        resolve();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), notes());
        CPPUNIT_ASSERT(host.logged("9 more pulls of 100 in 3600 s, counted for 192.0.2.1"));
        host.clock.advance(std::chrono::seconds(3599));
        resolve();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), notes());
        host.clock.advance(std::chrono::seconds(1));
        resolve();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), notes());
    }

    void measuredByManyThreads() {
        serve();
        registry.inject("HEAD", "/manifests/", limits("100;w=3600", "1;w=3600"));
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int again = 0; again < 50; ++again) {
                    resolve();
                    health().measurement();
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), notes());
    }

    void otherAbilitiesAreNone() {
        for (const char* id : {"", "registry-health", "registry-health/2", "x"})
            CPPUNIT_ASSERT_MESSAGE(id, !backend->ability(id));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DockerHubTest);
