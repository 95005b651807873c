// SPDX-License-Identifier: Apache-2.0
#include "GcrFixture.h"
#include "GoogleHosts.h"

namespace wasmproxy::test {

class GcrBackendTest : public GcrFixture {
    CPPUNIT_TEST_SUITE(GcrBackendTest);
    CPPUNIT_TEST(knowsGooglesRegistries);
    CPPUNIT_TEST(pullsWithEveryKindOfUser);
    CPPUNIT_TEST(takesTheTokenEndpoints403AsDenied);
    CPPUNIT_TEST(pullsWithItsOwnIdentity);
    CPPUNIT_TEST(showsItsIdentityToNobodyElse);
    CPPUNIT_TEST(hasNoOtherAbility);
    CPPUNIT_TEST(refusesWrongSettings);
    CPPUNIT_TEST_SUITE_END();

    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
        R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
        R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]})";

    void serve(const std::string& user, const std::string& password) {
        FakeRegistry::Access access;
        access.kind = FakeRegistry::Access::Kind::Bearer;
        access.user = user;
        access.password = password;
        access.realm = Registry + "/v2/token";
        world.serve(Registry, access);
        world.push(Registry, "p/r/i", "v1", manifest);
    }
    std::optional<Descriptor> resolve(const Credential& credential) {
        Call call("test", Call::Clock::now() + 20s);
        return backend->resolve(call, {{"europe-docker.pkg.dev", "p/r/i"}, "v1"}, credential);
    }

    void knowsGooglesRegistries() {
        for (const char* name : {"gcr.io", "us.gcr.io", "europe-west1-docker.pkg.dev", "*.gcr.io", "*.pkg.dev",
                                 "*-docker.pkg.dev", "docker.*.rep.pkg.dev", "docker.europe-west1.rep.pkg.dev"})
            CPPUNIT_ASSERT_MESSAGE(name, gcr::isGooglePattern(name));
        for (const char* name : {"*", "*gcr.io", "*.io", "*pkg.dev", "docker.io", "gcr.io.*", "", ".gcr.io"})
            CPPUNIT_ASSERT_MESSAGE(name, !gcr::isGooglePattern(name));
    }

    void pullsWithEveryKindOfUser() {
        const std::string key = keyFile(TestKey::rsa().privatePem); // with line breaks, colons and quotes
        const std::string pretty = "{\n  \"type\": \"service_account\",\n  \"a\": \"b:c\"\n}\n";
        const std::vector<std::pair<std::string, std::string>> users = {{"_json_key", key},
                                                                        {"_json_key", pretty},
                                                                        {"_json_key_base64", "eyJ0eXBlIjoi"},
                                                                        {"oauth2accesstoken", "ya29.a0-b_c"},
                                                                        {"_token", "ya29.a0"},
                                                                        {"_dcgcr_2_1_0_token", "ya29.a0"}};
        for (const auto& [user, password] : users) {
            make({});
            serve(user, password);
            world.forgetSeen();
            const auto found = resolve({Credential::Kind::Basic, "from a source", user, Secret(password)});
            CPPUNIT_ASSERT_MESSAGE(user, found && found->digest == Digest::of(manifest));
            const auto asked = only("/v2/token");
            CPPUNIT_ASSERT(asked.target.find("service=europe-docker.pkg.dev") != std::string::npos);
            CPPUNIT_ASSERT(asked.target.find("scope=repository%3Ap%2Fr%2Fi%3Apull") != std::string::npos);
            expectError(user, ErrorCode::CredentialRefused, "from a source", [this, &name = user, &right = password] {
                resolve({Credential::Kind::Basic, "from a source", name, Secret(right + "x")});
            });
        }
        CPPUNIT_ASSERT(world.leaks({"service_account", "ya29"}, {Registry}).empty());
    }

    void takesTheTokenEndpoints403AsDenied() {
        make({});
        serve("_json_key", "canary-key");
        const std::string message =
            R"(Permission \"artifactregistry.repositories.downloadArtifacts\" denied on resource )"
            R"(\"projects/p/locations/europe/repositories/r\" (or it may not exist))";
        world.inject("", "/v2/token",
                     faults::status(403, R"({"errors":[{"code":"DENIED","message":")" + message + R"("}]})"));
        try {
            resolve({Credential::Kind::Basic, "puller", "_json_key", Secret("canary-key")});
            CPPUNIT_FAIL("no error");
        } catch (const Error& error) {
            const std::string text = error.what();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, static_cast<int>(ErrorCode::RepositoryDenied),
                                         static_cast<int>(error.code()));
            CPPUNIT_ASSERT_MESSAGE(text, text.find("artifactregistry.repositories.downloadArtifacts") != text.npos);
            CPPUNIT_ASSERT_MESSAGE(text, text.find("canary") == text.npos);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.count("", "/v2/token")); // and it is not asked again
    }

    void pullsWithItsOwnIdentity() {
        serveMetadata("ya29.machine");
        serve("oauth2accesstoken", "ya29.machine");
        make({});
        CPPUNIT_ASSERT(resolve(find().at(0)));
    }

    void showsItsIdentityToNobodyElse() {
        const std::string pem = TestKey::rsa().privatePem;
        const std::string inside = pem.substr(200, 40); // a part of one line
        CPPUNIT_ASSERT(inside.find('\n') == std::string::npos || inside.size() == 40);
        world.put(TokenUrl, tokenReply("ya29.canary"));
        serve("oauth2accesstoken", "ya29.canary");
        makeWithKey(keyFile(pem));
        for (const char* realm : {"https://evil.example.com/v2/token", "https://oauth2.googleapis.com/token",
                                  "http://europe-docker.pkg.dev/v2/token", "https://us-docker.pkg.dev.example/t"}) {
            world.heal();
            world.inject(
                "", Registry + "/v2/p/",
                faults::status(401, "", {{"WWW-Authenticate", std::string("Bearer realm=\"") + realm + "\""}}));
            expectError(realm, ErrorCode::UpstreamInvalid, "token service", [&] { resolve(find().at(0)); });
        }
        world.heal();
        world.inject("", Registry + "/v2/p/", faults::redirect(307, "https://storage.example.com/blob"));
        world.put("https://storage.example.com/blob", "x");
        try {
            resolve(find().at(0));
        } catch (const Error&) {
        }
        // The access token goes to its registry, the signed assertion to Google's token service, the key nowhere.
        CPPUNIT_ASSERT(world.count("", "storage.example.com") > 0);
        CPPUNIT_ASSERT(world.leaks({"ya29.canary"}, {Registry}).empty());
        CPPUNIT_ASSERT(world.leaks({"eyJ"}, {Registry, "https://oauth2.googleapis.com"}).empty());
        CPPUNIT_ASSERT(world.leaks({inside, pem}, {Registry}).empty());
        for (const char* secret : {"ya29", "PRIVATE KEY", "eyJ"})
            CPPUNIT_ASSERT_MESSAGE(secret, !host.logged(secret));
    }

    void hasNoOtherAbility() {
        make({});
        CPPUNIT_ASSERT(!backend->ability("registry-health/1"));
        CPPUNIT_ASSERT(!backend->ability(nullptr));
        CPPUNIT_ASSERT(backend->ability(CredentialSource::Seam));
    }

    void refusesWrongSettings() {
        const auto refuses = [](const std::string& key, const std::string& value, const std::string& words) {
            gcr::GcrSettings settings;
            std::vector<SettingsProblem> problems;
            settings.apply({{key, value, "a.ini:1"}}, "backend.x.", problems);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(key + " = " + value, std::size_t(1), problems.size());
            CPPUNIT_ASSERT_EQUAL("backend.x." + key, problems[0].key);
            CPPUNIT_ASSERT_MESSAGE(problems[0].message, problems[0].message.find(words) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE("shows a secret", problems[0].message.find("canary") == std::string::npos);
        };
        refuses("token-endpoint", "http://tokens.example.com/t", "https");
        refuses("token-endpoint", "https://user:canary@tokens.example.com/t", "");
        refuses("token-endpoint", "", "");
        refuses("sts-endpoint", "https://sts.example.com/t?a=b", "without query");
        refuses("api-endpoint", "https://iam.example.com/v1", "without a path");
        refuses("metadata-endpoint", "metadata", "");
        refuses("metadata-endpoint", "http://a/b", "without a path");
        refuses("service-account-key-file", "key.json", "absolute");
        refuses("plain-http", "perhaps", "");
        gcr::GcrSettings settings;
        std::vector<SettingsProblem> problems;
        settings.apply({{"metadata-endpoint", "http://169.254.169.254", ""},
                        {"token-endpoint", "http://127.0.0.1:9/token", ""},
                        {"sts-endpoint", "https://sts.europe-west1.rep.googleapis.com/v1/token", ""},
                        {"api-endpoint", "", ""}},
                       "", problems);
        CPPUNIT_ASSERT(problems.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(GcrBackendTest);

} // namespace wasmproxy::test
