// SPDX-License-Identifier: Apache-2.0
// Routes that name no credentials, where the cloud says who this process is. The cloud is scripted, the registry real.
#include "Cloud.h"
#include "Rig.h"

#include "support/Base64.h"
#include "support/Certificate.h"
#include "support/ConnectProxy.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <mutex>
#include <sstream>

using namespace wasmproxy::test;

class OwnIdentityScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(OwnIdentityScenarios);
    CPPUNIT_TEST(googleByTheMetadataServer);
    CPPUNIT_TEST(googleKnowsNobodyHere);
    CPPUNIT_TEST(googleAccountThatMayNotPull);
    CPPUNIT_TEST(amazonByTheContainersCredentials);
    CPPUNIT_TEST(amazonDoesNotKnowTheContainer);
    CPPUNIT_TEST(whatASourceHasNeedsNoIdentity);
    CPPUNIT_TEST(aMirrorIsNotShownOurIdentity);
    CPPUNIT_TEST(theMachinesOwnServicesAreNotAskedByProxy);
    CPPUNIT_TEST(thePublicServicesOfACloudAreAskedByProxy);
    CPPUNIT_TEST(routesOfManyHostsFindTheirBackend);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* AccessToken = "ya29.access-canary";
    static constexpr const char* EcrPassword = "ecr-password-canary";
    static constexpr const char* SecretKey = "secret-key-canary";
    static constexpr const char* PodToken = "pod-token-canary";

    std::unique_ptr<Cloud> cloud; // made for each test: CppUnit keeps all fixtures from the start
    std::unique_ptr<PrivateRegistry> upstream;
    std::unique_ptr<Proxy> proxy;

public:
    void setUp() override {
        cloud = std::make_unique<Cloud>();
        upstream = std::make_unique<PrivateRegistry>();
        upstream->registry.setUsers(
            {{"robot", "right"}, {"oauth2accesstoken", AccessToken}, {"AWS", EcrPassword}}); // who else is refused
        upstream->registry.stop();
        upstream->registry.start();
    }
    void tearDown() override {
        proxy.reset();
        upstream.reset();
        cloud.reset();
    }

