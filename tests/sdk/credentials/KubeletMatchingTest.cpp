// SPDX-License-Identifier: Apache-2.0
// The kubelet's keyring, rule by rule: which key is for which image, and which comes first.
#include "wasmproxy/credentials/RegistryPattern.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace wasmproxy;

class KubeletMatchingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KubeletMatchingTest);
    CPPUNIT_TEST(aKeyLosesSchemeAndApiVersion);
    CPPUNIT_TEST(row18PortsAreEqual);
    CPPUNIT_TEST(row18EachLabelIsAGlob);
    CPPUNIT_TEST(row18APathEndsAtABoundary);
    CPPUNIT_TEST(noKeyIsForALookAlike);
    CPPUNIT_TEST(longerPathsComeFirst);
    CPPUNIT_TEST(dockerHubHasOneName);
    CPPUNIT_TEST_SUITE_END();

    static bool matches(const std::string& key, const std::string& host, const std::string& path) {
        const auto pattern = RegistryPattern::parse(key);
        return pattern && pattern->matches(Repository(host, path));
    }
    static void require(bool expected, const std::string& key, const std::string& host, const std::string& path) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(key + " ~ " + host + "/" + path, expected, matches(key, host, path));
    }

    void aKeyLosesSchemeAndApiVersion() {
        for (const char* key : {"reg.io/team", "http://reg.io/team", "https://reg.io/v1/team", "https://reg.io/v2/team",
                                "reg.io/v1/team/", "HTTPS://Reg.IO/v2/team/"}) {
            require(true, key, "reg.io", "team/a");
            require(false, key, "reg.io", "other/a");
        }
    }

    void row18PortsAreEqual() {
        require(true, "reg.io", "reg.io", "a");
        require(true, "reg.io:5000", "reg.io:5000", "a");
        require(false, "reg.io:5000", "reg.io", "a");
        require(false, "reg.io", "reg.io:5000", "a");
        require(false, "reg.io:5000", "reg.io:5001", "a");
        require(false, "reg.io:50", "reg.io:5000", "a");
        require(true, "*.io:5000", "reg.io:5000", "a");
        CPPUNIT_ASSERT(!RegistryPattern::parse("reg.io:*")); // a port is no glob
    }

    void row18EachLabelIsAGlob() {
        require(false, "*.io", "a.b.io", "x");
        require(true, "*.*.io", "a.b.io", "x");
        require(false, "*.*.io", "b.io", "x");
        require(true, "app*.k8s.io", "app5.k8s.io", "x");
        require(true, "app*.k8s.io", "app.k8s.io", "x");
        require(false, "app*.k8s.io", "app5.sub.k8s.io", "x");
        require(true, "app?.k8s.io", "app5.k8s.io", "x");
        require(false, "app?.k8s.io", "app55.k8s.io", "x");
        require(true, "app[3-5].k8s.io", "app4.k8s.io", "x");
        require(false, "app[3-5].k8s.io", "app6.k8s.io", "x");
        require(true, "*-docker.pkg.dev", "europe-docker.pkg.dev", "project/repo/x");
        require(true, "*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.eu-west-1.amazonaws.com", "x");
        require(false, "*", "reg.io", "x"); // one label only
    }

    void row18APathEndsAtABoundary() {
        require(true, "reg.io/foo", "reg.io", "foo");
        require(true, "reg.io/foo", "reg.io", "foo/bar/baz");
        require(false, "reg.io/foo", "reg.io", "foobar"); // the kubelet says yes (kubernetes#102472)
        require(false, "reg.io/foo", "reg.io", "foo-bar/x");
        require(false, "reg.io/foo/bar", "reg.io", "foo/barn");
        require(false, "reg.io/foo", "reg.io", "x/foo");
        require(false, "reg.io/f*", "reg.io", "foo"); // globs are for hosts
    }

    void noKeyIsForALookAlike() {
        require(false, "ghcr.io", "ghcr.io.evil.com", "x");
        require(false, "ghcr.io", "evil-ghcr.io", "x");
        require(false, "ghcr.io/org", "evil.com", "ghcr.io/org");
        require(false, "*.io", "ghcr.io.evil.com", "x");
        CPPUNIT_ASSERT(!RegistryPattern::parse("evil.com@ghcr.io"));
    }

    void longerPathsComeFirst() {
        const std::vector<std::string> expected = {"reg.io/team/wasm", "reg.io/team", "reg.io", "*.io/team", "*.io"};
        auto keys = expected;
        std::sort(keys.begin(), keys.end());
        do {
            auto ordered = keys;
            std::stable_sort(ordered.begin(), ordered.end(), [](const std::string& a, const std::string& b) {
                return RegistryPattern::moreSpecific(*RegistryPattern::parse(a), *RegistryPattern::parse(b));
            });
            CPPUNIT_ASSERT(ordered == expected);
        } while (std::next_permutation(keys.begin(), keys.end()));
        for (const auto& key : expected)
            require(true, key, "reg.io", "team/wasm/authz"); // all of them are tried, in that order
    }

    void dockerHubHasOneName() {
        for (const char* key :
             {"https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"}) {
            require(true, key, "docker.io", "library/nginx");
            require(false, key, "example.com", "docker.io/library/nginx");
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KubeletMatchingTest);
