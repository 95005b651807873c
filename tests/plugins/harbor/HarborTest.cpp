// SPDX-License-Identifier: Apache-2.0
#include "HarborBackend.h"

#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/RegistryBackendSuite.h"
#include "wasmproxy/testing/TestServices.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using testing::FakeRegistry;
namespace faults = wasmproxy::testing::faults;

namespace {

const std::string Origin = "https://harbor.example.com";
const std::string Manifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
    R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]})";

// {"alg":"RS256"} . {"iss":"harbor-token-issuer","sub":…,"access":[]} . a signature that nobody here checks
const std::string NobodysToken =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJoYXJib3ItdG9rZW4taXNzdWVyIiwic3ViIjoiIiwiYWNjZXNzIjpbX"
    "X0.c2ln"; // sub: ""
const std::string RobotsToken =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJoYXJib3ItdG9rZW4taXNzdWVyIiwic3ViIjoicm9ib3QkdGVhbStjaS"
    "IsImFjY2VzcyI6W119.c2ln"; // sub: "robot$team+ci"

} // namespace

class HarborTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HarborTest);
    CPPUNIT_TEST(conforms);
    CPPUNIT_TEST(robotPulls);
    CPPUNIT_TEST(basicChallengeAfterAStaleToken);
    CPPUNIT_TEST(aWrongPasswordIsCredentialRefused);
    CPPUNIT_TEST(aRobotOfAnotherProjectIsRepositoryDenied);
    CPPUNIT_TEST(anUnknownProjectIsRepositoryDenied);
    CPPUNIT_TEST(anonymousIsJudgedAsElsewhere);
    CPPUNIT_TEST(policyIsBlockedWithItsReason);
    CPPUNIT_TEST(proxyCacheProjectRedirectsToLibrary);
    CPPUNIT_TEST_SUITE_END();

    FakeRegistry registry;
    testing::TestServices host{registry};
    std::unique_ptr<harbor::HarborBackend> backend = make(host);

    static std::unique_ptr<harbor::HarborBackend> make(HostServices& services) {
        return std::make_unique<harbor::HarborBackend>(services, std::make_unique<DistributionSettings>());
    }
    static Credential robot(const std::string& secret = "robot-secret-canary") {
        return {Credential::Kind::Basic, "pull-robot", "robot$team+ci", Secret(secret)};
    }
    static FakeRegistry::Access access() {
        FakeRegistry::Access access;
        access.kind = FakeRegistry::Access::Kind::Bearer;
        access.user = "robot$team+ci";
        access.password = "robot-secret-canary";
        access.realm = Origin + "/service/token";
        access.service = "harbor-registry";
        access.likeHarbor = true;
        access.tokenReply = [](const std::string& token) {
            return R"({"token":")" + token + R"(","access_token":"","expires_in":1800,)" +
                   R"("issued_at":"2026-01-01T00:00:00Z"})";
        };
        return access;
    }
    void serve(FakeRegistry::Access given = access()) {
        registry.serve(Origin, std::move(given));
        registry.push(Origin, "team/authz", "v1", Manifest);
    }
    /// Whatever is asked, the token service answers with this token, and no token pulls.
    void serveTokenOnly(const std::string& token) {
        auto given = access();
        given.tokenReply = [token](const std::string&) {
            return R"({"token":")" + token + R"(","access_token":"","expires_in":1800})";
        };
        serve(given);
    }
    std::optional<Descriptor> resolve(const Credential& credential = robot(),
                                      const std::string& name = "team/authz:v1") {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return backend->resolve(call, Reference::parse("harbor.example.com/" + name), credential);
    }
    void expect(ErrorCode code, const Credential& credential = robot()) {
        test::expectError("refusal", code, "harbor.example.com", [&] { resolve(credential); });
    }

    void conforms() {
        for (const auto& finding : testing::checkRegistryBackend(make, {}))
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void robotPulls() {
        serve();
        CPPUNIT_ASSERT(resolve());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", Origin + "/service/token?client_id=wasm-proxy"
                                                                            "&service=harbor-registry"
                                                                            "&scope=repository%3Ateam%2Fauthz%3Apull"));
        CPPUNIT_ASSERT(registry.leaks({"robot-secret-canary"}, {Origin}).empty());
    }

    void basicChallengeAfterAStaleToken() {
        serve();
        CPPUNIT_ASSERT(resolve());
        registry.expireTokens();
        CPPUNIT_ASSERT(resolve());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("GET", "/service/token"));
    }

    void aWrongPasswordIsCredentialRefused() {
        serveTokenOnly(NobodysToken);
        expect(ErrorCode::CredentialRefused, robot("wrong"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "/service/token"));
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) reply.status = 403;
        });
        expect(ErrorCode::CredentialRefused, robot("wrong"));
        // Newer releases leave an empty `sub` out: {"iss":"x"}.
        registry.heal();
        serveTokenOnly("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln");
        backend = make(host);
        expect(ErrorCode::CredentialRefused, robot("wrong"));
        // Before a token that tells nothing, it is as the specification has it.
        serve();
        backend = make(host);
        expect(ErrorCode::CredentialRefused, robot("wrong"));
    }

    void aRobotOfAnotherProjectIsRepositoryDenied() {
        serveTokenOnly(RobotsToken);
        expect(ErrorCode::RepositoryDenied);
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) reply.status = 403;
        });
        expect(ErrorCode::RepositoryDenied);
    }

    void anUnknownProjectIsRepositoryDenied() {
        serveTokenOnly(RobotsToken);
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) reply.set("WWW-Authenticate", "");
        });
        expect(ErrorCode::RepositoryDenied);
        // Nor does the answer hide that the password is wrong.
        registry.heal();
        serveTokenOnly(NobodysToken);
        backend = make(host);
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) reply.set("WWW-Authenticate", "");
        });
        expect(ErrorCode::CredentialRefused, robot("wrong"));
    }

    void anonymousIsJudgedAsElsewhere() {
        serveTokenOnly(NobodysToken);
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) reply.status = 403;
        });
        expect(ErrorCode::RepositoryDenied, Credential::anonymous());
    }

    void policyIsBlockedWithItsReason() {
        serve();
        registry.inject("", "/manifests/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (!seen.authorized()) return;
            faults::status(412, R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"current image with 3 )"
                                R"(vulnerabilities cannot be pulled due to configured policy"}]})")(seen, reply);
        });
        test::expectError("412", ErrorCode::Blocked, "3 vulnerabilities cannot be pulled", [&] { resolve(); });
    }

    void proxyCacheProjectRedirectsToLibrary() {
        auto given = access();
        given.registryToken = RobotsToken; // Harbor's tokens are for projects, not for repositories
        given.tokenReply = [](const std::string&) { return R"({"token":")" + RobotsToken + R"("})"; };
        registry.serve(Origin, given);
        registry.push(Origin, "hub/library/authz", "v1", Manifest);
        registry.inject("", "/v2/hub/authz/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (!seen.authorized()) return;
            reply = {};
            reply.status = 301;
            reply.set("Location", "/v2/hub/library/authz/" + seen.target.substr(sizeof "/v2/hub/authz"));
        });
        const auto found = resolve(robot(), "hub/authz:v1");
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(Digest::of(Manifest).str(), found->digest.str());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HarborTest);
