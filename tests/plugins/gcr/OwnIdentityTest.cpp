// SPDX-License-Identifier: Apache-2.0
#include "GcrFixture.h"

namespace wasmproxy::test {

class OwnIdentityTest : public GcrFixture {
    CPPUNIT_TEST_SUITE(OwnIdentityTest);
    CPPUNIT_TEST(asksTheMetadataServer);
    CPPUNIT_TEST(goesWhereItIsTold);
    CPPUNIT_TEST(wantsTheFlavor);
    CPPUNIT_TEST(saysWhatTheMetadataServerRefuses);
    CPPUNIT_TEST(isNobodyWhereNoMetadataServerIs);
    CPPUNIT_TEST(isPatientWithASilentAddressOnce);
    CPPUNIT_TEST(isNeverNobodyWhereSomebodyWasSeen);
    CPPUNIT_TEST(isForGooglesRegistriesOnly);
    CPPUNIT_TEST(canBeSwitchedOff);
    CPPUNIT_TEST(takesTheSubjectTokenFromAFile);
    CPPUNIT_TEST(takesTheSubjectTokenFromAUrl);
    CPPUNIT_TEST(impersonates);
    CPPUNIT_TEST(believesNoForeignHostOfACredentialFile);
    CPPUNIT_TEST(saysWhatFederationRefuses);
    CPPUNIT_TEST_SUITE_END();

