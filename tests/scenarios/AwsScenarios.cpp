// SPDX-License-Identifier: Apache-2.0
// ECR by an identity at AWS: an emulator that verifies every signature, and a real registry behind ECR's ways.
#include "Cloud.h"
#include "Moto.h"
#include "Rig.h"

#include "support/FreePorts.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>
#include <sstream>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string Host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const std::string Password = "123456789012-auth-token"; // what the emulator's authorization tokens hold

/// tests/support/aws-emulator.
class Aws {
public:
    explicit Aws(const std::string& moto) {
        upstream.registry.setUsers({{"robot", "right"}, {"AWS", Password}});
        upstream.registry.stop();
        upstream.registry.start();
        Child::Options options;
        options.outputFile = folder / "output";
        options.environment = {{"PYTHONPATH", moto + "/python"}, {"PYTHONDONTWRITEBYTECODE", "1"}};
        const std::vector<std::string> arguments = {folder.path(), std::to_string(_port), std::to_string(_registryPort),
                                                    std::to_string(upstream.registry.port())};
        _child = std::make_unique<Child>(SOURCE_ROOT "/tests/support/aws-emulator", arguments, options);
        if (!_child->waitForPort(_registryPort, seconds(60)))
            throw std::runtime_error("aws-emulator does not start: " + readFile(options.outputFile));
    }

    std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(_port); }
    std::string registryEndpoint() const { return "http://127.0.0.1:" + std::to_string(_registryPort); }
    HttpClient s3() const { return HttpClient(_port); }
    HttpClient registry() const { return HttpClient(_registryPort); }
    std::string file(const std::string& name) const { return readFile(folder / name); }
    void tell(const std::string& word) const {
        CPPUNIT_ASSERT_EQUAL(204, HttpClient(_port).send("POST", "/emulator/" + word).status);
    }
    /// Of the lines of its log, how many begin like this and end like that.
    std::size_t count(const std::string& begin, const std::string& end) const {
        std::istringstream lines(file("log"));
        std::size_t result = 0;
        for (std::string line; std::getline(lines, line);)
            result += line.compare(0, begin.size(), begin) == 0 && line.size() >= end.size() &&
                      line.compare(line.size() - end.size(), end.size(), end) == 0;
        return result;
    }

    PrivateRegistry upstream;
    TemporaryFolder folder;

private:
    const int _port = freePort();
    const int _registryPort = freePort();
    std::unique_ptr<Child> _child;
};

} // namespace

class AwsScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AwsScenarios);
    CPPUNIT_TEST(theEmulatorEnforces);
    CPPUNIT_TEST(aRightKeyPulls);
    CPPUNIT_TEST(aWrongKeyIsRefusedAndCorrected);
    CPPUNIT_TEST(webIdentity);
    CPPUNIT_TEST(anExpiredTokenIsRenewed);
    CPPUNIT_TEST(aTokenOfThePastIsSaidToBe);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<Aws> aws; // made for each test: CppUnit keeps all fixtures from the start
    std::unique_ptr<Proxy> proxy;

public:
    void setUp() override {
        const auto& moto = motoFolder();
        if (!moto.empty()) aws = std::make_unique<Aws>(moto);
    }
    void tearDown() override {
        proxy.reset();
        aws.reset();
    }

