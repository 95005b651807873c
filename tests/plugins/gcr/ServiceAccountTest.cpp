// SPDX-License-Identifier: Apache-2.0
#include "GcrFixture.h"
#include "SignedAssertion.h"

#include <Poco/Base64Decoder.h>
#include <Poco/Base64Encoder.h>

#include <cstdio>
#include <iterator>
#include <sstream>
#include <thread>

namespace wasmproxy::test {

namespace {

/// By Poco, which had no part in encoding it.
std::string decodeBase64Url(const std::string& text) {
    CPPUNIT_ASSERT(text.find_first_of("+/=") == std::string::npos);
    std::istringstream stream(text);
    Poco::Base64Decoder decoder(stream, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
    return {std::istreambuf_iterator<char>(decoder), {}};
}

std::string outputOf(const std::string& command) {
    std::string output;
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    CPPUNIT_ASSERT(pipe);
    char buffer[256];
    while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe))
        output.append(buffer, size);
    ::pclose(pipe);
    return output;
}

} // namespace

class ServiceAccountTest : public GcrFixture {
    CPPUNIT_TEST_SUITE(ServiceAccountTest);
    CPPUNIT_TEST(signsSoThatOpensslVerifies);
    CPPUNIT_TEST(statesExactlyTheClaims);
    CPPUNIT_TEST(refusesOtherKeysWithoutShowingThem);
    CPPUNIT_TEST(exchangesTheAssertion);
    CPPUNIT_TEST(believesNoOtherTokenUri);
    CPPUNIT_TEST(goesWhereTheOperatorSays);
    CPPUNIT_TEST(keepsTheTokenAndRenewsEarly);
    CPPUNIT_TEST(keepsTheOldTokenWhileRenewalFails);
    CPPUNIT_TEST(asksOnceForMany);
    CPPUNIT_TEST(seesAReplacedFile);
    CPPUNIT_TEST(saysWhatIsWrong);
    CPPUNIT_TEST_SUITE_END();

    static const std::string& pem() { return TestKey::rsa().privatePem; }

    void requireVerified(const std::string& jwt) {
        const std::size_t dot = jwt.rfind('.');
        const std::string input = write("input", jwt.substr(0, dot));
        const std::string signature = write("signature", decodeBase64Url(jwt.substr(dot + 1)));
        const std::string key = write("public.pem", TestKey::rsa().publicPem);
        const std::string command = "openssl dgst -sha256 -verify " + key + " -signature " + signature + " ";
        CPPUNIT_ASSERT_EQUAL(std::string("Verified OK\n"), outputOf(command + input));
        const std::string other = write("other", jwt.substr(0, dot) + "x");
        CPPUNIT_ASSERT(outputOf(command + other).find("Verified OK") == std::string::npos);
    }

    void signsSoThatOpensslVerifies() {
        const gcr::SignedAssertion assertion{Account, "key-1", TokenUrl, gcr::CloudPlatform};
        requireVerified(std::string(assertion.sign(Secret(pem()), host.now()).reveal()));
    }

