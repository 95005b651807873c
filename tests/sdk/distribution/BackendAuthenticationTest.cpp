// SPDX-License-Identifier: Apache-2.0
// What is shown to whom, when, and how often.
#include "BackendFixture.h"

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;

class BackendAuthenticationTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(BackendAuthenticationTest);
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
    CPPUNIT_TEST_SUITE_END();

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
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), registry.seen().size()); // 401, /v2/ with the password, 200
        requireResolved();
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), registry.seen().size());
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
        std::this_thread::sleep_for(std::chrono::milliseconds(1100)); // so long that refusal is everybody's
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
            backend = make({}); // which has not seen the last row's refusal
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
};

CPPUNIT_TEST_SUITE_REGISTRATION(BackendAuthenticationTest);
