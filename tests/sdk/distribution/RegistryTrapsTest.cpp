// SPDX-License-Identifier: Apache-2.0
// One test per trap that registries are known for, each against a FakeRegistry that springs it.
#include "BackendFixture.h"

using namespace wasmproxy;
using namespace wasmproxy::test;

namespace {

/// The registry whose credential has a life of its own, as ECR's has.
class ExpiringDialect : public RegistryDialect {
public:
    Credential credentialFor(Call&, const Repository&, const Credential& credential, bool renew) override {
        made += renew ? 1 : 0;
        Credential shown = credential;
        if (made > 0) shown.secret = Secret("renewed-" + std::to_string(made));
        return shown;
    }
    bool saysExpired(int status, const std::string& message) const override {
        return (status == 403 && message.find("expired") != std::string::npos) || status == 400;
    }
    int made = 0;
};

} // namespace

class RegistryTrapsTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(RegistryTrapsTest);
    CPPUNIT_TEST(row1CommaInScopeIsOneScope);
    CPPUNIT_TEST(row2BearerBeforeBasic);
    CPPUNIT_TEST(row3TokenByEitherName);
    CPPUNIT_TEST(row3NoUsableToken);
    CPPUNIT_TEST(row4ShortLivesCountAsAMinute);
    CPPUNIT_TEST(row4JwtsSayHowLongTheyLive);
    CPPUNIT_TEST(row5OwnClockNotIssuedAt);
    CPPUNIT_TEST(row6StopsAfterAFreshToken);
    CPPUNIT_TEST(row7RedirectDropsAuthorization);
    CPPUNIT_TEST(row8RedirectToTheSamePortKeepsAuthorization);
    CPPUNIT_TEST(row9ExpiredCredentialIsRenewedOnce);
    CPPUNIT_TEST(row10ExpiredTokenBy400IsRenewedOnce);
    CPPUNIT_TEST(row11HarborBasicAfterStaleBearer);
    CPPUNIT_TEST(row11HarborWrongPassword);
    CPPUNIT_TEST(row12HarborPolicyIsPassedThrough);
    CPPUNIT_TEST(row13LimitsAndLies);
    CPPUNIT_TEST(row14HeadThatSaysTooLittle);
    CPPUNIT_TEST_SUITE_END();

    void row1CommaInScopeIsOneScope() {
        serve(bearer());
        registry.inject("", "/v2/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            if (reply.status == 401)
                reply.set("WWW-Authenticate", R"(Bearer realm="https://reg.example.com/token",)"
                                              R"(service="reg.example.com",scope="repository:a/b:pull,push")");
        });
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "/token?client_id=wasm-proxy&service=reg.example.com"
                                                                "&scope=repository%3Aa%2Fb%3Apull"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
    }

    void row2BearerBeforeBasic() {
        serve(bearer());
        registry.inject("", "/v2/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            if (reply.status == 401)
                reply.headers.insert(reply.headers.begin(), {"WWW-Authenticate", R"(Basic realm="x")"});
        });
        requireResolved();
        for (const auto& seen : registry.seenAt(Origin))
            if (seen.target.find("/v2/") == 0) CPPUNIT_ASSERT(seen.header("Authorization").find("Basic") != 0);
    }

    void row3TokenByEitherName() {
        for (const char* pattern :
             {R"({"token":"T"})", R"({"access_token":"T"})", R"({"token":"T","access_token":""})",
              R"({"token":"","access_token":"T","expires_in":300})", R"({"token":null,"access_token":"T"})",
              R"({"token":"T","access_token":"T","expires_in":"300","issued_at":17})"}) {
            auto access = bearer();
            access.tokenReply = [pattern](const std::string& token) {
                std::string text = pattern;
                for (std::size_t at = 0; (at = text.find("\"T\"", at)) != std::string::npos;)
                    text.replace(at + 1, 1, token);
                return text;
            };
            serve(access);
            backend = make({});
            requireResolved();
        }
    }

    void row3NoUsableToken() {
        for (const std::string body : {R"({"token":""})", "{}", "[]", "<html>", "", R"({"token":"a b"})",
                                       R"({"token":17})", R"({"token":"a","token":"b"})"}) {
            auto access = bearer();
            access.tokenReply = [body](const std::string&) { return body; };
            serve(access);
            backend = make({});
            try {
                resolve();
                CPPUNIT_FAIL(body);
            } catch (const Error& error) {
                CPPUNIT_ASSERT_MESSAGE(body, error.code() == ErrorCode::UpstreamInvalid);
            }
        }
        auto access = bearer();
        access.tokenReply = [](const std::string& token) {
            return R"({"token":")" + token + R"(","x":")" + std::string(128 * 1024, 'x') + R"("})";
        };
        serve(access);
        backend = make({});
        expectRefusal(ErrorCode::UpstreamInvalid, "131072");
    }

    void row4ShortLivesCountAsAMinute() {
        for (const char* life : {"", R"(,"expires_in":0)", R"(,"expires_in":30)", R"(,"expires_in":-1)",
                                 R"(,"expires_in":"soon")", R"(,"expires_in":null)"}) {
            auto access = bearer();
            access.tokenReply = [life](const std::string& token) {
                return R"({"token":")" + token + "\"" + life + "}";
            };
            serve(access);
            backend = make({});
            registry.forgetSeen();
            requireResolved();
            host.clock.advance(std::chrono::seconds(45));
            requireResolved();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(life, std::size_t(1), tokens());
            host.clock.advance(std::chrono::seconds(16));
            requireResolved();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(life, std::size_t(2), tokens());
        }
    }

    void row4JwtsSayHowLongTheyLive() {
        // {"iat":1767225600,"exp":1767229200}: an hour from the test clock's begin.
        const std::string jwt = "eyJhbGciOiJub25lIn0.eyJpYXQiOjE3NjcyMjU2MDAsImV4cCI6MTc2NzIyOTIwMH0.c2ln";
        auto access = bearer();
        access.registryToken = jwt;
        access.tokenReply = [jwt](const std::string&) { return R"({"access_token":")" + jwt + R"("})"; };
        serve(access);
        requireResolved();
        host.clock.advance(std::chrono::seconds(2700));
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
        host.clock.advance(std::chrono::seconds(300));
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), tokens());
    }

    void row5OwnClockNotIssuedAt() {
        for (const char* issued : {"2025-12-31T23:00:00Z", "2026-01-01T01:00:00Z"}) {
            auto access = bearer();
            access.tokenReply = [issued](const std::string& token) {
                return R"({"token":")" + token + R"(","expires_in":300,"issued_at":")" + issued + R"("})";
            };
            serve(access);
            backend = make({});
            registry.forgetSeen();
            requireResolved();
            host.clock.advance(std::chrono::seconds(200));
            requireResolved();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(issued, std::size_t(1), tokens());
            host.clock.advance(std::chrono::seconds(50));
            requireResolved();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(issued, std::size_t(2), tokens());
        }
    }

    void row6StopsAfterAFreshToken() {
        auto access = bearer();
        serve(access);
        // As Docker Hub does for a repository that is not there: a token, and then not enough scope.
        expectRefusal(ErrorCode::RepositoryDenied, "401", Credential::anonymous());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "/v2/"));
        registry.forgetSeen();
        // Again, with what is remembered: nothing is tried without end.
        expectRefusal(ErrorCode::RepositoryDenied, "401", Credential::anonymous());
        CPPUNIT_ASSERT(registry.seen().size() <= 4);
        registry.forgetSeen();
        registry.inject("", "/v2/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            reply = FakeRegistry::Reply();
            reply.status = 401;
            reply.set("WWW-Authenticate", R"(Bearer realm="https://reg.example.com/token",service="reg.example.com")");
        });
        expectRefusal(ErrorCode::CredentialRefused, "my-pull-secret");
        CPPUNIT_ASSERT(registry.seen().size() <= 4);
    }

    void row7RedirectDropsAuthorization() {
        serve(bearer());
        registry.put("https://storage.example.net/x", BlobBytes);
        registry.inject("GET", "/blobs/", faults::redirect(307, "https://storage.example.net/x?X-Amz-Signature=s"));
        CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
        const auto there = registry.seenAt("https://storage.example.net");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), there.size());
        CPPUNIT_ASSERT(!there.front().authorized());
        // A range is asked of the storage too, and a redirect back brings no credential back.
        registry.inject("", "storage.example.net", faults::redirect(307, Origin + "/v2/a/b/manifests/v1"));
        test::expectError("back", ErrorCode::UpstreamUnavailable, "to which the registry redirected, answered 401",
                          [&] { fetch(blob(), user(), 5); });
        CPPUNIT_ASSERT_EQUAL(std::string("bytes=5-"),
                             registry.seenAt("https://storage.example.net").back().header("Range"));
        CPPUNIT_ASSERT(!registry.seen().back().authorized());
    }

    void row8RedirectToTheSamePortKeepsAuthorization() {
        serve(bearer());
        const std::string target = ":443/v2/a/b/blobs/" + Digest::of(BlobBytes).str() + "?again";
        for (const std::string& to : {Origin + target, "https://REG.example.com." + target, std::string("?again")}) {
            registry.heal();
            registry.inject("GET", "/blobs/", [to](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
                if (seen.target.find("again") == std::string::npos && seen.authorized())
                    faults::redirect(308, to)(seen, reply);
            });
            CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
            CPPUNIT_ASSERT(registry.seen().back().authorized());
        }
    }

    void row9ExpiredCredentialIsRenewedOnce() {
        auto dialect = std::make_unique<ExpiringDialect>();
        const ExpiringDialect& made = *dialect;
        backend = make({}, std::move(dialect));
        FakeRegistry::Access access = bearer();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        requireResolved();
        access.password = "renewed-1";
        serve(access);
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (reply.status == 401 && seen.authorized())
                faults::status(
                    403, R"({"errors":[{"code":"DENIED","message":"Your authorization token has expired."}]})")(seen,
                                                                                                                reply);
        });
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(1, made.made);
        access.password = "something else";
        serve(access);
        expectRefusal(ErrorCode::RepositoryDenied, "has expired");
        CPPUNIT_ASSERT_EQUAL(2, made.made);
    }

    void row10ExpiredTokenBy400IsRenewedOnce() {
        backend = make({}, std::make_unique<ExpiringDialect>());
        auto access = bearer();
        access.anonymousPull = true;
        serve(access);
        requireResolved(Credential::anonymous());
        registry.expireTokens();
        registry.inject("", "/v2/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (reply.status == 401 && seen.authorized()) faults::status(400)(seen, reply);
        });
        requireResolved(Credential::anonymous());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), tokens());
    }

    void row11HarborBasicAfterStaleBearer() {
        auto access = bearer();
        access.likeHarbor = true;
        access.tokenReply = [](const std::string& token) {
            return R"({"token":")" + token + R"(","access_token":"","expires_in":1800})";
        };
        serve(access);
        requireResolved();
        registry.expireTokens();
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), tokens());
        for (const auto& seen : registry.seen())
            if (seen.target.find("/v2/") == 0) CPPUNIT_ASSERT(seen.header("Authorization").find("Basic") != 0);
    }

    void row11HarborWrongPassword() {
        auto access = bearer();
        access.likeHarbor = true;
        serve(access);
        expectRefusal(ErrorCode::CredentialRefused, "my-pull-secret", user("wrong"));
        // The password went out once, to the token service; what it gave back was tried once.
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), authorized());
    }

    void row12HarborPolicyIsPassedThrough() {
        serve();
        registry.inject("", "/manifests/",
                        faults::status(412,
                                       R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"current image with )"
                                       R"(3 vulnerabilities cannot be pulled"}]})"));
        expectRefusal(ErrorCode::Blocked, "3 vulnerabilities cannot be pulled");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("HEAD", "/v2/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/v2/"));
    }

    void row13LimitsAndLies() {
        serve();
        const std::string big = Manifest + std::string((4u << 20) + 1 - Manifest.size(), ' ');
        registry.push(Origin, "a/b", "big", big);
        registry.push(Origin, "a/b", "largest", big.substr(1));
        test::expectError("HEAD", ErrorCode::UpstreamInvalid, "4 MiB", [&] { resolve(user(), "big"); });
        registry.inject("HEAD", "", faults::status(405));
        test::expectError("GET", ErrorCode::UpstreamInvalid, "4194304", [&] { resolve(user(), "big"); });
        registry.inject("GET", "/manifests/v1", faults::cutAfter(10));
        test::expectError("cut", ErrorCode::UpstreamUnavailable, "", [&] { resolve(); });
        registry.heal();
        Descriptor lie = blob();
        lie.size = 7;
        test::expectError("size", ErrorCode::UpstreamInvalid, "100000 bytes instead of 7", [&] { fetch(lie); });
        // Wrong bytes under the right length are the host's to find; a manifest's digest is computed here.
        registry.inject("HEAD", "", faults::status(405));
        registry.inject("GET", "/manifests/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            reply.body.back() = ' ';
            reply.body += "}";
        });
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        test::expectError("digest", ErrorCode::UpstreamInvalid, "answered with sha256:", [&] {
            backend->resolve(call, {repository, "", Digest::of(Manifest)}, user());
        });
    }

    void row14HeadThatSaysTooLittle() {
        serve();
        const std::vector<std::pair<std::string, FakeRegistry::Change>> changes = {
            {"405", faults::status(405)},
            {"501", faults::status(501)},
            {"403", faults::status(403)},
            {"no digest", faults::withoutHeader("Docker-Content-Digest")},
            {"a digest that is none", faults::header("Docker-Content-Digest", "sha256:../../x")},
            {"no type", faults::withoutHeader("Content-Type")},
            {"another type", faults::header("Content-Type", "application/json")},
            {"no length", faults::withoutHeader("Content-Length")},
            {"length 0", faults::header("Content-Length", "0")},
            {"a length that is none", faults::header("Content-Length", "+12")}};
        for (const auto& [name, change] : changes) {
            registry.heal();
            registry.forgetSeen();
            registry.inject("HEAD", "", change);
            const auto found = resolve();
            CPPUNIT_ASSERT_MESSAGE(name, found && found->data == Manifest && found->digest == Digest::of(Manifest));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t(1), registry.count("GET", "/manifests/v1"));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, media::manifestAccept(), registry.seen().back().header("Accept"));
        }
        registry.heal();
        registry.forgetSeen();
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("GET", ""));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistryTrapsTest);