    void statesExactlyTheClaims() {
        const gcr::SignedAssertion assertion{Account, "key\"1", TokenUrl, gcr::CloudPlatform};
        const std::string jwt(assertion.sign(Secret(pem()), host.now()).reveal());
        const std::size_t first = jwt.find('.');
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"alg":"RS256","typ":"JWT","kid":"key\"1"})"),
                             decodeBase64Url(jwt.substr(0, first)));
        // The clock stands at 1767225600.
        CPPUNIT_ASSERT_EQUAL(R"({"iss":")" + Account +
                                 R"(","scope":"https://www.googleapis.com/auth/cloud-platform",)" + R"("aud":")" +
                                 TokenUrl + R"(","iat":1767225590,"exp":1767229190})",
                             decodeBase64Url(jwt.substr(first + 1, jwt.rfind('.') - first - 1)));
    }

    void refusesOtherKeysWithoutShowingThem() {
        const auto refuses = [&](const std::string& name, const std::string& key, const std::string& words) {
            makeWithKey(keyFile(key));
            requireFault(name, words, {key.empty() ? "canary" : key, "canary"});
        };
        refuses("empty", "", "is empty");
        refuses("no PEM", "canary-no-pem", "no PEM private key");
        refuses("cut", pem().substr(0, pem().size() / 2), "no PEM private key");
        refuses("public", TestKey::rsa().publicPem, "no PEM private key");
        refuses("elliptic", TestKey::of(EVP_EC_gen("P-256")).privatePem, "no RSA key");
        refuses("short", TestKey::of(EVP_RSA_gen(1024)).privatePem, "2048 bits");
        CPPUNIT_ASSERT(world.seen().empty());
    }

    void exchangesTheAssertion() {
        world.put(TokenUrl, tokenReply("ya29.canary"));
        makeWithKey(keyFile(pem()));
        CPPUNIT_ASSERT_EQUAL(std::string("ya29.canary"), token());
        CPPUNIT_ASSERT_EQUAL("service account " + Account, find().at(0).name);
        const auto seen = only("");
        CPPUNIT_ASSERT_EQUAL(TokenUrl, seen.origin + seen.target);
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), seen.method);
        CPPUNIT_ASSERT_EQUAL(std::string("application/x-www-form-urlencoded"), seen.header("Content-Type"));
        auto form = formOf(seen.body);
        CPPUNIT_ASSERT_EQUAL(std::string("urn:ietf:params:oauth:grant-type:jwt-bearer"), form["grant_type"]);
        requireVerified(form["assertion"]);
    }

    void believesNoOtherTokenUri() {
        for (const char* uri :
             {"https://evil.example.com/token", "http://oauth2.googleapis.com/token",
              "https://oauth2.googleapis.com:8443/token", "https://oauth2.googleapis.com@evil/token",
              "https://oauth2.googleapis.com.evil.example/token", "https://sts.googleapis.com/token"}) {
            world.put("https://evil.example.com/token", tokenReply("evil"));
            makeWithKey(keyFile(pem(), uri));
            requireFault(uri, "token_uri", {pem()});
        }
        CPPUNIT_ASSERT(world.seen().empty());
    }

    void goesWhereTheOperatorSays() {
        world.put("https://tokens.example.com/t", tokenReply("there"));
        make({{"service-account-key-file", write("key.json", keyFile(pem(), "https://evil.example.com/token")), ""},
              {"token-endpoint", "https://tokens.example.com/t", ""}});
        CPPUNIT_ASSERT_EQUAL(std::string("there"), token());
        const std::string jwt = formOf(only("").body)["assertion"];
        const auto claims = decodeBase64Url(jwt.substr(jwt.find('.') + 1, jwt.rfind('.') - jwt.find('.') - 1));
        CPPUNIT_ASSERT(claims.find(R"("aud":"https://tokens.example.com/t")") != std::string::npos);
    }

    void keepsTheTokenAndRenewsEarly() {
        world.put(TokenUrl, tokenReply("first"));
        makeWithKey(keyFile(pem()));
        token();
        world.put(TokenUrl, tokenReply("second"));
        host.clock.advance(3600s - 226s);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
        host.clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::string("second"), token());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), world.count("POST", TokenUrl));
    }

    void keepsTheOldTokenWhileRenewalFails() {
        world.put(TokenUrl, tokenReply("first"));
        makeWithKey(keyFile(pem()));
        token();
        world.inject("", TokenUrl, faults::status(500));
        host.clock.advance(3500s);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token()); // and it is not asked each time
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), world.count("POST", TokenUrl));
        host.clock.advance(100s);
        requireFault("expired", "answered 500");
        world.heal();
        CPPUNIT_ASSERT_EQUAL(std::string("first"), token());
    }

    void asksOnceForMany() {
        world.put(TokenUrl, tokenReply("one"));
        makeWithKey(keyFile(pem()));
        std::vector<std::thread> threads;
        std::atomic<int> right{0};
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] { right += token() == "one" ? 1 : 0; });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(16, right.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.count("POST", TokenUrl));
    }

    void seesAReplacedFile() {
        world.put(TokenUrl, tokenReply("old"));
        makeWithKey(keyFile(pem()));
        token();
        std::string other = keyFile(pem());
        other.replace(other.find("key-1"), 5, "key-2");
        write("key.json", other);
        world.put(TokenUrl, tokenReply("new"));
        CPPUNIT_ASSERT_EQUAL(std::string("new"), token());
    }

    void saysWhatIsWrong() {
        make({{"service-account-key-file", directory / "absent.json", ""}});
        requireFault("absent", "absent.json: No such file");
        makeWithKey("{\"type\":\"service_account\",\"private_key\":\"canary\"}");
        requireFault("no mail", "client_email", {"canary"});
        makeWithKey("canary {");
        requireFault("no JSON", "service-account-key-file " + (directory / "key.json"), {"canary"});
        makeWithKey(R"({"type":"authorized_user","refresh_token":"canary"})");
        requireFault("type", "service_account is", {"canary", "authorized_user"});

        makeWithKey(keyFile(pem()));
        const auto answer = [&](int status, const std::string& body, const std::string& words) {
            world.heal();
            world.put(TokenUrl, "");
            world.inject("", TokenUrl, faults::status(status, body));
            requireFault(body, words, {"canary"});
        };
        answer(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})",
               "token service oauth2.googleapis.com: answered 400: invalid_grant: Invalid JWT Signature.");
        answer(403, R"({"error":{"code":403,"message":"not\r\nyours"}})", "answered 403: not  yours");
        answer(302, "", "answered 302");
        answer(503, "<html>canary</html>", "answered 503");
        answer(200, "canary", "answer of token service");
        answer(200, R"({"expires_in":3600})", "access_token");
        answer(200, R"({"access_token":"can\nary","expires_in":3600})", "cannot stand in a header");
        world.heal();
        // A service that echoes what it was sent.
        world.inject("", TokenUrl, [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            reply.status = 400;
            reply.body = "{\"error\":" + jsonText(formOf(seen.body)["assertion"]) + "}";
        });
        requireFault("echo", "answered 400: <redacted>", {"eyJ"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServiceAccountTest);

} // namespace wasmproxy::test