    static std::string federated(const std::string& source, const std::string& more = {},
                                 const std::string& tokenUrl = StsUrl) {
        return R"({"type":"external_account","audience":")" + Audience +
               R"(","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":)" + jsonText(tokenUrl) +
               R"(,"credential_source":)" + source + more + "}";
    }
    std::string subjectFile(const std::string& text = "subject-canary\n") const {
        return R"({"file":)" + jsonText(write("subject", text)) + "}";
    }
    static std::string impersonating(const std::string& url = ImpersonationUrl) {
        return R"(,"service_account_impersonation_url":)" + jsonText(url);
    }

    void asksTheMetadataServer() {
        serveMetadata("first");
        make({});
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
        const auto seen = only("");
        CPPUNIT_ASSERT_EQUAL(MetadataToken, seen.origin + seen.target);
        CPPUNIT_ASSERT_EQUAL(std::string("Google"), seen.header("Metadata-Flavor"));
        world.put(MetadataToken, tokenReply("second"));
        host.clock.advance(3600s - 226s);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
        host.clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::string("second"), token());
    }

    void goesWhereItIsTold() {
        serveMetadata("default");
        const std::string path = MetadataToken.substr(Metadata.size());
        for (const char* origin : {"http://127.0.0.1:9", "http://127.0.0.2"}) {
            world.put(origin + path, tokenReply(origin));
            world.inject("", origin + path, faults::header("Metadata-Flavor", "Google"));
        }
        make({}, {{}, "127.0.0.1:9", false});
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:9"), token());
        make({{"metadata-endpoint", "http://127.0.0.2/", ""}}, {{}, "127.0.0.1:9", false});
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.2"), token());
    }

    void wantsTheFlavor() {
        world.put(MetadataToken, tokenReply("canary"));
        make({{"metadata-endpoint", Metadata, ""}});
        requireFault("none", "without Metadata-Flavor: Google", {"canary"});
        world.inject("", MetadataToken, faults::header("Metadata-Flavor", "Amazon"));
        requireFault("other", "without Metadata-Flavor: Google", {"canary"});
        world.inject("", MetadataToken, faults::header("Metadata-Flavor", "Google"));
        CPPUNIT_ASSERT_EQUAL(std::string("canary"), token());
    }

    void saysWhatTheMetadataServerRefuses() {
        serveMetadata("canary");
        make({});
        const auto answer = [&](int status, const std::string& words) {
            world.heal();
            world.inject("", MetadataToken, faults::status(status, "", {{"Metadata-Flavor", "Google"}}));
            requireFault(words, words);
        };
        answer(404, "answered 404 / this machine has no service account");
        answer(403, "answered 403 / is a Google service account bound");
        answer(301, "answered 301");
        answer(500, "answered 500");
    }

    void isNobodyWhereNoMetadataServerIs() {
        make({});
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT(host.logged("no Google identity of its own: metadata server"));
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seen().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), host.lines().size());
        serveMetadata("late"); // GKE's answers some seconds after the pod's start
        host.clock.advance(61s);
        CPPUNIT_ASSERT_EQUAL(std::string("late"), token());

        make({}, {{}, {}, true});
        world.heal();
        world.inject("", MetadataToken, faults::status(0));
        requireFault("on Google", "metadata server http://metadata.google.internal.");
    }

    void isPatientWithASilentAddressOnce() {
        world.put(MetadataToken, tokenReply("never"));
        world.inject("", MetadataToken, faults::silence());
        make({});
        const auto begin = Call::Clock::now();
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT(Call::Clock::now() - begin > 2s);
        CPPUNIT_ASSERT(Call::Clock::now() - begin < 6s);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seen().size());
        make({});
        expectError("own deadline", ErrorCode::DeadlineExceeded, "deadline", [&] { find("gcr.io", 100ms); });
    }

    void isNeverNobodyWhereSomebodyWasSeen() {
        serveMetadata("first");
        make({});
        token();
        world.heal();
        world.inject("", MetadataToken, faults::status(0));
        host.clock.advance(3500s);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
        host.clock.advance(101s);
        requireFault("outage", "metadata server");
    }

    void isForGooglesRegistriesOnly() {
        serveMetadata("canary");
        make({});
        for (const char* registry : {"gcr.io", "eu.gcr.io", "gcr.io:443", "us-central1-docker.pkg.dev",
                                     "docker.europe-west3.rep.pkg.dev", "marketplace.gcr.io"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(registry, std::size_t(1), find(registry).size());
        world.forgetSeen();
        for (const char* registry :
             {"registry.example.com", "docker.io", "evil-gcr.io", "gcr.io.example.com", "a.b.gcr.io", "gcr.io:5000",
              "pkg.dev", "europe-npm.pkg.dev", "docker.pkg.dev.example.com", "docker.a.b.rep.pkg.dev", "127.0.0.1:5000",
              "evil.rep.pkg.dev", "localhost", "docker.rep.pkg.dev"})
            CPPUNIT_ASSERT_MESSAGE(registry, find(registry).empty());
        CPPUNIT_ASSERT(world.seen().empty());
        Call call("test", Call::Clock::now() + 20s);
        CPPUNIT_ASSERT(source().find(call, {{"gcr.io", "p/i"}, "a-secret"}).empty());
    }

    void canBeSwitchedOff() {
        serveMetadata("canary");
        make({{"own-identity", "false", ""}}, {write("adc.json", keyFile(TestKey::rsa().privatePem)), {}, true});
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT(world.seen().empty());
    }

    void takesTheSubjectTokenFromAFile() {
        world.put(StsUrl, tokenReply("federated"));
        makeWithAdc(federated(subjectFile()));
        CPPUNIT_ASSERT_EQUAL(std::string("federated"), token());
        const auto seen = only("");
        CPPUNIT_ASSERT_EQUAL(StsUrl, seen.origin + seen.target);
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), seen.method);
        const std::map<std::string, std::string> expected = {
            {"audience", Audience},
            {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
            {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
            {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
            {"subject_token", "subject-canary"},
            {"scope", "https://www.googleapis.com/auth/cloud-platform"}};
        CPPUNIT_ASSERT(expected == formOf(seen.body));

        // Read again with each exchange: projected tokens rotate.
        subjectFile("subject-two");
        host.clock.advance(3599s);
        token();
        CPPUNIT_ASSERT_EQUAL(std::string("subject-two"), formOf(world.seen().at(1).body)["subject_token"]);
    }

    void takesTheSubjectTokenFromAUrl() {
        const std::string url = "https://idp.example.com/token?aud=x";
        world.put("https://idp.example.com/token", R"({"value":"subject-json"})");
        world.put(StsUrl, tokenReply("federated"));
        makeWithAdc(federated(R"({"url":")" + url + R"(","headers":{"X-Asker":"header-canary"},)" +
                              R"("format":{"type":"json","subject_token_field_name":"value"}})"));
        CPPUNIT_ASSERT_EQUAL(std::string("federated"), token());
        CPPUNIT_ASSERT_EQUAL(std::string("header-canary"), only("idp.example.com").header("X-Asker"));
        CPPUNIT_ASSERT_EQUAL(std::string("subject-json"), formOf(only("sts.").body)["subject_token"]);
    }

    void impersonates() {
        world.put(StsUrl, tokenReply("federated-canary"));
        world.put(ImpersonationUrl, R"({"accessToken":"impersonated","expireTime":"2026-01-01T01:00:00Z"})");
        makeWithAdc(federated(subjectFile(), impersonating()));
        CPPUNIT_ASSERT_EQUAL(std::string("impersonated"), token());
        CPPUNIT_ASSERT_EQUAL("service account " + Account, find().at(0).name);
        const auto seen = only("iamcredentials");
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), seen.method);
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer federated-canary"), seen.header("Authorization"));
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"3600s"})"),
            seen.body);
        // Its life is the impersonated token's: an hour from now, less 225 s.
        host.clock.advance(3600s - 226s);
        token();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.count("POST", "iamcredentials"));
        host.clock.advance(1s);
        token();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), world.count("POST", "iamcredentials"));

        world.put("https://iam.example.com" + ImpersonationUrl.substr(ImpersonationUrl.find("/v1")),
                  R"({"accessToken":"elsewhere","expireTime":"2026-01-01T02:00:00.123Z"})");
        makeWithAdc(federated(subjectFile(), impersonating()), {{"api-endpoint", "https://iam.example.com", ""}});
        CPPUNIT_ASSERT_EQUAL(std::string("elsewhere"), token());
    }

    void believesNoForeignHostOfACredentialFile() {
        for (const char* url :
             {"https://evil.example.com/v1/token", "http://sts.googleapis.com/v1/token", "https://googleapis.com/x",
              "https://sts.googleapis.com:8443/v1/token", "https://sts.googleapis.com.evil.example/v1/token",
              "https://evilgoogleapis.com/v1/token", "https://user@sts.googleapis.com/v1/token", "sts.googleapis.com",
              "https://169.254.169.254/v1/token", "https://sts.googleapis.com/v1/token?x=https://evil.example.com"}) {
            makeWithAdc(federated(subjectFile(), "", url));
            requireFault(url, "token_url", {"subject-canary"});
            makeWithAdc(federated(subjectFile(), impersonating(url)));
            requireFault(url, "service_account_impersonation_url", {"subject-canary"});
        }
        CPPUNIT_ASSERT(world.seen().empty());
        world.put("https://sts.example.com/t", tokenReply("told"));
        makeWithAdc(federated(subjectFile(), "", "https://evil.example.com/"),
                    {{"sts-endpoint", "https://sts.example.com/t", ""}});
        CPPUNIT_ASSERT_EQUAL(std::string("told"), token());
    }

    void saysWhatFederationRefuses() {
        for (const char* wrong : {R"({"environment_id":"aws1","url":"https://a/"})",
                                  R"({"executable":{"command":"x"}})", "{}", R"({"file":"/a","url":"https://a/"})"}) {
            makeWithAdc(federated(wrong));
            requireFault(wrong, "credential_source must have either");
        }
        makeWithAdc(federated(subjectFile("  \n")));
        requireFault("empty", "subject token is empty");
        makeWithAdc(federated(R"({"file":"/absent/subject"})"));
        requireFault("absent", "cannot read /absent/subject");
        makeWithAdc(R"({"type":"authorized_user","refresh_token":"canary"})");
        requireFault("type", "service_account and external_account are", {"canary"});

        makeWithAdc(federated(subjectFile(), impersonating()));
        world.put(StsUrl, "");
        world.inject("", StsUrl,
                     faults::status(400, R"({"error":"invalid_grant","error_description":"bad subject-canary"})"));
        requireFault("sts", "token exchange sts.googleapis.com: answered 400: invalid_grant: bad <redacted>",
                     {"subject-canary"});
        world.heal();
        world.put(StsUrl, tokenReply("federated-canary"));
        world.put(ImpersonationUrl, "");
        world.inject("", ImpersonationUrl,
                     faults::status(403, R"({"error":{"code":403,"message":"Permission denied","status":"X"}})"));
        requireFault("iam",
                     "impersonation by iamcredentials.googleapis.com: answered 403: Permission denied / the "
                     "workload needs the role",
                     {"federated-canary"});
        world.heal();
        world.put(ImpersonationUrl, R"({"accessToken":"canary","expireTime":"soon"})");
        requireFault("time", "expireTime is no time", {"canary"});
        world.put(ImpersonationUrl, R"({"accessToken":"canary","expireTime":"2026-13-01T00:00:00Z"})");
        requireFault("month", "expireTime is no time", {"canary"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OwnIdentityTest);

} // namespace wasmproxy::test