private:
    void push(const std::string& name, const std::string& module) { aws->upstream.put(name, istioArtifact(module)); }

    void start(const std::string& backend, std::map<std::string, std::string> environment, const std::string& hold) {
        Proxy::Options options{"unused.test:1"};
        environment["HOME"] = aws->folder / "nobody";
        options.environment = Cloud::environment(std::move(environment));
        options.pull = "hold = " + hold;
        options.more = "[backend.ecr]\nendpoint = " + aws->registryEndpoint() + "\napi-endpoint = " + aws->endpoint() +
                       "\nsts-endpoint = " + aws->endpoint() + "\nallow-private-addresses = true\n" + backend +
                       "\n[route.ecr]\nmatch = " + Host + "/**\n";
        proxy = std::make_unique<Proxy>(options);
    }
    void startWithKey(const std::string& key, const std::string& hold) {
        useKey(key);
        start("access-key-file = " + (aws->folder / "key"), {}, hold);
    }
    void useKey(const std::string& name) const { replace("key", "key-" + name); }
    void replace(const std::string& name, const std::string& by) const {
        const auto aside = aws->folder.write(name + ".new", aws->file(by));
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), (aws->folder / name).c_str()));
    }
    HttpAnswer get(const std::string& name) const { return proxy->fetch(Host + "/" + name); }
    std::string all(const HttpAnswer& answer) const {
        return answer.body + "\n" + proxy->log() + "\n" + aws->file("log") + aws->file("output");
    }
    static void assertHas(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("expected '" + part + "' in: " + text, text.find(part) != std::string::npos);
    }
    void assertServed(const std::string& name, const std::string& module) const {
        const auto answer = get(name);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(answer), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
    }
    /// Once what was changed has come to the next attempt.
    void assertServedSoon(const std::string& name, const std::string& module) const {
        for (int tries = 0; tries < 15 && get(name).status != 200; ++tries) {
        }
        assertServed(name, module);
    }
    /// The client learns what kind of failure it is, and the log what AWS said, at the next attempt.
    void assertRefused(const std::string& name, const std::vector<std::string>& said,
                       const std::string& code = "CREDENTIAL_SOURCE_FAULT") const {
        for (int tries = 0; tries < 15; ++tries) { // a second each
            const auto answer = get(name);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(all(answer), 502, answer.status);
            assertHas(answer.body, code);
            if (proxy->log().find(said.front()) != std::string::npos) break;
        }
        for (const auto& part : said)
            assertHas(proxy->log(), part);
    }
    void assertNoSecret() const {
        const auto text = proxy->log() + proxy->health("/metrics").body;
        std::vector<std::string> secrets = {Password, aws->file("token").substr(aws->file("token").rfind('.'))};
        for (const char* key : {"key-default", "key-poor"}) {
            const auto content = aws->file(key);
            secrets.push_back(content.substr(content.rfind(" = ") + 3, 40));
        }
        for (const auto& secret : secrets)
            CPPUNIT_ASSERT(text.find(secret) == std::string::npos);
    }

    /// Or nothing below would be worth anything.
    void theEmulatorEnforces() {
        if (!aws) return;
        const auto module = uniqueModule("enforced");
        push("team/authz:v1", module);
        CPPUNIT_ASSERT_EQUAL(401, aws->registry().get("/v2/team/authz/manifests/v1").status);
        const HttpClient::Headers right = {{"Authorization", "Basic QVdTOjEyMzQ1Njc4OTAxMi1hdXRoLXRva2Vu"}}; // Password
        const auto moved = aws->registry().get("/v2/team/authz/blobs/sha256:" + sha256Hex(module), right);
        CPPUNIT_ASSERT_EQUAL(307, moved.status);
        const auto target = moved.header("Location").substr(aws->endpoint().size());
        const auto served = aws->s3().get(target);
        CPPUNIT_ASSERT_EQUAL(200, served.status);
        CPPUNIT_ASSERT(served.body == module);
        CPPUNIT_ASSERT_EQUAL(400, aws->s3().get(target, right).status);
        CPPUNIT_ASSERT_EQUAL(403, aws->s3().get(target.substr(0, target.find('?'))).status);
        auto changed = target;
        changed.back() = changed.back() == '0' ? '1' : '0';
        CPPUNIT_ASSERT_EQUAL(403, aws->s3().get(changed).status);
    }

    void aRightKeyPulls() {
        if (!aws) return;
        const auto module = uniqueModule("ecr", 50000);
        push("team/authz:v1", module);
        push("team/other:v1", module);
        startWithKey("default", "4s");
        assertServed("team/authz:v1", module);
        assertServed("team/other:v1", module);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(aws->file("log"), std::size_t(1), aws->count("ecr ", "AWS4-HMAC-SHA256"));
        const auto s3 = aws->count("s3 200 GET /", "");
        CPPUNIT_ASSERT_MESSAGE(aws->file("log"), s3 > 0);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(aws->file("log"), s3, aws->count("s3 ", " nobody")); // all, and without a word
        std::cout << "S3 was asked " << s3 << " times by presigned URL, never with an Authorization header\n";
        assertNoSecret();
    }

    void aWrongKeyIsRefusedAndCorrected() {
        if (!aws) return;
        const auto module = uniqueModule("ecr key");
        push("team/authz:v1", module);
        startWithKey("wrong", "1s");
        assertRefused("team/authz:v1", {"answered 403 SignatureDoesNotMatch", "GetAuthorizationToken for access key",
                                        "the secret access key does not belong to the access key id"});
        useKey("unknown");
        assertRefused("team/authz:v1",
                      {"answered 403 InvalidClientTokenId", "AWS does not know this access key", "AKIAUNKNOWN"});
        useKey("poor");
        assertRefused("team/authz:v1", {"AccessDenied", "allow the identity ecr:GetAuthorizationToken"});
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), aws->count("registry 200", ""));
        useKey("default");
        assertServedSoon("team/authz:v1", module);
        assertNoSecret();
    }

    void webIdentity() {
        if (!aws) return;
        const auto module = uniqueModule("irsa");
        push("team/authz:v1", module);
        replace("web-identity", "token-expired");
        start("",
              {{"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/proxy"},
               {"AWS_WEB_IDENTITY_TOKEN_FILE", aws->folder / "web-identity"}},
              "1s");
        assertRefused("team/authz:v1", {"AssumeRoleWithWebIdentity of arn:aws:iam::123456789012:role/proxy",
                                        "answered 400 ExpiredTokenException"});
        replace("web-identity", "token-audience");
        assertRefused("team/authz:v1", {"answered 400 InvalidIdentityToken: Incorrect token audience"});
        replace("web-identity", "token-forged");
        assertRefused("team/authz:v1", {"InvalidIdentityToken: Couldn't retrieve verification key"});
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), aws->count("ecr ", ""));
        replace("web-identity", "token");
        assertServedSoon("team/authz:v1", module);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), aws->count("sts 200", " nobody"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), aws->count("ecr 200", " AWS4-HMAC-SHA256"));
        assertNoSecret();
    }

    void anExpiredTokenIsRenewed() {
        if (!aws) return;
        const auto first = uniqueModule("ecr first");
        const auto second = uniqueModule("ecr second");
        push("team/authz:v1", first);
        push("team/authz:v2", second);
        startWithKey("default", "4s");
        assertServed("team/authz:v1", first);
        aws->tell("expire-token"); // 403 for whoever shows one, until a new one is asked for
        assertServed("team/authz:v2", second);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(aws->file("log"), std::size_t(2), aws->count("ecr 200", ""));
        CPPUNIT_ASSERT_MESSAGE(aws->file("log"), aws->count("registry 403", "") > 0);
    }

    void aTokenOfThePastIsSaidToBe() {
        if (!aws) return;
        const auto module = uniqueModule("ecr 2015");
        push("team/authz:v1", module);
        aws->tell("clock-2015");
        startWithKey("default", "1s");
        assertRefused("team/authz:v1", {"answered with a token that has expired"}, "UPSTREAM_INVALID");
        aws->tell("clock-now");
        assertServedSoon("team/authz:v1", module);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AwsScenarios);
