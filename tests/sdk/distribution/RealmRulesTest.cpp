// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/RealmRules.h"

#include "wasmproxy/distribution/DistributionSettings.h"
#include "wasmproxy/oci/Error.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;

class RealmRulesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RealmRulesTest);
    CPPUNIT_TEST(believesItsOwnDomain);
    CPPUNIT_TEST(refusesTheRest);
    CPPUNIT_TEST(believesTheOperatorAndTheDialect);
    CPPUNIT_TEST(readsUrlsStrictly);
    CPPUNIT_TEST(resolvesLocations);
    CPPUNIT_TEST(knowsPrivateAddresses);
    CPPUNIT_TEST(checksSettings);
    CPPUNIT_TEST_SUITE_END();

    static HttpUrl url(const std::string& text) { return HttpUrl::parse(text, "URL"); }

    void believesItsOwnDomain() {
        const RealmRules rules({}, nullptr);
        for (const auto& [registry, realm] : std::vector<std::pair<std::string, std::string>>{
                 {"https://ghcr.io", "https://ghcr.io/token"},
                 {"https://REG.example.com:5000", "https://reg.example.com./token"},
                 {"https://registry-1.docker.io", "https://auth.docker.io/token"},
                 {"https://registry.gitlab.com", "https://gitlab.com/jwt/auth?x=y"},
                 {"https://reg.example.co.uk", "https://auth.example.co.uk/t"},
                 {"http://localhost:5000", "http://localhost:5000/auth"},
                 {"https://gitlab.example.com:5050", "https://gitlab.example.com/jwt/auth"},
                 {"https://reg.example.com:5000", "https://auth.example.com:5000/t"},
                 {"http://reg", "https://reg/auth"},
                 {"http://10.0.0.5:5000", "http://10.0.0.5/auth"},
                 {"http://[fd00::5]:5000", "http://[fd00:0::5]/auth"},
                 {"https://reg.team.svc.cluster.local", "https://auth.team.svc.cluster.local/t"},
                 {"http://reg.example.com", "http://auth.example.com/t"}})
            CPPUNIT_ASSERT_NO_THROW_MESSAGE(registry + " " + realm, rules.admit(url(registry), realm));
    }

    void refusesTheRest() {
        const RealmRules rules({}, nullptr);
        for (const auto& [registry, realm] : std::vector<std::pair<std::string, std::string>>{
                 {"https://reg.example.com", "https://evil.example.net/t"},
                 {"https://reg.example.com", "https://reg.example.com.evil.net/t"},
                 {"https://reg.example.com", "https://evilexample.com/t"},
                 {"https://reg.example.com", "https://reg.example.com:8443/t"},
                 {"https://reg.example.com", "https://auth.example.com:8443/t"},
                 {"http://localhost:5000", "http://localhost:5001/t"},
                 {"http://10.0.0.5:5000", "http://10.0.0.5:5001/t"},
                 {"https://reg.example.com", "http://reg.example.com/t"},
                 {"https://a.co.uk", "https://b.co.uk/t"},
                 {"https://a.github.io", "https://b.github.io/t"},
                 {"https://a.com", "https://com/t"},
                 {"https://reg", "https://auth/t"},
                 {"https://reg.internal", "https://internal/t"},
                 {"https://10.0.0.5", "https://10.0.0.6/t"},
                 {"https://reg.example.com", "https://10.0.0.6/t"},
                 {"https://reg.example.com", "https://203.0.113.9/t"},
                 {"https://reg.example.com", "https://169.254.169.254/latest"},
                 {"https://reg.example.com", "https://[::1]/t"},
                 {"https://reg.example.com", "https://[::ffff:127.0.0.1]/t"},
                 {"https://reg.a.svc.cluster.local", "https://evil.b.svc.cluster.local/t"},
                 {"https://reg.a.svc", "https://evil.b.svc/t"},
                 {"https://nvcr.io", "https://authn.nvidia.com/t"}})
            test::expectError(registry + " " + realm, ErrorCode::UpstreamInvalid, "token service",
                              [&, &r = registry, &t = realm] { rules.admit(url(r), t); });
        test::expectError("hint", ErrorCode::UpstreamInvalid, "token-realms = authn.nvidia.com",
                          [&] { rules.admit(url("https://nvcr.io"), "https://authn.nvidia.com/token"); });
        test::expectError("port", ErrorCode::UpstreamInvalid, "neither its own nor https's",
                          [&] { rules.admit(url("https://reg:5000"), "https://reg:5001/token"); });
        test::expectError("port", ErrorCode::UpstreamInvalid, "token-realms = reg:5001",
                          [&] { rules.admit(url("https://reg:5000"), "https://reg:5001/token"); });
        for (const char* realm :
             {"", "Registry", "/token", "ftp://reg.example.com/t", "https://u:p@reg.example.com/t",
              "https://reg.example.com\\@evil.net/t", "https://reg.example.com/a b", "https://reg.example.com/\r\nX: y",
              "https://0x7f.1/t", "https://2130706433/t", "https://r\xc3\xa9g.example.com/t", "https://"})
            test::expectError(realm, ErrorCode::UpstreamInvalid, "token realm that reg.example.com names",
                              [&] { rules.admit(url("https://reg.example.com"), realm); });
    }

    void believesTheOperatorAndTheDialect() {
        const RealmRules rules({"authn.nvidia.com", "Auth.example.net:8443", "10.0.0.6"},
                               [](const std::string& registry, const std::string& realm) {
                                   return registry == "a.example.com" && realm == "b.example.org";
                               });
        const HttpUrl registry = url("https://a.example.com");
        for (const char* realm : {"https://authn.nvidia.com/t", "https://authn.nvidia.com:444/t",
                                  "https://auth.example.net:8443/t", "https://10.0.0.6/t", "https://b.example.org/t"})
            CPPUNIT_ASSERT_NO_THROW_MESSAGE(realm, rules.admit(registry, realm));
        for (const char* realm : {"https://auth.example.net/t", "http://authn.nvidia.com/t", "https://c.example.org/t",
                                  "https://x.authn.nvidia.com/t"})
            test::expectError(realm, ErrorCode::UpstreamInvalid, "", [&] { rules.admit(registry, realm); });
    }

    void readsUrlsStrictly() {
        CPPUNIT_ASSERT_EQUAL(std::string("https://a.b/"), url("HTTPS://A.B.:443").str());
        CPPUNIT_ASSERT_EQUAL(std::string("http://a:443/?q"), url("http://a:443?q#f").str());
        CPPUNIT_ASSERT_EQUAL(std::string("https://[2001:db8::1]:8/p?x=%41&y=a/b"),
                             url("https://[2001:DB8:0:0::1]:8/p?x=%41&y=a/b").str());
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/%C3%A9"), url("https://a/\xc3\xa9").str());
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/p"), url("https://a/p?X-Amz-Signature=secret").shown());
        CPPUNIT_ASSERT(url("https://a").sameOrigin(url("https://A.:443/x")));
        CPPUNIT_ASSERT(!url("https://a").sameOrigin(url("https://a:444")));
        CPPUNIT_ASSERT(!url("http://a:443").sameOrigin(url("https://a:443")));
        for (const char* text :
             {"https://a..b/", "https://.a/", "https://a:0/", "https://a:65536/", "https://a:1x/", "https://[::1/",
              "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://a%62/", "https:/a", "https:a", "//a/b",
              "https://1.2.3/", "https://1.2.3.04.5/", "https://a\x7f/"})
            test::expectError(text, ErrorCode::UpstreamInvalid, "URL", [&] { url(text); });
        test::expectError("long", ErrorCode::UpstreamInvalid, "16 KiB",
                          [] { url("https://a/" + std::string(20000, 'x')); });
        try {
            url("https://a/?X-Amz-Signature=canary\n");
        } catch (const Error& error) {
            CPPUNIT_ASSERT(std::string(error.what()).find("canary") == std::string::npos);
        }
    }

    void resolvesLocations() {
        const HttpUrl base = url("https://a/v2/x/blobs/d?q=1");
        const auto resolved = [&](const char* location) { return base.resolve(location, "redirect").str(); };
        CPPUNIT_ASSERT_EQUAL(std::string("http://b/c"), resolved("http://b/c"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://b/c"), resolved("//b/c"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/c?d"), resolved("/c?d"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/v2/x/blobs/e"), resolved("e"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/v2/e/f"), resolved("../../e/./f"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/e"), resolved("../../../../../e"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/v2/x/"), resolved(".."));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/v2/x/blobs/d?r"), resolved("?r"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://a/v2/x/blobs/d?q=http://b"), resolved("d?q=http://b"));
        for (const char* location : {"", "ftp://b/c", "file:///etc/passwd", "javascript:x", "http:b", "https://u@b/",
                                     "//u:p@b/", "/a\r\nb", "\\\\b"})
            test::expectError(location, ErrorCode::UpstreamInvalid, "redirect", [&] { resolved(location); });
    }

    void knowsPrivateAddresses() {
        for (const char* host : {"127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0",
                                 "100.100.100.200", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]",
                                 "[fd00:ec2::254]", "[::ffff:8.8.8.8]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"})
            CPPUNIT_ASSERT_MESSAGE(host, url(std::string("https://") + host).isPrivateAddress());
        for (const char* host : {"8.8.8.8", "172.32.0.1", "[2606:4700::1]", "example.com"})
            CPPUNIT_ASSERT_MESSAGE(host, !url(std::string("https://") + host).isPrivateAddress());
    }

    void checksSettings() {
        const auto problem = [](const std::vector<KeyValue>& values) {
            DistributionSettings settings;
            std::vector<SettingsProblem> problems;
            settings.apply(values, "backend.x.", problems);
            return problems.empty() ? std::string() : problems.front().key + " " + problems.front().message;
        };
        for (const char* endpoint : {"mirror", "mirror:5000", "https://mirror", "http://mirror:5000/", "[::1]:5000"})
            CPPUNIT_ASSERT_EQUAL(std::string(), problem({{"endpoint", endpoint, "f:1"}}));
        for (const char* endpoint : {"mirror/v2", "https://mirror/path", "ftp://mirror", "https://u:canary@mirror",
                                     "a b", "https://mirror?q"}) {
            const std::string text = problem({{"endpoint", endpoint, "f:1"}});
            CPPUNIT_ASSERT_MESSAGE(endpoint, text.find("backend.x.endpoint ") == 0);
            CPPUNIT_ASSERT(text.find("canary") == std::string::npos);
        }
        CPPUNIT_ASSERT(!problem({{"endpoint", "https://m", "f:1"}, {"plain-http", "true", "f:2"}}).empty());
        CPPUNIT_ASSERT_EQUAL(std::string(), problem({{"token-realms", "a.example.com, b:8443", "f:1"}}));
        CPPUNIT_ASSERT(!problem({{"token-realms", "https://a.example.com/token", "f:1"}}).empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RealmRulesTest);
