// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/Challenge.h"

#include "wasmproxy/distribution/BearerAuthorizer.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;

namespace {

std::string shown(const std::vector<std::string>& headers) {
    std::string text;
    for (const auto& challenge : Challenge::parse(headers)) {
        text += "[" + challenge.scheme;
        for (const auto& [name, value] : challenge.parameters)
            text += " " + name + "=<" + value + ">";
        text += "]";
    }
    return text;
}

} // namespace

class ChallengeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ChallengeTest);
    CPPUNIT_TEST(readsWhatRegistriesWrite);
    CPPUNIT_TEST(isBounded);
    CPPUNIT_TEST(endsOnAnyBytes);
    CPPUNIT_TEST(asksOnlyForPull);
    CPPUNIT_TEST_SUITE_END();

    void readsWhatRegistriesWrite() {
        struct Row {
            std::vector<std::string> headers;
            std::string expected;
        };
        const std::vector<Row> rows = {
            {{}, ""},
            {{""}, ""},
            {{" , ,"}, ""},
            {{R"(Basic realm="x")"}, "[basic realm=<x>]"},
            {{R"(BEARER Realm="https://a/t",SERVICE="s",scope="repository:a/b:pull,push")"},
             "[bearer realm=<https://a/t> scope=<repository:a/b:pull,push> service=<s>]"},
            {{R"(Bearer realm="a, b=\"c\" \\",service=s)"}, R"([bearer realm=<a, b="c" \> service=<s>])"},
            {{R"(Bearer realm = "a" , service = b)"}, "[bearer realm=<a> service=<b>]"},
            {{R"(Bearer realm=https://a/t?x=y&z=1,service=s)"}, "[bearer realm=<https://a/t?x=y&z=1> service=<s>]"},
            {{R"(Bearer realm="first",realm="second")"}, "[bearer realm=<first>]"},
            {{R"(Basic realm="b", Bearer realm="c",service="s")"}, "[basic realm=<b>][bearer realm=<c> service=<s>]"},
            {{R"(Basic realm="b")", R"(Bearer realm="c")"}, "[basic realm=<b>][bearer realm=<c>]"},
            {{"Negotiate", "NTLM abcd==", R"(Digest realm="d",nonce=abc=)"},
             "[negotiate][ntlm][digest nonce=<abc=> realm=<d>]"},
            {{R"(Negotiate YII=, Basic realm="b")"}, "[negotiate yii=<>][basic realm=<b>]"},
            {{R"(Bearer realm="unclosed)"}, "[bearer realm=<unclosed>]"},
            {{R"(realm="nobody's")"}, ""},
            {{R"(Bearer realm="")"}, "[bearer realm=<>]"},
            {{R"(Bearer error="insufficient_scope" realm="spaces only")"},
             "[bearer error=<insufficient_scope> realm=<spaces only>]"},
        };
        for (const auto& row : rows)
            CPPUNIT_ASSERT_EQUAL(row.expected, shown(row.headers));
    }

    void isBounded() {
        std::string many;
        std::string wide = "Bearer ";
        for (int i = 0; i < 1000; ++i) {
            many += "S" + std::to_string(i) + " a=b, ";
            wide += "k" + std::to_string(i) + "=v, ";
        }
        CPPUNIT_ASSERT(Challenge::parse({many}).size() <= 16);
        CPPUNIT_ASSERT(Challenge::parse({wide}).front().parameters.size() <= 32);
        CPPUNIT_ASSERT(Challenge::parse(std::vector<std::string>(1000, "Basic realm=x")).size() <= 16);
    }

    void endsOnAnyBytes() {
        const std::string alphabet = "a=\",\\ \tB\x01\xff";
        std::uint32_t state = 7;
        for (int round = 0; round < 20000; ++round) {
            std::string text;
            for (int i = 0; i < 12; ++i) {
                state = state * 1664525u + 1013904223u;
                text += alphabet[(state >> 16) % alphabet.size()];
            }
            CPPUNIT_ASSERT(Challenge::parse({text, text}).size() <= 16);
        }
    }

    void asksOnlyForPull() {
        const auto scopes = [](const std::string& scope, const std::string& challenged, const std::string& path) {
            Challenge challenge{"bearer", {}};
            if (!scope.empty()) challenge.parameters["scope"] = scope;
            std::string text;
            for (const auto& one : BearerAuthorizer::scopesFor(challenge, challenged, path))
                text += (text.empty() ? "" : " ") + one;
            return text;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("repository:a/b:pull"), scopes("", "a/b", "a/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("repository:a/b:pull"), scopes("repository:a/b:pull,push", "a/b", "a/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("repository:a/b:pull"), scopes("repository:a/b:*", "a/b", "a/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("repository:a/b:pull"),
                             scopes("repository:a/b:pull repository:a/b:push", "a/b", "a/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("aws"), scopes("aws", "a/b", "a/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("repository:host:5000/a/b:pull"),
                             scopes("repository:host:5000/a/b:pull", "a/b", "a/b"));
        // A challenge remembered from another repository.
        CPPUNIT_ASSERT_EQUAL(std::string("repository:c:pull"), scopes("repository:a/b:pull", "a/b", "c"));
        CPPUNIT_ASSERT_EQUAL(std::string("aws"), scopes("aws", "a/b", "c"));
        CPPUNIT_ASSERT_EQUAL(std::string("repository:c:pull"), scopes("repository:x:pull", "a/b", "c"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChallengeTest);
