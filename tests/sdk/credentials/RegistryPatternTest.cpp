// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/RegistryPattern.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

using namespace wasmproxy;
using wasmproxy::RegistryPattern;

class RegistryPatternTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RegistryPatternTest);
    CPPUNIT_TEST(matchesAsTheKubeletDoes);
    CPPUNIT_TEST(matchesGlobs);
    CPPUNIT_TEST(boundsTheTimeOfAGlob);
    CPPUNIT_TEST(refusesWhatIsNoRegistry);
    CPPUNIT_TEST(ordersTheMostSpecificFirst);
    CPPUNIT_TEST_SUITE_END();

public:
    void matchesAsTheKubeletDoes() {
        struct Row {
            const char* key;
            const char* host;
            const char* path;
            bool expected;
        };
        const std::vector<Row> rows = {
            {"reg.io", "reg.io", "a", true},
            {"REG.io", "reg.io", "a", true},
            {"reg.io.", "reg.io", "a", true},
            {"https://reg.io", "reg.io", "a", true},
            {"http://reg.io/", "reg.io", "a/b", true},
            {"HTTPS://reg.io/v1/", "reg.io", "a", true},
            {"https://reg.io/v2/", "reg.io", "a", true},
            {"https://reg.io/v2", "reg.io", "a", true},
            {"reg.io/v2/team", "reg.io", "team/a", true},
            {"reg.io/v2/team", "reg.io", "other/a", false},
            {"reg.io/v2", "reg.io", "v2/a", true}, // no URL: a path like any other
            {"reg.io/v2", "reg.io", "a", false},
            {"reg.io", "other.io", "a", false},
            {"reg.io", "sub.reg.io", "a", false},
            {"reg.io", "reg.io.evil.com", "a", false},
            // ports
            {"reg.io:5000", "reg.io:5000", "a", true},
            {"reg.io:5000", "reg.io", "a", false},
            {"reg.io", "reg.io:5000", "a", false},
            {"reg.io:443", "reg.io", "a", false},
            {"*.io:5000", "reg.io:5000", "a", true},
            {"*.io:5000", "reg.io:5001", "a", false},
            {"localhost:5000", "localhost:5000", "a", true},
            {"10.0.0.1:5000", "10.0.0.1:5000", "a", true},
            {"[::1]:5000", "[::1]:5000", "a", true},
            {"[::1]:5000", "[::2]:5000", "a", false},
            {"[::1]", "[::1]:5000", "a", false},
            // a glob for each label
            {"*.io", "reg.io", "a", true},
            {"*.io", "a.b.io", "a", false},
            {"*.*.io", "a.b.io", "a", true},
            {"app*.k8s.io", "app5.k8s.io", "a", true},
            {"app*.k8s.io", "app.5.k8s.io", "a", false},
            {"*", "localhost:5000", "a", false},
            {"*", "reg.io", "a", false},
            {"*.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.us-west-2.amazonaws.com", "a", true},
            {"reg?.io", "reg1.io", "a", true},
            {"reg[0-3].io", "reg2.io", "a", true},
            {"reg[0-3].io", "reg4.io", "a", false},
            // paths end at a '/'
            {"reg.io/foo", "reg.io", "foo", true},
            {"reg.io/foo", "reg.io", "foo/bar", true},
            {"reg.io/foo/", "reg.io", "foo/bar", true},
            {"reg.io/foo", "reg.io", "foobar", false},
            {"reg.io/foo/bar", "reg.io", "foo", false},
            {"*.io/foo", "reg.io", "foo/x", true},
            // the names of Docker Hub
            {"https://index.docker.io/v1/", "docker.io", "library/nginx", true},
            {"index.docker.io", "docker.io", "team/a", true},
            {"registry-1.docker.io", "docker.io", "team/a", true},
            {"docker.io", "index.docker.io", "nginx", true},
            {"docker.io/team", "docker.io", "team/a", true},
            {"docker.io/team", "docker.io", "library/a", false},
            {"docker.io", "ghcr.io", "a", false},
        };
        for (const Row& row : rows) {
            const auto pattern = RegistryPattern::parse(row.key);
            CPPUNIT_ASSERT_MESSAGE(row.key, pattern);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.key) + " ~ " + row.host + "/" + row.path, row.expected,
                                         pattern->matches(Repository(row.host, row.path)));
        }
    }

    void matchesGlobs() {
        struct Row {
            const char* pattern;
            const char* text;
            bool expected;
        };
        for (const Row& row : std::vector<Row>{
                 {"", "", true},          {"", "a", false},          {"*", "", true},          {"*", "abc", true},
                 {"a*c", "abbbc", true},  {"a*c", "abbbd", false},   {"a*b*c", "aXbYc", true}, {"**a", "bba", true},
                 {"?", "", false},        {"??", "ab", true},        {"a?c", "abc", true},     {"[abc]", "b", true},
                 {"[abc]", "d", false},   {"[^a]", "b", true},       {"[!a]", "a", false},     {"[a-c]x", "bx", true},
                 {"*[0-9]", "ab7", true}, {"*[0-9]", "ab7c", false}, {"[a", "[a", true},       {"[a", "a", false},
                 {"[]a]", "]", true},     {"[a-]", "-", true},       {"x[", "x[", true},       {"[", "", false},
                 {"a*", "ba", false},     {"*a*a*", "aba", true},    {"*a*a*", "ab", false}})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.pattern) + " ~ " + row.text, row.expected,
                                         matchGlob(row.pattern, row.text));
    }

    void boundsTheTimeOfAGlob() {
        std::string pattern;
        for (int i = 0; i < 2000; ++i)
            pattern += "*a";
        // A backtracking matcher does not come back from this.
        CPPUNIT_ASSERT(!matchGlob(pattern + "*b", std::string(4000, 'a')));
    }

    void refusesWhatIsNoRegistry() {
        for (const std::string key :
             {"", "https://", "/team", ".", "..", "a..b", "reg.io:", "reg.io:http", "reg.io:123456", "user@reg.io",
              "https://user:pass@reg.io", "reg io", "reg.io\n", "reg.io/a b", "reg.io\\x", "::1", "r\xc3\xa9g.io"})
            CPPUNIT_ASSERT_MESSAGE(key, !RegistryPattern::parse(key));
        CPPUNIT_ASSERT(!RegistryPattern::parse(std::string("reg\0.io", 7)));
    }

    void ordersTheMostSpecificFirst() {
        const std::vector<std::string> keys = {
            "reg.example.com/a/b", "reg.example.com/a", "reg.example.com", "*.example.com/a/b",
            "*.example.com/a",     "reg.example.*",     "*.example.com",   "*.*.com"};
        for (std::size_t i = 0; i < keys.size(); ++i)
            for (std::size_t j = 0; j < keys.size(); ++j) {
                const auto a = *RegistryPattern::parse(keys[i]);
                const auto b = *RegistryPattern::parse(keys[j]);
                const bool tie = keys[i].size() == keys[j].size() && i >= 5 && j >= 5;
                CPPUNIT_ASSERT_EQUAL_MESSAGE(keys[i] + " before " + keys[j], i < j && !tie,
                                             RegistryPattern::moreSpecific(a, b));
            }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistryPatternTest);
