// SPDX-License-Identifier: Apache-2.0
// Registries that need no backend of their own, each with the challenges and token answers it is known for.
#include "BackendFixture.h"
#include "support/Base64.h"

#include <sstream>

using namespace wasmproxy;
using namespace wasmproxy::test;

namespace {

using Access = FakeRegistry::Access;
using Seen = FakeRegistry::Seen;
using Reply = FakeRegistry::Reply;
using std::chrono::seconds;

/// A token as these registries sign it, valid from the test clock's begin plus `from` for `life`.
std::string jwt(seconds life, seconds from = seconds(0)) {
    const int url = Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING;
    const auto issued = 1767225600 + from.count();
    return base64(R"({"alg":"RS256","typ":"JWT"})", url) + "." +
           base64(R"({"aud":"registry","iat":)" + std::to_string(issued) + R"(,"nbf":)" + std::to_string(issued - 5) +
                      R"(,"exp":)" + std::to_string(issued + life.count()) + "}",
                  url) +
           "." + base64("signature", url);
}

Credential password(const std::string& user, const std::string& secret) {
    return {Credential::Kind::Basic, "my-pull-secret", user, Secret(secret)};
}

std::string basicOf(const std::string& user, const std::string& secret) {
    return "Basic " + base64(user + ":" + secret);
}

} // namespace

class RegistriesTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(RegistriesTest);
    CPPUNIT_TEST(ghcrAnonymousNeedsATokenToo);
    CPPUNIT_TEST(ghcrPersonalAccessTokenIsAPassword);
    CPPUNIT_TEST(ghcrTokenWithoutTheScope);
    CPPUNIT_TEST(quayRobot);
    CPPUNIT_TEST(quayAnswersPlainText);
    CPPUNIT_TEST(quayOauthToken);
    CPPUNIT_TEST(acrIdentityTokenIsExchanged);
    CPPUNIT_TEST(acrTokenLivesAsItsJwtSays);
    CPPUNIT_TEST(acrAdminUser);
    CPPUNIT_TEST(acrIdentityTokenAsPassword);
    CPPUNIT_TEST(gitlabTokenServiceIsTheParentDomain);
    CPPUNIT_TEST(gitlabTokensLiveShort);
    CPPUNIT_TEST(gitlabSeveralCredentialsByPath);
    CPPUNIT_TEST(gitlabSelfManagedOnAnotherDomain);
    CPPUNIT_TEST_SUITE_END();

    void serveAt(const std::string& at, const std::string& path, Access access) {
        registry.serve("https://" + at, std::move(access));
        registry.push("https://" + at, path, "v1", Manifest);
        registry.pushBlob("https://" + at, path, BlobBytes);
    }
    std::optional<Descriptor> resolveAt(const std::string& at, const std::string& path, const Credential& credential) {
        Call call("test", Call::Clock::now() + seconds(20));
        return backend->resolve(call, {Repository(at, path), "v1"}, credential);
    }
    void requireAt(const std::string& at, const std::string& path, const Credential& credential) {
        const auto found = resolveAt(at, path, credential);
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(Digest::of(Manifest).str(), found->digest.str());
    }
    void refusedAt(const std::string& at, const std::string& path, const Credential& credential, ErrorCode code,
                   const std::string& words) {
        test::expectError(words, code, words, [&] { resolveAt(at, path, credential); });
    }
    /// "HEAD https://ghcr.io/v2/… Basic|Bearer|-", one per request.
    std::string told() const {
        std::string text;
        for (const auto& seen : registry.seen()) {
            const std::string header = seen.header("Authorization");
            text += seen.method + " " + seen.origin + seen.target + " " +
                    (header.empty() ? "-" : header.substr(0, header.find(' '))) + "\n";
        }
        return text;
    }
    /// Blobs of that host lie on another one, behind a signed URL.
    void storeBlobsAt(const std::string& at, const std::string& path, const std::string& url) {
        registry.put(url, BlobBytes);
        registry.inject("GET", at + "/v2/" + path + "/blobs/", [url](const Seen&, Reply& reply) {
            if (reply.status == 200) faults::redirect(307, url + "?sig=canary%2Fsignature")(Seen(), reply);
        });
    }
    void requireBlobAt(const std::string& at, const std::string& path, const Credential& credential) {
        Call call("test", Call::Clock::now() + seconds(20));
        const auto reader = backend->fetch(call, Repository(at, path), blob(), credential, 0);
        CPPUNIT_ASSERT(reader);
        CPPUNIT_ASSERT(readAll(*reader) == BlobBytes);
    }

    static Access tokens(const std::string& realm, const std::string& service) {
        Access access;
        access.kind = Access::Kind::Bearer;
        access.realm = realm;
        access.service = service;
        return access;
    }
    static Access ghcr() {
        auto access = tokens("https://ghcr.io/token", "ghcr.io");
        access.user = "example-bot";
        access.password = "ghp_canary4711";
        access.tokenReply = [](const std::string& token) { return R"({"token":")" + token + R"("})"; };
        return access;
    }

    void ghcrAnonymousNeedsATokenToo() {
        auto access = ghcr();
        access.anonymousPull = true;
        serveAt("ghcr.io", "istio-ecosystem/wasm-extensions/basic-auth", access);
        const std::string path = "istio-ecosystem/wasm-extensions/basic-auth";
        requireAt("ghcr.io", path, Credential::anonymous());
        CPPUNIT_ASSERT_EQUAL("HEAD https://ghcr.io/v2/" + path +
                                 "/manifests/v1 -\n"
                                 "GET https://ghcr.io/token?client_id=wasm-proxy&service=ghcr.io&scope="
                                 "repository%3Aistio-ecosystem%2Fwasm-extensions%2Fbasic-auth%3Apull -\n"
                                 "HEAD https://ghcr.io/v2/" +
                                 path + "/manifests/v1 Bearer\n",
                             told());
        storeBlobsAt("ghcr.io", path, "https://pkg-containers.githubusercontent.com/ghcr1/blobs/x");
        requireBlobAt("ghcr.io", path, Credential::anonymous());
        CPPUNIT_ASSERT(registry.leaks({}, {"https://ghcr.io"}).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "ghcr.io/token")); // for manifest and blob
        // A private package looks absent to who may not see it, but a 404 of the registry is the only absence.
        registry.inject("", "ghcr.io/token",
                        faults::status(403, R"({"errors":[{"code":"DENIED","message":"requested access to the )"
                                            R"(resource is denied"}]})"));
        refusedAt("ghcr.io", "example-org/private", Credential::anonymous(), ErrorCode::RepositoryDenied,
                  "requested access to the resource is denied");
    }

    void ghcrPersonalAccessTokenIsAPassword() {
        serveAt("ghcr.io", "example-org/authz", ghcr());
        const auto pat = password("example-bot", "ghp_canary4711");
        requireAt("ghcr.io", "example-org/authz", pat);
        storeBlobsAt("ghcr.io", "example-org/authz", "https://pkg-containers.githubusercontent.com/ghcr1/blobs/x");
        requireBlobAt("ghcr.io", "example-org/authz", pat);
        std::size_t shown = 0;
        for (const auto& seen : registry.seen()) {
            if (seen.header("Authorization") != basicOf("example-bot", "ghp_canary4711")) continue;
            ++shown;
            CPPUNIT_ASSERT_EQUAL(std::string("/token"), seen.target.substr(0, seen.target.find('?')));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), shown);
        CPPUNIT_ASSERT(registry.leaks({"ghp_canary4711"}, {"https://ghcr.io"}).empty());
        // An answer without expires_in and without a JWT lives a minute.
        host.clock.advance(seconds(45));
        requireAt("ghcr.io", "example-org/authz", pat);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "ghcr.io/token"));
        host.clock.advance(seconds(20));
        requireAt("ghcr.io", "example-org/authz", pat);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("GET", "ghcr.io/token"));
    }

    void ghcrTokenWithoutTheScope() {
        serveAt("ghcr.io", "example-org/authz", ghcr());
        const auto pat = password("example-bot", "ghp_canary4711");
        registry.inject("", "ghcr.io/token",
                        faults::status(403, R"({"errors":[{"code":"DENIED","message":"permission_denied: The token )"
                                            R"(provided does not match expected scopes."}]})"));
        refusedAt("ghcr.io", "example-org/authz", pat, ErrorCode::RepositoryDenied, "does not match expected scopes");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "ghcr.io/token"));
        registry.heal();
        refusedAt("ghcr.io", "example-org/authz", password("example-bot", "ghp_expired"), ErrorCode::CredentialRefused,
                  "'my-pull-secret'");
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "ghcr.io/token"));
    }

    static Access quay(const std::string& user, const std::string& secret) {
        auto access = tokens("https://quay.io/v2/auth", "quay.io");
        access.user = user;
        access.password = secret;
        access.registryToken = jwt(seconds(3600));
        access.tokenReply = [](const std::string&) { return R"({"token":")" + jwt(seconds(3600)) + R"("})"; };
        return access;
    }
    /// Quay's 401: no scope, and a body that is the word `true`.
    void answerLikeQuay(const std::string& type) {
        registry.inject("", "quay.io/v2/example/", [type](const Seen&, Reply& reply) {
            if (reply.status != 401) return;
            reply.set("WWW-Authenticate", R"(Bearer realm="https://quay.io/v2/auth",service="quay.io")");
            reply.body = "true";
            reply.set("Content-Type", type);
            reply.set("Content-Length", "4");
        });
    }

    void quayRobot() {
        serveAt("quay.io", "example/authz", quay("example+puller", "CANARY4711"));
        answerLikeQuay("text/plain");
        const auto robot = password("example+puller", "CANARY4711");
        requireAt("quay.io", "example/authz", robot);
        CPPUNIT_ASSERT_EQUAL(std::string("HEAD https://quay.io/v2/example/authz/manifests/v1 -\n"
                                         "GET https://quay.io/v2/auth?client_id=wasm-proxy&service=quay.io&scope="
                                         "repository%3Aexample%2Fauthz%3Apull Basic\n"
                                         "HEAD https://quay.io/v2/example/authz/manifests/v1 Bearer\n"),
                             told());
        CPPUNIT_ASSERT_EQUAL(basicOf("example+puller", "CANARY4711"), registry.seen()[1].header("Authorization"));
        // Its JWT says an hour, the answer says nothing.
        host.clock.advance(seconds(2700));
        requireAt("quay.io", "example/authz", robot);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "quay.io/v2/auth"));
        host.clock.advance(seconds(300));
        requireAt("quay.io", "example/authz", robot);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "quay.io/v2/auth"));
        storeBlobsAt("quay.io", "example/authz", "https://cdn01.quay.io/sha256/ab/x");
        requireBlobAt("quay.io", "example/authz", robot);
        CPPUNIT_ASSERT(registry.leaks({"CANARY4711"}, {"https://quay.io"}).empty()); // its own CDN sees none either
    }

    void quayAnswersPlainText() {
        for (const char* type : {"text/plain", "text/html; charset=utf-8", "application/json", ""}) {
            backend = make({});
            serveAt("quay.io", "example/authz", quay("example+puller", "CANARY4711"));
            registry.heal();
            answerLikeQuay(type);
            requireAt("quay.io", "example/authz", password("example+puller", "CANARY4711"));
            // A token that names nothing: the registry says 401 again, and so do we, once.
            registry.inject("", "quay.io/v2/auth", faults::status(200, R"({"token":"of-nobody"})"));
            registry.forgetSeen();
            backend = make({});
            refusedAt("quay.io", "example/authz", Credential::anonymous(), ErrorCode::CredentialRefused, "401");
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "quay.io/v2/auth"));
            CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "quay.io/v2/example/"));
        }
    }

    void quayOauthToken() {
        serveAt("quay.io", "example/authz", quay("$oauthtoken", "CANARY4711"));
        answerLikeQuay("text/plain");
        requireAt("quay.io", "example/authz", password("$oauthtoken", "CANARY4711"));
        registry.inject("", "quay.io/v2/auth",
                        faults::status(401, R"({"error":"Could not find robot with specified username"})"));
        refusedAt("quay.io", "example/authz", password("example+gone", "CANARY4711"), ErrorCode::CredentialRefused,
                  "Could not find robot");
    }

    static constexpr const char* NullUser = "00000000-0000-0000-0000-000000000000";
    static Access acr() {
        auto access = tokens("https://example.azurecr.io/oauth2/token", "example.azurecr.io");
        access.user = "example";
        access.password = "admin+canary/4711=";
        access.identityToken = "refresh.canary+4711/x=";
        access.registryToken = jwt(seconds(4500));
        access.tokenReply = [](const std::string&) { return R"({"access_token":")" + jwt(seconds(4500)) + R"("})"; };
        return access;
    }
    static Credential acrIdentity(const std::string& secret = "refresh.canary+4711/x=") {
        return {Credential::Kind::IdentityToken, "my-pull-secret", NullUser, Secret(secret)};
    }

    void acrIdentityTokenIsExchanged() {
        serveAt("example.azurecr.io", "team/authz", acr());
        requireAt("example.azurecr.io", "team/authz", acrIdentity());
        CPPUNIT_ASSERT_EQUAL(std::string("HEAD https://example.azurecr.io/v2/team/authz/manifests/v1 -\n"
                                         "POST https://example.azurecr.io/oauth2/token -\n"
                                         "HEAD https://example.azurecr.io/v2/team/authz/manifests/v1 Bearer\n"),
                             told());
        const auto post = registry.seen()[1];
        CPPUNIT_ASSERT_EQUAL(std::string("application/x-www-form-urlencoded"), post.header("Content-Type"));
        CPPUNIT_ASSERT_EQUAL(std::string("grant_type=refresh_token&client_id=wasm-proxy&service=example.azurecr.io"
                                         "&scope=repository%3Ateam%2Fauthz%3Apull"
                                         "&refresh_token=refresh.canary%2B4711%2Fx%3D"),
                             post.body);
        storeBlobsAt("example.azurecr.io", "team/authz", "https://eusmanaged1.blob.core.windows.net/x//docker/blobs/x");
        requireBlobAt("example.azurecr.io", "team/authz", acrIdentity());
        CPPUNIT_ASSERT(registry.leaks({"refresh.canary+4711/x="}, {"https://example.azurecr.io"}).empty());
    }

    void acrTokenLivesAsItsJwtSays() {
        serveAt("example.azurecr.io", "team/authz", acr());
        requireAt("example.azurecr.io", "team/authz", acrIdentity());
        host.clock.advance(seconds(3300)); // of 75 minutes
        requireAt("example.azurecr.io", "team/authz", acrIdentity());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "/oauth2/token"));
        host.clock.advance(seconds(500));
        requireAt("example.azurecr.io", "team/authz", acrIdentity());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("POST", "/oauth2/token"));
    }

    void acrAdminUser() {
        serveAt("example.azurecr.io", "team/authz", acr());
        // As ACR challenges who comes without a token.
        registry.inject(
            "", "azurecr.io/v2/",
            [](const Seen&, Reply& reply) {
                reply.set("WWW-Authenticate",
                          R"(Bearer realm="https://example.azurecr.io/oauth2/token",service="example.azurecr.io",)"
                          R"(scope="repository:team/authz:pull",error="invalid_token")");
            },
            1);
        requireAt("example.azurecr.io", "team/authz", password("example", "admin+canary/4711="));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("POST", "")); // its password grant is answered 400
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("GET", "/oauth2/token"));
        refusedAt("example.azurecr.io", "team/authz", password("example", "wrong-4711"), ErrorCode::CredentialRefused,
                  "'my-pull-secret'");
    }

    void acrIdentityTokenAsPassword() {
        auto access = acr();
        access.user = NullUser;
        access.password = "refresh.canary+4711/x=";
        serveAt("example.azurecr.io", "team/authz", access);
        requireAt("example.azurecr.io", "team/authz", password(NullUser, "refresh.canary+4711/x="));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("POST", ""));
        // A POST that is refused as ACR refuses it leads to the GET with the user name that docker's config has.
        backend = make({});
        registry.inject("POST", "/oauth2/token",
                        faults::status(400, R"({"errors":[{"code":"UNSUPPORTED","message":"grant not supported"}]})"));
        requireAt("example.azurecr.io", "team/authz", acrIdentity());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("GET", "/oauth2/token"));
    }

    static Access gitlab(const std::string& realm = "https://gitlab.com/jwt/auth") {
        auto access = tokens(realm, "container_registry");
        access.user = "gitlab+deploy-token-1";
        access.password = "gldt-canary4711";
        return access;
    }

    void gitlabTokenServiceIsTheParentDomain() {
        serveAt("registry.gitlab.com", "group/project/authz", gitlab());
        const auto deploy = password("gitlab+deploy-token-1", "gldt-canary4711");
        requireAt("registry.gitlab.com", "group/project/authz", deploy);
        CPPUNIT_ASSERT_EQUAL(
            std::string("HEAD https://registry.gitlab.com/v2/group/project/authz/manifests/v1 -\n"
                        "GET https://gitlab.com/jwt/auth?client_id=wasm-proxy&service=container_registry&scope="
                        "repository%3Agroup%2Fproject%2Fauthz%3Apull Basic\n"
                        "HEAD https://registry.gitlab.com/v2/group/project/authz/manifests/v1 Bearer\n"),
            told());
        storeBlobsAt("registry.gitlab.com", "group/project/authz", "https://cdn.registry.gitlab-static.net/x");
        requireBlobAt("registry.gitlab.com", "group/project/authz", deploy);
        CPPUNIT_ASSERT(
            registry.leaks({"gldt-canary4711"}, {"https://registry.gitlab.com", "https://gitlab.com"}).empty());
        // The parent domain's neighbours are not its token service: nothing is sent there.
        serveAt("registry.gitlab.com", "group/project/authz", gitlab("https://gitlab.com.example.net/jwt/auth"));
        backend = make({});
        refusedAt("registry.gitlab.com", "group/project/authz", deploy, ErrorCode::UpstreamInvalid,
                  "outside its own domain");
        CPPUNIT_ASSERT(registry.seenAt("https://gitlab.com.example.net").empty());
        // No right on the project.
        serveAt("registry.gitlab.com", "group/project/authz", gitlab());
        backend = make({});
        registry.inject("", "/jwt/auth",
                        faults::status(403, R"({"errors":[{"code":"DENIED","message":"access forbidden"}]})"));
        refusedAt("registry.gitlab.com", "group/project/authz", deploy, ErrorCode::RepositoryDenied,
                  "access forbidden");
    }

    void gitlabTokensLiveShort() {
        for (const int minutes : {5, 15}) { // self-managed, gitlab.com
            const auto life = seconds(60 * minutes);
            auto access = gitlab();
            const auto begin = host.clock.now().time_since_epoch() - seconds(1767225600);
            const auto token = jwt(life, std::chrono::duration_cast<seconds>(begin));
            access.registryToken = token;
            access.tokenReply = [token](const std::string&) { return R"({"token":")" + token + R"("})"; };
            serveAt("registry.gitlab.com", "group/project/authz", access);
            backend = make({});
            registry.forgetSeen();
            const auto deploy = password("gitlab+deploy-token-1", "gldt-canary4711");
            requireAt("registry.gitlab.com", "group/project/authz", deploy);
            host.clock.advance(life * 7 / 10);
            requireAt("registry.gitlab.com", "group/project/authz", deploy);
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), registry.count("", "/jwt/auth"));
            host.clock.advance(life / 5); // renewed before it ends
            requireAt("registry.gitlab.com", "group/project/authz", deploy);
            CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "/jwt/auth"));
            host.clock.advance(life);
        }
    }

    /// GitLab's deploy tokens are a group's or a project's: one host, several credentials.
    void gitlabSeveralCredentialsByPath() {
        registry.serve("https://registry.gitlab.com");
        for (const std::string group : {"group-a", "group-b"}) {
            registry.push("https://registry.gitlab.com", group + "/authz", "v1", Manifest);
            registry.inject("", "registry.gitlab.com/v2/" + group + "/", [group](const Seen& seen, Reply& reply) {
                if (seen.header("Authorization") == "Bearer token-of-" + group) return;
                faults::status(401, "",
                               {{"WWW-Authenticate", R"(Bearer realm="https://gitlab.com/jwt/auth",)"
                                                     R"(service="container_registry",scope="repository:)" +
                                                         group + R"(/authz:pull")"}})(seen, reply);
            });
            registry.inject("", "gitlab.com/jwt/auth", [group](const Seen& seen, Reply& reply) {
                if (seen.target.find("scope=repository%3A" + group + "%2Fauthz%3Apull") == std::string::npos) return;
                if (seen.header("Authorization") == basicOf("deploy-" + group, "secret-" + group))
                    faults::status(200, R"({"token":"token-of-)" + group + R"("})")(seen, reply);
                else
                    faults::status(403, R"({"errors":[{"code":"DENIED","message":"access forbidden"}]})")(seen, reply);
            });
        }
        for (int round = 0; round < 2; ++round) {
            for (const std::string group : {"group-a", "group-b"})
                requireAt("registry.gitlab.com", group + "/authz", password("deploy-" + group, "secret-" + group));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), registry.count("", "/jwt/auth")); // one for each, none taken for the other
        refusedAt("registry.gitlab.com", "group-b/authz", password("deploy-group-a", "secret-group-a"),
                  ErrorCode::RepositoryDenied, "access forbidden");
        requireAt("registry.gitlab.com", "group-b/authz", password("deploy-group-b", "secret-group-b"));
    }

    void gitlabSelfManagedOnAnotherDomain() {
        serveAt("registry.example.org", "group/authz", gitlab("https://gitlab.example.com/jwt/auth"));
        const auto deploy = password("gitlab+deploy-token-1", "gldt-canary4711");
        refusedAt("registry.example.org", "group/authz", deploy, ErrorCode::UpstreamInvalid,
                  "token-realms = gitlab.example.com");
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), authorized());
        backend = make({{"token-realms", "gitlab.example.com", "test:1"}});
        requireAt("registry.example.org", "group/authz", deploy);
        serveAt("registry.git.example.com", "group/authz", gitlab("https://git.example.com/jwt/auth"));
        backend = make({});
        requireAt("registry.git.example.com", "group/authz", deploy);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistriesTest);