private:
    void start(const std::string& backend, const std::string& host, std::map<std::string, std::string> environment) {
        Proxy::Options options{"unused.test:1"};
        options.environment = Cloud::environment(std::move(environment));
        options.pull = "hold = 2s";
        options.more =
            backend + "\nendpoint = http://" + upstream->registry.host() + "\n[route.cloud]\nmatch = " + host + "/**\n";
        proxy = std::make_unique<Proxy>(options);
    }
    void startGoogle() { start("[backend.gcr]\nmetadata-endpoint = " + cloud->origin(), Cloud::GoogleHost, {}); }
    void startAmazon(const std::string& more = {}, const std::string& sectionsBefore = "[") {
        start(sectionsBefore + "backend.ecr]\napi-endpoint = " + cloud->origin() + more, Cloud::AmazonHost,
              cloud->container(upstream->folder.write("pod-token", PodToken)));
    }
    void amazonSays(const std::string& password) const { cloud->amazonSays(SecretKey, "session", password); }
    void assertServed(const std::string& reference, const std::string& module) const {
        const auto answer = proxy->fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy->log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
    }
    void assertRefused(const std::string& reference, const std::string& code,
                       const std::vector<std::string>& said) const {
        const auto answer = proxy->fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy->log(), 502, answer.status);
        assertHas(answer.body, code);
        for (const auto& part : said)
            assertHas(proxy->log(), part);
    }
    static void assertHas(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("expected '" + part + "' in: " + text, text.find(part) != std::string::npos);
    }
    void assertNoSecret() const {
        const auto text = proxy->log() + proxy->health("/metrics").body;
        for (const char* secret : {AccessToken, EcrPassword, SecretKey, PodToken})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(secret) == std::string::npos);
    }

    void googleByTheMetadataServer() {
        const auto module = uniqueModule("google");
        upstream->put("project/repo/authz:v1", istioArtifact(module));
        upstream->put("project/repo/other:v1", istioArtifact(module));
        cloud->googleSays(AccessToken);
        startGoogle();
        assertServed(std::string(Cloud::GoogleHost) + "/project/repo/authz:v1", module);
        assertServed(std::string(Cloud::GoogleHost) + "/project/repo/other:v1", module);
        const auto asked = cloud->asked(Cloud::Metadata);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), asked.size()); // a token for both
        assertHas(asked.front(), "Metadata-Flavor: Google\r\n");
        assertHas(proxy->log(), "credential=\"backend.gcr: ");
        assertNoSecret();
    }

    void googleKnowsNobodyHere() {
        upstream->put("project/repo/authz:v1", istioArtifact(uniqueModule("google nobody")));
        cloud->answer(Cloud::Metadata, {404, "", "Metadata-Flavor: Google\r\n"});
        startGoogle();
        assertRefused(std::string(Cloud::GoogleHost) + "/project/repo/authz:v1", "CREDENTIAL_SOURCE_FAULT",
                      {"metadata server " + cloud->origin(), "404", "this machine has no service account"});
        cloud->answer(Cloud::Metadata, {200, R"({"access_token":"x","expires_in":3599})", ""});
        assertRefused(std::string(Cloud::GoogleHost) + "/project/repo/authz:v2", "CREDENTIAL_SOURCE_FAULT",
                      {"without Metadata-Flavor: Google, so it is not one"});
    }

    void googleAccountThatMayNotPull() {
        upstream->put("project/repo/authz:v1", istioArtifact(uniqueModule("google stranger")));
        cloud->googleSays("ya29.stranger");
        startGoogle();
        assertRefused(std::string(Cloud::GoogleHost) + "/project/repo/authz:v1", "CREDENTIAL_REFUSED",
                      {"credential refused", "backend.gcr: "});
        CPPUNIT_ASSERT(proxy->log().find("ya29.stranger") == std::string::npos);
    }

    void amazonByTheContainersCredentials() {
        const auto module = uniqueModule("amazon");
        upstream->put("team/authz:v1", istioArtifact(module));
        amazonSays(EcrPassword);
        startAmazon();
        assertServed(std::string(Cloud::AmazonHost) + "/team/authz:v1", module);
        const auto credentials = cloud->asked("/v1/credentials");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), credentials.size());
        assertHas(credentials.front(), std::string("Authorization: ") + PodToken + "\r\n");
        const auto api = cloud->asked("/");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), api.size());
        assertHas(api.front(), "Credential=ASIACANARY/");
        assertHas(api.front(), "/eu-west-1/ecr/aws4_request");
        CPPUNIT_ASSERT(api.front().find(PodToken) == std::string::npos);
        assertHas(proxy->log(), "credential=\"backend.ecr: ecr: identity of this process in eu-west-1\"");
        assertNoSecret();
    }

    void amazonDoesNotKnowTheContainer() {
        upstream->put("team/authz:v1", istioArtifact(uniqueModule("amazon nobody")));
        cloud->answer("/v1/credentials", {403, R"({"code":"AccessDeniedException","message":"no association"})"});
        startAmazon();
        assertRefused(std::string(Cloud::AmazonHost) + "/team/authz:v1", "CREDENTIAL_SOURCE_FAULT",
                      {"container credentials service localhost:", "answered 403 AccessDeniedException"});
        CPPUNIT_ASSERT(cloud->asked("/").empty());
        amazonSays("a-password-of-another-account");
        assertRefused(std::string(Cloud::AmazonHost) + "/team/authz:v2", "CREDENTIAL_REFUSED",
                      {"credential refused", "backend.ecr: "});
        CPPUNIT_ASSERT(proxy->log().find("a-password-of-another-account") == std::string::npos);
    }

    void whatASourceHasNeedsNoIdentity() {
        const auto module = uniqueModule("amazon by a docker config");
        upstream->put("team/authz:v1", istioArtifact(module));
        cloud->answer("/v1/credentials", {403, R"({"code":"AccessDeniedException","message":"no association"})"});
        startAmazon();
        proxy->setDockerConfig(dockerConfig(Cloud::AmazonHost, "AWS", EcrPassword));
        assertServed(std::string(Cloud::AmazonHost) + "/team/authz:v1", module);
        assertHas(proxy->log(), "a credential source failed; only those before it are used");
        assertHas(proxy->log(), "answered 403 AccessDeniedException");
        assertNoSecret();
    }

    /// With `region` set, ecr's identity answers for whatever host it is asked about.
    void aMirrorIsNotShownOurIdentity() {
        const auto module = uniqueModule("amazon and a mirror");
        upstream->put("team/authz:v1", istioArtifact(module));
        amazonSays(EcrPassword);
        std::mutex mutex;
        std::vector<std::string> heads;
        const ScriptedServer mirror([&](ScriptedServer::Connection& connection) {
            for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest()) {
                {
                    const std::lock_guard<std::mutex> lock(mutex);
                    heads.push_back(request);
                }
                if (!connection.send("HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=\"mirror\"\r\n"
                                     "Content-Length: 0\r\n\r\n"))
                    return;
            }
        });
        startAmazon("\nregion = eu-west-1\nmirrors = near",
                    "[backend.near]\nplugin = oci\nendpoint = " + mirror.url("") + "\n[");
        assertServed(std::string(Cloud::AmazonHost) + "/team/authz:v1", module);
        assertHas(proxy->log(), "credential=\"backend.ecr: ecr: identity of this process in eu-west-1\"");
        const std::lock_guard<std::mutex> lock(mutex);
        CPPUNIT_ASSERT(!heads.empty());
        for (const auto& head : heads)
            CPPUNIT_ASSERT_MESSAGE(head, head.find("uthorization:") == std::string::npos);
    }

    void theMachinesOwnServicesAreNotAskedByProxy() {
        upstream->put("team/authz:v1", istioArtifact(uniqueModule("amazon by proxy")));
        amazonSays(EcrPassword);
        const ConnectProxy tunnel({});
        startAmazon("\nproxy = " + tunnel.url());
        assertRefused(std::string(Cloud::AmazonHost) + "/team/authz:v1", "CREDENTIAL_SOURCE_FAULT", {cloud->origin()});
        CPPUNIT_ASSERT(!cloud->asked("/v1/credentials").empty());
        CPPUNIT_ASSERT(cloud->asked("/").empty());
        CPPUNIT_ASSERT(!tunnel.heads().empty()); // the rest goes by it
        for (const auto& head : tunnel.heads()) {
            assertHas(head, "POST " + cloud->origin() + "/ HTTP/1.1\r\n");
            CPPUNIT_ASSERT(head.find(PodToken) == std::string::npos);
        }
        assertNoSecret();
    }

    void thePublicServicesOfACloudAreAskedByProxy() {
        const ConnectProxy tunnel({});
        auto pem = Certificate({"robot"}).keyPem();
        for (auto at = pem.find('\n'); at != std::string::npos; at = pem.find('\n', at))
            pem.replace(at, 1, "\\n");
        const auto key = upstream->folder.write(
            "key.json", R"({"type":"service_account","private_key_id":"k","client_email":"r@p.example",)"
                        R"("token_uri":"https://oauth2.googleapis.com/token","private_key":")" +
                            pem + "\"}");
        start("[backend.gcr]\nservice-account-key-file = " + key + "\nproxy = " + tunnel.url(), Cloud::GoogleHost, {});
        CPPUNIT_ASSERT(proxy->fetch(std::string(Cloud::GoogleHost) + "/project/repo/authz:v1").status >= 500);
        CPPUNIT_ASSERT_MESSAGE(proxy->log(), !tunnel.heads().empty());
        for (const auto& head : tunnel.heads())
            assertHas(head, "CONNECT oauth2.googleapis.com:443 HTTP/1.1\r\n");
    }

    void routesOfManyHostsFindTheirBackend() {
        const std::vector<std::array<std::string, 3>> rows = {
            {"*.dkr.ecr.*.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr"},
            {"*.dkr.ecr.eu-west-2.amazonaws.com", "123456789012.dkr.ecr.eu-west-2.amazonaws.com", "ecr"},
            {"public.ecr.aws", "public.ecr.aws", "ecr"},
            {"*.pkg.dev", "docker.europe-west1.rep.pkg.dev", "gcr"},
            {"*-docker.pkg.dev", "asia-docker.pkg.dev", "gcr"},
            {"*.gcr.io", "eu.gcr.io", "gcr"},
            {"docker.io", "docker.io", "dockerhub"},
            {"*.example.test", "dkr.example.test", "oci"},
            {"*.amazonaws.com", "files.amazonaws.com", "oci"}};
        const ConnectProxy tunnel({}); // nothing is dialled but this
        std::string ini = "[cache.main]\ndirectory = " + (upstream->folder / "blobs") + "\n";
        for (const std::string backend : {"ecr]\nidentity = none", "gcr]\nown-identity = false", "dockerhub]", "oci]"})
            ini += "[backend." + backend + "\nproxy = " + tunnel.url() + "\n";
        int number = 0;
        for (const auto& [match, host, backend] : rows)
            ini += "[route.r" + std::to_string(number++) + "]\nmatch = " + match + "/**\n";
        const auto file = upstream->folder.write("routes.ini", ini);
        number = 0;
        for (const auto& [match, host, backend] : rows) {
            std::string output;
            try {
                output = run(BUILD_ROOT "/bin/wasm-proxy", {"--config=" + file, "--explain=" + host + "/team/x:v1"});
                CPPUNIT_FAIL("nobody can have answered: " + output);
            } catch (const std::runtime_error& error) {
                output = error.what(); // with all that was printed
            }
            assertHas(output, "route          r" + std::to_string(number++) + " (match = " + match + "/**)");
            assertHas(output, "backend        " + backend + "\n");
            assertHas(output, "the proxy, not the registry, answered 403");
        }
        CPPUNIT_ASSERT(tunnel.heads().size() >= rows.size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OwnIdentityScenarios);
