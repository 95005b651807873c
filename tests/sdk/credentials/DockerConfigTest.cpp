// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/DockerConfig.h"

#include "wasmproxy/credentials/Base64.h"
#include "wasmproxy/credentials/HelperAnswer.h"
#include "wasmproxy/oci/Error.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

using namespace wasmproxy;
using Kind = Credential::Kind;

class DockerConfigTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DockerConfigTest);
    CPPUNIT_TEST(decodesBase64);
    CPPUNIT_TEST(readsEveryFormOfEntry);
    CPPUNIT_TEST(leavesOutEntriesThatAreUnusable);
    CPPUNIT_TEST(skipsEmptyEntriesInSilence);
    CPPUNIT_TEST(refusesWhatIsNoConfig);
    CPPUNIT_TEST(saysThatHelpersAreNotRun);
    CPPUNIT_TEST(keepsUserInformationOfKeysOutOfText);
    CPPUNIT_TEST(readsHelpers);
    CPPUNIT_TEST(refusesHelpersThatAreNone);
    CPPUNIT_TEST(readsWhatAHelperWrites);
    CPPUNIT_TEST(showsOfAHelperWhatIsNoAnswer);
    CPPUNIT_TEST_SUITE_END();

public:
    void decodesBase64() {
        const std::vector<std::pair<std::string, std::string>> good = {{"", ""},
                                                                       {"YQ==", "a"},
                                                                       {"YWI=", "ab"},
                                                                       {"YWJj", "abc"},
                                                                       {"YQ", "a"},
                                                                       {"YWI", "ab"},
                                                                       {"YWJjZA", "abcd"},
                                                                       {"dTpw\n", "u:p"},
                                                                       {"dT\r\npw", "u:p"},
                                                                       {"+/+/", "\xfb\xff\xbf"},
                                                                       {"YWJjZGVmZ2g=\r\n", "abcdefgh"}};
        for (const auto& [text, expected] : good) {
            const auto decoded = decodeBase64(text);
            CPPUNIT_ASSERT_MESSAGE(text, decoded);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, *decoded);
        }
        for (const std::string text :
             {"Y", "YWJjZ", "YQ=", "YQ===", "YWJj=", "=", "Y=Q=", "YQ==YQ==", "Y-_Z", "Y W J", "u:p"})
            CPPUNIT_ASSERT_MESSAGE(text, !decodeBase64(text));
    }

    void readsEveryFormOfEntry() {
        struct Row {
            const char* entry;
            Kind kind;
            const char* username;
            const char* secret;
        };
        for (const Row& row : std::vector<Row>{
                 {R"({"auth":"dXNlcjpwYXNz"})", Kind::Basic, "user", "pass"},
                 {R"({"auth":"dXNlcjpwYXNzMQ=="})", Kind::Basic, "user", "pass1"},
                 {R"({"auth":"dXNlcjpwYXNzMQ"})", Kind::Basic, "user", "pass1"},
                 {R"({"auth":"dXNlcjpwYXNz\n"})", Kind::Basic, "user", "pass"},
                 {R"({"auth":"dTpwOnE6cg=="})", Kind::Basic, "u", "p:q:r"},
                 {R"({"auth":"dTpwAAA="})", Kind::Basic, "u", "p"},
                 {R"({"auth":"dTpwCg=="})", Kind::Basic, "u", "p"},
                 {R"({"username":"u","password":"p","email":"e@x"})", Kind::Basic, "u", "p"},
                 {R"({"username":"other","password":"other","auth":"dTpw"})", Kind::Basic, "u", "p"},
                 {R"({"username":"u","password":"p","auth":""})", Kind::Basic, "u", "p"},
                 {R"({"username":"u","password":"p","auth":null})", Kind::Basic, "u", "p"},
                 {R"({"identitytoken":"refresh"})", Kind::IdentityToken, "<token>", "refresh"},
                 {R"({"auth":"MDAwOg==","identitytoken":"refresh"})", Kind::IdentityToken, "<token>", "refresh"},
                 {R"({"registrytoken":"bearer"})", Kind::BearerToken, "<token>", "bearer"},
                 {R"({"registrytoken":"bearer","identitytoken":"refresh"})", Kind::BearerToken, "<token>", "bearer"},
                 {R"({"username":"<token>","password":"refresh"})", Kind::IdentityToken, "<token>", "refresh"},
                 {R"({"auth":"PHRva2VuPjpyZWZyZXNo"})", Kind::IdentityToken, "<token>", "refresh"},
             }) {
            const auto read = parseDockerConfig(R"({"auths":{"reg.io":)" + std::string(row.entry) + "}}", "/c");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.entry, std::size_t(1), read.entries.size());
            CPPUNIT_ASSERT_MESSAGE(row.entry, read.warnings.empty());
            const Credential& credential = read.entries[0].credential;
            CPPUNIT_ASSERT_MESSAGE(row.entry, row.kind == credential.kind);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.entry, std::string(row.username), credential.username);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.entry, std::string(row.secret), std::string(credential.secret.reveal()));
            CPPUNIT_ASSERT_EQUAL(std::string("reg.io in /c"), credential.name);
        }
    }

    void leavesOutEntriesThatAreUnusable() {
        const std::vector<std::pair<std::string, std::string>> rows = {
            {R"("reg.io":{"auth":"aHVudGVyMg=="})", "holds no ':'"},
            {R"("reg.io":{"auth":"hunter2!"})", "is not base64"},
            {R"("reg.io":{"auth":7})", "auths.reg.io.auth must be a string"},
            {R"("reg.io":{"password":["hunter2"]})", "auths.reg.io.password must be a string"},
            {R"("reg.io":"hunter2")", "auths.reg.io must be an object"},
            {R"("":{"auth":"dTpw"})", "the key is not host"},
            {R"("reg.io:port":{"auth":"dTpw"})", "the key is not host"}};
        for (const auto& [entry, expected] : rows) {
            const auto read =
                parseDockerConfig(R"({"auths":{)" + entry + R"(,"other.io":{"auth":"dTpw"}}})", "/etc/c.json");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(entry, std::size_t(1), read.entries.size());
            CPPUNIT_ASSERT_EQUAL(std::string("other.io in /etc/c.json"), read.entries[0].credential.name);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(entry, std::size_t(1), read.warnings.size());
            const std::string& line = read.warnings[0];
            CPPUNIT_ASSERT_MESSAGE(line, line.find(expected) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(line, line.find("/etc/c.json: entry \"") == 0);
            CPPUNIT_ASSERT_MESSAGE(line, line.find("hunter2") == std::string::npos);
        }
    }

    void skipsEmptyEntriesInSilence() {
        const auto read = parseDockerConfig(
            R"({"auths":{"a.io":{},"b.io":null,"c.io":{"auth":""},"d.io":{"email":"x"},"e.io":{"auth":"Og=="}}})",
            "/c");
        CPPUNIT_ASSERT(read.entries.empty());
        CPPUNIT_ASSERT(read.warnings.empty());
    }

    void refusesWhatIsNoConfig() {
        const std::vector<std::pair<std::string, std::string>> rows = {
            {"", "empty"},
            {" \n", "empty"},
            {"<html>", "HTML"},
            {"[]", "must be an object"},
            {"\"hunter2\"", "must be an object"},
            {R"({"auths":[]})", "auths must be an object"},
            {R"({"auths":"hunter2"})", "auths must be an object"},
            {R"({"auths":{"reg.io":{"auth":"hunter2"})", "not valid JSON"},
            {R"({"auths":{"reg.io":{"password":hunter2}}})", "not valid JSON"},
            {R"({"auths":{"reg.io":{"password":"hunter2}}})", "not valid JSON"},
            {R"({"auths":{"reg.io":{"password":"\qhunter2"}}})", "not valid JSON"},
            {R"({"auths":{"reg.io":{"password":"hunter2"}}} hunter2)", "not valid JSON"},
            {R"({"auths":{"reg.io":{"auth":"hunter2"},"reg.io":{}}})", "'reg.io' stands twice"},
            {R"({"auths":{"reg.io":{"auth":"hunter2","auth":"hunter2"}}})", "'auth' stands twice"},
            {std::string(3 << 20, ' '), "larger than"},
            {std::string(100, '[') + std::string(100, ']'), "nested deeper"}};
        for (const auto& [text, expected] : rows) {
            std::string message;
            try {
                parseDockerConfig(text, "/etc/c.json");
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::CredentialSourceFault);
                message = error.what();
            }
            CPPUNIT_ASSERT_MESSAGE(expected + " not in: " + message, message.find(expected) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(message, message.find("/etc/c.json") == 0);
            CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
        }
    }

    void saysThatHelpersAreNotRun() {
        for (const std::string helpers : {R"("credHelpers":{"x.io":"ecr-login"})", R"("credsStore":"desktop")"}) {
            const auto read = parseDockerConfig("{" + helpers + R"(,"auths":{"reg.io":{"auth":"dTpw"}}})", "/c");
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), read.entries.size());
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), read.warnings.size());
            CPPUNIT_ASSERT(read.warnings[0].find("are not run") != std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), parseDockerConfig("{}", "/c").warnings.size());
    }

    void keepsUserInformationOfKeysOutOfText() {
        const auto read = parseDockerConfig(R"({"auths":{"https://u:hunter2@reg.io":{"auth":"dTpw"}}})", "/c");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), read.warnings.size());
        CPPUNIT_ASSERT_EQUAL(std::string::npos, read.warnings[0].find("hunter2"));
        CPPUNIT_ASSERT(read.warnings[0].find("@reg.io") != std::string::npos);
    }

    void readsHelpers() {
        const auto config = readDockerConfig(
            R"({"credHelpers":{"https://a.io/v2/":"one","*.io":"glob","b.io/team":"path","c.io:5000":"two",
                "index.docker.io":"hub","d.io":"containers-auth.json","e.io":"","f.io":"../x","g.io":"store"},
                "credsStore":"store","auths":{"reg.io":{"auth":"dTpw"},"bad.io":{"auth":"!"}}})",
            "/c");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), config.auths.entries.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), config.auths.warnings.size());
        CPPUNIT_ASSERT(config.auths.warnings[1].find("/c: helper for \"*.io\" is left out") == 0);
        CPPUNIT_ASSERT(config.auths.warnings[2].find("/c: helper for \"b.io/team\" is left out") == 0);
        for (const auto& [host, expected] :
             std::vector<std::pair<std::string, std::string>>{{"a.io", "one store "},
                                                              {"b.io", "store "},
                                                              {"c.io", "store "},
                                                              {"c.io:5000", "two store "},
                                                              {"docker.io", "hub store "},
                                                              {"d.io", ""},
                                                              {"e.io", ""},
                                                              {"f.io", "../x store "},
                                                              {"g.io", "store "}}) {
            std::string names;
            for (const std::string& name : config.helpersOf(Repository(host, "team/app")))
                names += name + " ";
            CPPUNIT_ASSERT_EQUAL_MESSAGE(host, expected, names);
        }
        CPPUNIT_ASSERT(readDockerConfig(R"({"credsStore":"x"})", "/c").auths.warnings.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), readDockerConfig("{}", "/c").auths.warnings.size());
    }

    void refusesHelpersThatAreNone() {
        for (const std::string text :
             {R"({"credHelpers":["hunter2"]})", R"({"credHelpers":{"a.io":["hunter2"]}})", R"({"credsStore":7})"}) {
            std::string message;
            try {
                readDockerConfig(text, "/etc/c.json");
            } catch (const Error& error) {
                message = error.what();
            }
            CPPUNIT_ASSERT_MESSAGE(message, message.find("/etc/c.json: cred") == 0);
            CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
            // Who runs no helpers need not understand them.
            CPPUNIT_ASSERT(!parseDockerConfig(text, "/etc/c.json").warnings.empty());
        }
        for (const std::string name : {"ecr-login", "desktop.exe", "a_b", "X9", "..."})
            CPPUNIT_ASSERT_MESSAGE(name, isHelperName(name));
        for (const std::string name : {"", "a/b", "../a", "a b", "a\n", "\xc3\xa4", "a;b", "$a"})
            CPPUNIT_ASSERT_MESSAGE(name, !isHelperName(name));
        CPPUNIT_ASSERT(!isHelperName(std::string("a\0b", 3)));
        CPPUNIT_ASSERT(!isHelperName(std::string(101, 'a')));
    }

    void readsWhatAHelperWrites() {
        CPPUNIT_ASSERT_EQUAL(std::string("https://index.docker.io/v1/"), helperServer("docker.io"));
        CPPUNIT_ASSERT_EQUAL(std::string("reg.io:5000"), helperServer("reg.io:5000"));
        const auto basic = parseHelperAnswer("{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"p\"}\n", "h");
        CPPUNIT_ASSERT(basic && basic->kind == Kind::Basic);
        CPPUNIT_ASSERT_EQUAL(std::string("u"), basic->username);
        CPPUNIT_ASSERT_EQUAL(std::string("p"), std::string(basic->secret.reveal()));
        const auto token = parseHelperAnswer(R"({"Username":"<token>","Secret":"t"})", "h");
        CPPUNIT_ASSERT(token && token->kind == Kind::IdentityToken);
        for (const std::string none : {"{}", R"({"Username":"","Secret":""})", R"({"ServerURL":"x","Username":null})"})
            CPPUNIT_ASSERT_MESSAGE(none, !parseHelperAnswer(none, "h"));
        for (const std::string bad :
             {"", "hunter2", "[]", R"("hunter2")", R"({"Secret":"hunter2"})", R"({"Username":"u"})",
              R"({"Username":"u","Secret":["hunter2"]})", R"({"Username":"u","Secret":"hunter2")",
              R"({"Username":"u","Secret":"hunter2","Secret":"x"})"}) {
            std::string message;
            try {
                parseHelperAnswer(bad, "docker-credential-x");
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::CredentialSourceFault);
                message = error.what();
            }
            CPPUNIT_ASSERT_MESSAGE(bad + message, message.find("docker-credential-x") == 0);
            CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
        }
    }

    void showsOfAHelperWhatIsNoAnswer() {
        CPPUNIT_ASSERT(saysNotFound("credentials not found in native keychain\n"));
        CPPUNIT_ASSERT(!saysNotFound("no credentials server URL"));
        CPPUNIT_ASSERT(!saysNotFound(""));
        CPPUNIT_ASSERT_EQUAL(std::string("locked?now?"), helperMessage(" locked\nnow\x7f \r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string(), helperMessage(R"({"Username":"u","Secret":"hunter2"})"));
        CPPUNIT_ASSERT_EQUAL(std::string(), helperMessage("oops: {\"hunter2\""));
        CPPUNIT_ASSERT_EQUAL(std::string(), helperMessage("Secret: hunter2"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(163), helperMessage(std::string(9999, 'x')).size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DockerConfigTest);
