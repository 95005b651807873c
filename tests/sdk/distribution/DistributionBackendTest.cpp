// SPDX-License-Identifier: Apache-2.0
// One test per trap that registries are known for, each against a FakeRegistry that springs it.
#include "wasmproxy/distribution/DistributionBackend.h"
#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <thread>

using namespace wasmproxy;
using testing::FakeRegistry;
namespace faults = wasmproxy::testing::faults;

namespace {

const std::string Origin = "https://reg.example.com";
const std::string Manifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
    R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]})";
const std::string BlobBytes(100000, 'b');

FakeRegistry::Access bearer() {
    FakeRegistry::Access access;
    access.kind = FakeRegistry::Access::Kind::Bearer;
    access.user = "user";
    access.password = "canary-4711";
    return access;
}

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

class DistributionBackendTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DistributionBackendTest);
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
    CPPUNIT_TEST(asksOnceAndThenAuthorised);
    CPPUNIT_TEST(basicIsSentAtOnceOnceKnown);
    CPPUNIT_TEST(challengeWithoutWords);
    CPPUNIT_TEST(unknownSchemes);
    CPPUNIT_TEST(changedTokenServiceIsFound);
    CPPUNIT_TEST(changedSchemeIsFound);
    CPPUNIT_TEST(anotherScopeIsAskedForOnce);
    CPPUNIT_TEST(identityToken);
    CPPUNIT_TEST(identityTokenFallsBackToGet);
    CPPUNIT_TEST(registryToken);
    CPPUNIT_TEST(anonymousNeverShowsASecret);
    CPPUNIT_TEST(tokenServiceErrors);
    CPPUNIT_TEST(tokenServiceOnAnotherHost);
    CPPUNIT_TEST(tokenRequestStaysAtItsRealm);
    CPPUNIT_TEST(redirectsAreBounded);
    CPPUNIT_TEST(refusalsAreReadable);
    CPPUNIT_TEST(retryAfterIsBounded);
    CPPUNIT_TEST(plainHttpAndEndpoint);
    CPPUNIT_TEST(oneTokenForManyThreads);
    CPPUNIT_TEST_SUITE_END();

    FakeRegistry registry;
    testing::TestServices host{registry};
    std::unique_ptr<DistributionBackend> backend = make({});
    const Repository repository{"reg.example.com", "a/b"};

    std::unique_ptr<DistributionBackend> make(const std::vector<KeyValue>& values,
                                              std::unique_ptr<RegistryDialect> dialect = {}) {
        auto settings = std::make_unique<DistributionSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply(values, "", problems);
        CPPUNIT_ASSERT(problems.empty());
        if (!dialect) dialect = std::make_unique<RegistryDialect>();
        return std::make_unique<DistributionBackend>(host, std::move(settings), std::move(dialect));
    }

    void serve(FakeRegistry::Access access = {}, const std::string& origin = Origin) {
        registry.serve(origin, std::move(access));
        registry.push(origin, "a/b", "v1", Manifest);
        registry.pushBlob(origin, "a/b", BlobBytes);
    }

    static Credential user(const std::string& password = "canary-4711") {
        return {Credential::Kind::Basic, "my-pull-secret", "user", Secret(password)};
    }

    std::optional<Descriptor> resolve(const Credential& credential = user(), const std::string& tag = "v1") {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return backend->resolve(call, {repository, tag}, credential);
    }
    void requireResolved(const Credential& credential = user()) {
        const auto found = resolve(credential);
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(Digest::of(Manifest).str(), found->digest.str());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(Manifest.size()), found->size);
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciManifest), found->mediaType);
    }
    Descriptor blob() const {
        Descriptor descriptor;
        descriptor.digest = Digest::of(BlobBytes);
        descriptor.size = BlobBytes.size();
        return descriptor;
    }
    std::string fetch(const Descriptor& descriptor, const Credential& credential = user(), std::uint64_t offset = 0) {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        const auto reader = backend->fetch(call, repository, descriptor, credential, offset);
        CPPUNIT_ASSERT(reader);
        return readAll(*reader);
    }
    static std::string readAll(BodyReader& reader) {
        std::string bytes;
        std::array<char, 5000> buffer;
        while (const auto size = reader.read(buffer.data(), buffer.size()))
            bytes.append(buffer.data(), size);
        return bytes;
    }
    std::size_t tokens() const { return registry.count("", "/token"); }
    std::size_t authorized() const {
        std::size_t count = 0;
        for (const auto& seen : registry.seen())
            count += seen.authorized() ? 1 : 0;
        return count;
    }
    void expectRefusal(ErrorCode code, const std::string& words, const Credential& credential = user()) {
        test::expectError(words, code, words, [&] { resolve(credential); });
    }

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

    void asksOnceAndThenAuthorised() {
        serve(bearer());
        registry.push(Origin, "c", "v1", Manifest);
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), registry.seen().size()); // 401, token, 200
        registry.forgetSeen();
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.seen().size());
        CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.seen().size());
        // Another repository of the same registry: its own token, without a 401 first.
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        CPPUNIT_ASSERT(backend->resolve(call, {Repository("reg.example.com", "c"), "v1"}, user()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), registry.seen().size());
    }

    void basicIsSentAtOnceOnceKnown() {
        auto access = bearer();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.seen().size());
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), registry.seen().size());
        registry.forgetSeen();
        expectRefusal(ErrorCode::CredentialRefused, "401", user("wrong"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
        expectRefusal(ErrorCode::CredentialRefused, "'id'",
                      {Credential::Kind::IdentityToken, "id", "", Secret("canary")});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
    }

    void challengeWithoutWords() {
        auto access = bearer();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        for (const char* header : {"", " , "}) {
            backend = make({});
            registry.heal();
            registry.inject("", "/v2/", [header](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
                if (reply.status == 401) reply.set("WWW-Authenticate", header);
            });
            requireResolved();
            expectRefusal(ErrorCode::CredentialRefused, "401", user("wrong"));
            expectRefusal(ErrorCode::CredentialRefused, "401", Credential::anonymous());
        }
    }

    void unknownSchemes() {
        serve();
        registry.inject("", "/v2/", faults::status(401, "", {{"WWW-Authenticate", "Negotiate"}}));
        expectRefusal(ErrorCode::UpstreamInvalid, "'negotiate'");
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), authorized());
    }

    void changedTokenServiceIsFound() {
        auto access = bearer();
        access.realm = "https://old.example.com/token";
        serve(access);
        requireResolved();
        access.realm = "https://new.example.com/token";
        serve(access);
        registry.expireTokens();
        requireResolved(); // the cached token is refused, the new challenge leads on
        access.realm = "https://newest.example.com/token";
        serve(access);
        registry.expireTokens();
        host.clock.advance(std::chrono::hours(1));
        CPPUNIT_ASSERT_THROW(resolve(), Error); // the remembered service is gone
        requireResolved();
    }

    void changedSchemeIsFound() {
        auto access = bearer();
        serve(access);
        requireResolved();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        requireResolved(); // from a cached token to Basic at once
        access.kind = FakeRegistry::Access::Kind::Bearer;
        serve(access);
        requireResolved();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        registry.put(Origin + "/token", R"({"token":"of-no-use"})");
        host.clock.advance(std::chrono::hours(1));
        // A new token that is refused is a verdict, but what led to it is not remembered.
        CPPUNIT_ASSERT_THROW(resolve(), Error);
        requireResolved();
    }

    void anotherScopeIsAskedForOnce() {
        serve(bearer());
        registry.inject(
            "", "/v2/",
            [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
                reply.set("WWW-Authenticate",
                          R"(Bearer realm="https://reg.example.com/token",service="reg.example.com",scope="catalog")");
            },
            1);
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), tokens());
        int scope = 0;
        backend = make({});
        registry.forgetSeen();
        registry.inject("", "/v2/", [&scope](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            reply.status = 401;
            reply.set("WWW-Authenticate",
                      R"(Bearer realm="https://reg.example.com/token",service="reg.example.com",scope="s)" +
                          std::to_string(++scope) + "\"");
        });
        CPPUNIT_ASSERT_THROW(resolve(), Error); // a registry that always wants another one
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), tokens());
    }

    void identityToken() {
        auto access = bearer();
        access.identityToken = "canary&refresh=1";
        serve(access);
        const Credential credential{Credential::Kind::IdentityToken, "id", "<token>", Secret("canary&refresh=1")};
        requireResolved(credential);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("POST", "/token"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("GET", "/token"));
        expectRefusal(ErrorCode::CredentialRefused, "401",
                      {Credential::Kind::IdentityToken, "id", "<token>", Secret("other")});
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("POST", "/token"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/token"));
    }

    void identityTokenFallsBackToGet() {
        for (const int status : {404, 401, 400, 405}) {
            auto access = bearer();
            access.user = "<token>";
            serve(access);
            backend = make({});
            registry.heal();
            registry.forgetSeen();
            registry.inject("POST", "/token", faults::status(status));
            requireResolved({Credential::Kind::IdentityToken, "id", "", Secret("canary-4711")});
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/token"));
        }
        backend = make({});
        registry.heal();
        registry.inject("POST", "/token", faults::status(503));
        expectRefusal(ErrorCode::UpstreamUnavailable, "503",
                      {Credential::Kind::IdentityToken, "id", "", Secret("canary-4711")});
    }

    void registryToken() {
        auto access = bearer();
        access.registryToken = "canary-token";
        access.realm = "https://evil.example.net/token"; // which is of no interest to who has a token
        serve(access);
        requireResolved({Credential::Kind::BearerToken, "t", "", Secret("canary-token")});
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), tokens());
        registry.forgetSeen();
        backend = make({});
        expectRefusal(ErrorCode::CredentialRefused, "'t'",
                      {Credential::Kind::BearerToken, "t", "", Secret("canary-wrong")});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
        expectRefusal(ErrorCode::CredentialRefused, "control",
                      {Credential::Kind::BearerToken, "t", "", Secret("a\r\nb: c")});
    }

    void anonymousNeverShowsASecret() {
        for (const auto kind : {FakeRegistry::Access::Kind::Basic, FakeRegistry::Access::Kind::Bearer}) {
            auto access = bearer();
            access.kind = kind;
            serve(access);
            backend = make({});
            requireResolved();
            registry.forgetSeen();
            Credential odd = Credential::anonymous();
            odd.username = "user";
            odd.secret = Secret("canary-4711");
            CPPUNIT_ASSERT_THROW(resolve(odd), Error);
            for (const auto& seen : registry.seen())
                CPPUNIT_ASSERT(seen.header("Authorization").find("Basic") == std::string::npos);
        }
    }

    void tokenServiceErrors() {
        serve(bearer());
        const std::vector<std::pair<int, ErrorCode>> rows = {
            {400, ErrorCode::CredentialRefused},   {401, ErrorCode::CredentialRefused},
            {403, ErrorCode::RepositoryDenied},    {404, ErrorCode::UpstreamInvalid},
            {429, ErrorCode::TooManyRequests},     {500, ErrorCode::UpstreamUnavailable},
            {503, ErrorCode::UpstreamUnavailable}, {204, ErrorCode::UpstreamInvalid}};
        for (const auto& [status, code] : rows) {
            registry.heal();
            registry.forgetSeen();
            registry.inject("", "/token",
                            faults::status(status, R"({"details":"because canary-4711"})", {{"Retry-After", "9"}}));
            try {
                resolve();
                CPPUNIT_FAIL("no error");
            } catch (const Error& error) {
                const std::string text = error.what();
                CPPUNIT_ASSERT_EQUAL_MESSAGE(text, static_cast<int>(code), static_cast<int>(error.code()));
                CPPUNIT_ASSERT_MESSAGE(text, text.find("because <redacted>") != std::string::npos);
                CPPUNIT_ASSERT_MESSAGE(text, text.find("'my-pull-secret'") != std::string::npos);
                CPPUNIT_ASSERT_EQUAL(std::int64_t(9), std::int64_t(error.retryAfter().count()));
            }
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
        }
    }

    void tokenServiceOnAnotherHost() {
        auto access = bearer();
        access.realm = "https://authn.example.net/token?account=x";
        serve(access);
        expectRefusal(ErrorCode::UpstreamInvalid, "token-realms = authn.example.net");
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), authorized());
        backend = make({{"token-realms", "authn.example.net", "test:1"}});
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "authn.example.net/token?account=x&client_id="));
    }

    void tokenRequestStaysAtItsRealm() {
        auto access = bearer();
        access.realm = Origin + "//evil.example.net/token"; // must not be read as another host
        serve(access);
        requireResolved();
        CPPUNIT_ASSERT(registry.seenAt("https://evil.example.net").empty());
        access.realm = Origin + "/token";
        serve(access);
        backend = make({});
        registry.inject("", "/token?", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.target.find("moved") == std::string::npos)
                faults::redirect(307, "/token?moved&service=reg.example.com&scope=repository:a/b:pull")(seen, reply);
        });
        requireResolved(); // within the same origin a redirect is followed
        registry.heal();
        backend = make({});
        registry.inject("", "/token", faults::redirect(307, "/token?for-ever"));
        expectRefusal(ErrorCode::UpstreamInvalid, "too many hops");
    }

    void redirectsAreBounded() {
        serve();
        int hop = 0;
        registry.inject("", "/blobs/", [&hop](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (++hop <= 5) faults::redirect(302, "?" + std::to_string(hop))(seen, reply);
        });
        CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
        registry.heal();
        for (const auto& [location, words] : std::vector<std::pair<std::string, std::string>>{
                 {"?again", "more than 5 hops"},
                 {"", "it is empty"},
                 {"http://reg.example.com/x?canary", "plain http at reg.example.com"},
                 {"https://u:canary@reg.example.com/x", "user name"},
                 {"https://storage.example.net/\r\nX-Evil: canary", "control character"},
                 {"file:///canary", "not an absolute URL"},
                 {"gopher://x/canary", "neither http nor https"}}) {
            registry.heal();
            registry.forgetSeen();
            registry.inject("", "/blobs/", faults::redirect(307, location));
            try {
                fetch(blob());
                CPPUNIT_FAIL(location);
            } catch (const Error& error) {
                const std::string text = error.what();
                CPPUNIT_ASSERT_MESSAGE(text, error.code() == ErrorCode::UpstreamInvalid);
                CPPUNIT_ASSERT_MESSAGE(text, text.find(words) != std::string::npos || location == "file:///canary");
                CPPUNIT_ASSERT_MESSAGE(text, text.find("canary") == std::string::npos);
            }
            CPPUNIT_ASSERT(registry.seen().size() <= 6);
        }
    }

    void refusalsAreReadable() {
        serve();
        const auto text = [&](const std::string& body, const std::string& type) {
            registry.heal();
            registry.inject("GET", "", faults::status(403, body, {}));
            registry.inject("GET", "", faults::header("Content-Type", type));
            registry.inject("HEAD", "", faults::status(405));
            try {
                resolve();
            } catch (const Error& error) {
                return std::string(error.what());
            }
            return std::string("no error");
        };
        const std::string prefix =
            "reg.example.com: a/b manifests/v1: the registry answered 403 to credential 'my-pull-secret'";
        CPPUNIT_ASSERT_EQUAL(prefix + ": no pull here",
                             text(R"({"errors":[{"message":"no pull here"}]})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": DENIED", text(R"({"errors":[{"code":"DENIED"}]})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": limit", text(R"({"message":"limit"})", "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": plain", text("plain\n", "text/plain"));
        CPPUNIT_ASSERT_EQUAL(prefix, text("<html>long page</html>", "text/html"));
        CPPUNIT_ASSERT_EQUAL(prefix, text("", "application/json"));
        CPPUNIT_ASSERT_EQUAL(
            prefix + ": a b c see https://x/y?...",
            text("{\"errors\":[{\"message\":\"a\\u001b\\r\\nb\xe2\x80\xae c see https://x/y?sig=canary\"}]}",
                 "application/json"));
        CPPUNIT_ASSERT_EQUAL(prefix.size() + 2 + 300, text(std::string(1000, 'x'), "text/plain").size());
        CPPUNIT_ASSERT_EQUAL(prefix, text(std::string(100 * 1024, 'x'), "text/plain"));
        CPPUNIT_ASSERT_EQUAL(prefix + ": ?", text("\xff", "text/plain"));
    }

    void retryAfterIsBounded() {
        serve();
        for (const auto& [value, seconds] :
             std::vector<std::pair<std::string, int>>{{"7", 7},
                                                      {"3601", 3600},
                                                      {"99999999999999999999", 3600},
                                                      {"Thu, 01 Jan 2026 00:02:00 GMT", 120},
                                                      {"Thu, 01 Jan 2032 00:00:00 GMT", 3600},
                                                      {"Wed, 31 Dec 2025 23:00:00 GMT", 0},
                                                      {"-5", 0},
                                                      {"soon", 0},
                                                      {"", 0}}) {
            registry.heal();
            registry.inject("", "", faults::status(429, "", {{"Retry-After", value}}));
            try {
                resolve();
                CPPUNIT_FAIL(value);
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::TooManyRequests);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(value, seconds, static_cast<int>(error.retryAfter().count()));
            }
        }
    }

    void plainHttpAndEndpoint() {
        auto access = bearer();
        access.realm = "http://mirror:5001/token";
        serve(access, "http://mirror:5000");
        for (const auto& values :
             std::vector<std::vector<KeyValue>>{{{"endpoint", "mirror:5000", "t"}, {"plain-http", "true", "t"}},
                                                {{"endpoint", "http://mirror:5000", "t"}}}) {
            backend = make(values);
            requireResolved();
        }
        serve({}, "http://reg.example.com");
        backend = make({{"plain-http", "true", "t"}});
        requireResolved();
        CPPUNIT_ASSERT(registry.seenAt("https://reg.example.com").empty());
    }

    void oneTokenForManyThreads() {
        serve(bearer());
        std::vector<std::thread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                try {
                    if (resolve() && fetch(blob()) == BlobBytes) ++good;
                } catch (const Error&) {
                    // counted by its absence
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(16, good.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), tokens());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DistributionBackendTest);
