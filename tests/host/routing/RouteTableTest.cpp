// SPDX-License-Identifier: Apache-2.0
#include "routing/RouteTable.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

Repository repository(const std::string& text) {
    const auto slash = text.find('/');
    return Repository(text.substr(0, slash), text.substr(slash + 1));
}

Route route(const std::string& name, const std::string& pattern) {
    return Route{name, Pattern(pattern), {}, nullptr, {}};
}

} // namespace

class RouteTableTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RouteTableTest);
    CPPUNIT_TEST(matches);
    CPPUNIT_TEST(refusesPatterns);
    CPPUNIT_TEST(asksTheMostSpecificFirst);
    CPPUNIT_TEST(knowsTheHostsThatWereWritten);
    CPPUNIT_TEST(saysWhichSourcesAreAsked);
    CPPUNIT_TEST(takesLinearTime);
    CPPUNIT_TEST_SUITE_END();

    void matches() {
        struct Row {
            const char* pattern;
            const char* repository;
            bool expected;
        };
        const Row rows[] = {
            {"registry.example.com/**", "registry.example.com/team/authz", true},
            {"registry.example.com/**", "registry.example.com/a", true},
            {"registry.example.com/**", "registry.example.com.evil.com/a", false},
            {"registry.example.com/**", "registryxexample.com/a", false}, // `.` is a dot
            {"registry.example.com/team/*", "registry.example.com/team/a", true},
            {"registry.example.com/team/*", "registry.example.com/team/a/b", false},
            {"registry.example.com/team/*", "registry.example.com/team-b/a", false},
            {"registry.example.com/team/*/wasm", "registry.example.com/team/x/wasm", true},
            {"registry.example.com/team/*/wasm", "registry.example.com/team/x/y/wasm", false},
            {"registry.example.com/**/wasm", "registry.example.com/wasm", true},
            {"registry.example.com/**/wasm", "registry.example.com/a/b/wasm", true},
            {"registry.example.com/**/wasm", "registry.example.com/a/b/wasm/c", false},
            {"registry.example.com/team-*/x", "registry.example.com/team-a/x", true},
            {"registry.example.com/team-*/x", "registry.example.com/team/x", false},
            {"registry.example.com/team", "registry.example.com/team", true},
            {"registry.example.com/team", "registry.example.com/team/x", false},
            {"*.dkr.ecr.eu-west-1.amazonaws.com/**", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b", true},
            {"*.dkr.ecr.eu-west-1.amazonaws.com/**", "123456789012.dkr.ecr.us-west-2.amazonaws.com/a/b", false},
            {"127.0.0.1:5000/**", "127.0.0.1:5000/a", true},
            {"127.0.0.1:5000/**", "127.0.0.1:5001/a", false},
            {"[::1]:5000/**", "[::1]:5000/a", true},
            {"docker.io/**", "docker.io/library/nginx", true},
            {"index.docker.io/nginx", "docker.io/library/nginx", true},
            {"docker.io/team/*", "docker.io/team/a", true},
        };
        for (const auto& row : rows)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.pattern) + " ~ " + row.repository, row.expected,
                                         Pattern(row.pattern).matches(repository(row.repository)));
    }

    void refusesPatterns() {
        const std::pair<const char*, const char*> rows[] = {
            {"", "has no path"},
            {"registry.example.com", "has no path"},
            {"registry.example.com/", "empty component"},
            {"registry.example.com//a", "empty component"},
            {"/a/b", "empty component"},
            {"team/app", "no host"},
            {"**/app", "every registry"},
            {"registry.example.com/a**", "beside other"},
            {"Registry.example.com/a", "upper-case"},
            {"registry.example.com/(a|b)", "no repository has"},
            {"registry.example.com/a b", "no repository has"},
        };
        for (const auto& [pattern, words] : rows)
            test::expectError(pattern, ErrorCode::SettingsInvalid, words, [text = pattern] { Pattern{text}; });
        test::expectError("long", ErrorCode::SettingsInvalid, "longer than 255",
                          [] { Pattern{"registry.example.com/" + std::string(255, 'a')}; });
    }

    void asksTheMostSpecificFirst() {
        const RouteTable table({route("all", "r.io/**"), route("one", "r.io/team/a"), route("team", "r.io/team/*"),
                                route("prefix", "r.io/team/a*"), route("deep", "r.io/team/**"),
                                route("any", "*.io/**")});
        const auto name = [&](const char* text) { return table.find(repository(text))->name; };
        CPPUNIT_ASSERT_EQUAL(std::string("one"), name("r.io/team/a"));
        CPPUNIT_ASSERT_EQUAL(std::string("prefix"), name("r.io/team/ab"));
        CPPUNIT_ASSERT_EQUAL(std::string("team"), name("r.io/team/b"));
        CPPUNIT_ASSERT_EQUAL(std::string("deep"), name("r.io/team/b/c"));
        CPPUNIT_ASSERT_EQUAL(std::string("all"), name("r.io/other"));
        CPPUNIT_ASSERT_EQUAL(std::string("any"), name("s.io/other"));
        CPPUNIT_ASSERT(table.find(repository("r.example/other")) == nullptr);
    }

    void knowsTheHostsThatWereWritten() {
        CPPUNIT_ASSERT_EQUAL(std::string("r.io:5000"), Pattern("r.io:5000/**").literalHost());
        CPPUNIT_ASSERT_EQUAL(std::string("docker.io"), Pattern("registry-1.docker.io/**").literalHost());
        CPPUNIT_ASSERT_EQUAL(std::string(), Pattern("*.io/**").literalHost());
    }

    void saysWhichSourcesAreAsked() {
        using Names = std::vector<std::string>;
        auto one = route("one", "r.example.com/**");
        one.credentials = {"github"};
        one.ownIdentity = "backend.ecr";
        one.standardCredentials = {"cluster", "github", "vault"};
        CPPUNIT_ASSERT((one.sources() == Names{"github", "backend.ecr"}));
        CPPUNIT_ASSERT((one.sources("regcred") == Names{"github", "cluster", "vault"}));
        CPPUNIT_ASSERT(route("none", "r.example.com/**").sources().empty());
    }

    void takesLinearTime() {
        // The classic trap of backtracking matchers: many stars and a text that fits until its very end.
        std::string stars = "r.io/";
        for (int i = 0; i < 60; ++i)
            stars += "a*";
        const Pattern pattern(stars + "b");
        const auto text = repository("r.io/" + std::string(240, 'a'));
        const auto begun = std::chrono::steady_clock::now();
        for (int i = 0; i < 1000; ++i)
            CPPUNIT_ASSERT(!pattern.matches(text));
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RouteTableTest);
