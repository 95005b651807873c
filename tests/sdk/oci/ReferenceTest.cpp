// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Reference.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;

class ReferenceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReferenceTest);
    CPPUNIT_TEST(parsesToCanonicalForm);
    CPPUNIT_TEST(refuses);
    CPPUNIT_TEST(hasParts);
    CPPUNIT_TEST(isCheckedWhenBuiltFromParts);
    CPPUNIT_TEST(respectsLengths);
    CPPUNIT_TEST_SUITE_END();

    static std::string hex() { return std::string(64, 'a'); }
    static std::string digest() { return "sha256:" + hex(); }

    void parsesToCanonicalForm() {
        const std::string at = "@" + digest();
        const std::pair<std::string, std::string> rows[] = {
            {"nginx", "docker.io/library/nginx:latest"},
            {"nginx:1.25", "docker.io/library/nginx:1.25"},
            {"docker.io/nginx", "docker.io/library/nginx:latest"},
            {"index.docker.io/nginx", "docker.io/library/nginx:latest"},
            {"registry-1.docker.io/team/app", "docker.io/team/app:latest"},
            {"Docker.IO./nginx", "docker.io/library/nginx:latest"},
            {"team/app", "docker.io/team/app:latest"},
            {"registry/team/app:v1", "docker.io/registry/team/app:v1"},
            {"docker.io:443/nginx", "docker.io:443/nginx:latest"},
            {"ghcr.io/team/app:v1", "ghcr.io/team/app:v1"},
            {"ghcr.io.evil.com/team/app:v1", "ghcr.io.evil.com/team/app:v1"},
            {"GHCR.IO:443/team/app:v1", "ghcr.io:443/team/app:v1"},
            {"HOST.example.com/team/app:V1", "host.example.com/team/app:V1"},
            {"host.example.com./team/app", "host.example.com/team/app:latest"},
            {"host.example.com.:5000/team/app", "host.example.com:5000/team/app:latest"},
            {"localhost/x", "localhost/x:latest"},
            {"localhost:5000/x", "localhost:5000/x:latest"},
            {"LocalHost:5000/x", "localhost:5000/x:latest"},
            {"LOCALHOST/x", "localhost/x:latest"},
            {"registry:80/x", "registry:80/x:latest"},
            {"10.0.0.7:5000/x", "10.0.0.7:5000/x:latest"},
            {"10.0.0.7/x", "10.0.0.7/x:latest"},
            {"[::1]:5000/x", "[::1]:5000/x:latest"},
            {"[0:0::1]:5000/x", "[::1]:5000/x:latest"},
            {"[FD00::A]/x:1", "[fd00::a]/x:1"},
            {"xn--bcher-kva.example/x", "xn--bcher-kva.example/x:latest"},
            {"host:65535/x", "host:65535/x:latest"},
            {"host:1/x", "host:1/x:latest"},
            {"host.io/a.b/c_d/e__f/g-h/i---j", "host.io/a.b/c_d/e__f/g-h/i---j:latest"},
            {"host.io/manifests/blobs/tags", "host.io/manifests/blobs/tags:latest"},
            {"host.io/x:_a.b-c", "host.io/x:_a.b-c"},
            {"host.io/x" + at, "host.io/x" + at},
            {"host.io/x:v1" + at, "host.io/x:v1" + at},
            {"nginx" + at, "docker.io/library/nginx" + at},
            {"host.io/x@sha512:" + std::string(128, 'b'), "host.io/x@sha512:" + std::string(128, 'b')},
            {"host.io/x:" + std::string(128, 't'), "host.io/x:" + std::string(128, 't')},
        };
        for (const auto& [text, canonical] : rows) {
            try {
                const auto reference = Reference::parse(text);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(text, canonical, reference.str());
                CPPUNIT_ASSERT_MESSAGE(text, Reference::parse(canonical) == reference);
            } catch (const Error& e) {
                CPPUNIT_FAIL(text + " was refused: " + e.what());
            }
        }
    }

    void refuses() {
        const struct {
            std::string text;
            const char* words;
        } rows[] = {
            {"", "it is empty"},
            {"/", "between slashes is empty"},
            {"/x", "between slashes is empty"},
            {"x/", "between slashes is empty"},
            {"ghcr.io/", "it is empty"},
            {"ghcr.io/x/", "between slashes is empty"},
            {"ghcr.io//x", "'//'"},
            {"ghcr.io/../x", "'..'"},
            {"ghcr.io/a..b", "'..'"},
            {"ghcr.io/./x", "repository path"},
            {"ghcr.io/X", "upper-case"},
            {"Team/app", "upper-case"},
            {"ghcr.io/x:", "the tag ''"},
            {"ghcr.io/x:@" + digest(), "the tag ''"},
            {"ghcr.io/x:" + std::string(129, 't'), "the tag"},
            {"ghcr.io/x:.v1", "the tag"},
            {"ghcr.io/x:-v1", "the tag"},
            {"ghcr.io/x:v1:v2", "the tag"},
            {"ghcr.io/x:v+1", "the tag"},
            {"a@ghcr.io/x", "user names"},
            {"user:pass@ghcr.io/x", "user names"},
            {"evil.com/x@ghcr.io/y", "user names"},
            {"evil.com/x@ghcr.io/y@" + digest(), "user names"},
            {"https://ghcr.io/x", "scheme"},
            {"oci://ghcr.io/x", "scheme"},
            {"ghcr.io/x y", "white space at position 10"},
            {"ghcr.io/x\ty", "control"},
            {"ghcr.io/x\n", "control"},
            {std::string("ghcr.io/x\0y", 11), "control or non-ASCII character at position 10"},
            {"ghcr.io/x\x7f", "control"},
            {"ghcr.io/\xc3\xa9", "non-ASCII"},
            {"ghcr.io/x%2e", "'%' at position 10"},
            {"ghcr.io/x?y", "'?'"},
            {"ghcr.io/x#y", "'#'"},
            {"ghcr.io\\x/y", "'\\'"},
            {"my_host.io/x", "registry host"},
            {"ho_st:5000/x", "registry host"},
            {"-host.io/x", "begins or ends with '-'"},
            {"host-.io/x", "begins or ends with '-'"},
            {".host.io/x", "between dots is empty"},
            {"./x", "registry host"},
            {"host:0/x", "port"},
            {"host:65536/x", "port"},
            {"host:99999999999/x", "port"},
            {"host:080/x", "port"},
            {"host:/x", "port"},
            {"host:5000:1/x", "port"},
            {"host:-1/x", "port"},
            {"host:+1/x", "port"},
            {":5000/x", "the name is empty"},
            {"1.2.3/x", "four decimal numbers"},
            {"1.2.3.4.5/x", "four decimal numbers"},
            {"1.2.3.256/x", "four decimal numbers"},
            {"0x7f.0.0.0x1/x", "four decimal numbers"},
            {"0177.0.0.1/x", "four decimal numbers"},
            {"2130706433:80/x", "four decimal numbers"},
            {"[::1/x", "registry host"},
            {"[::1]5000/x", "after ']'"},
            {"[::1]:0/x", "port"},
            {"[fe80::1%eth0]/x", "'%'"},
            {"[1.2.3.4]/x", "IPv6"},
            {"[]/x", "IPv6"},
            {"::1/x", "the name is empty"},
            {std::string(64, 'a') + ".io/x", "longer than 63"},
            {"ghcr.io/-x", "repository path"},
            {"ghcr.io/x-", "repository path"},
            {"ghcr.io/x___y", "repository path"},
            {"ghcr.io/x._y", "repository path"},
            {"ghcr.io/x._-y", "repository path"},
            {"ghcr.io/_/x", "repository path"},
        };
        for (const auto& row : rows)
            test::expectError(row.text, ErrorCode::ReferenceInvalid, row.words, [&] { Reference::parse(row.text); });

        for (const std::string& tail :
             {std::string("@"), std::string("@sha256:"), "@sha256:" + hex() + "a", "@md5:" + std::string(32, 'a'),
              "@sha256:" + std::string(64, 'A'), "@" + digest() + "@" + digest(), "@" + digest() + ":v1"})
            test::expectError(tail, ErrorCode::DigestInvalid, "is not a digest",
                              [&] { Reference::parse("ghcr.io/x" + tail); });
    }

    void hasParts() {
        const auto reference = Reference::parse("[::1]:5000/team/app:v1@" + digest());
        CPPUNIT_ASSERT_EQUAL(std::string("[::1]:5000"), reference.repository().host());
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), reference.repository().hostName());
        CPPUNIT_ASSERT_EQUAL(std::string("team/app"), reference.repository().path());
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), reference.tag());
        CPPUNIT_ASSERT_EQUAL(digest(), reference.manifestKey());
        CPPUNIT_ASSERT_EQUAL(std::string("v1"), Reference::parse("a.io/x:v1").manifestKey());
        CPPUNIT_ASSERT_EQUAL(std::string("a.io"), Repository("a.io:5000", "x").hostName());
        CPPUNIT_ASSERT_EQUAL("a.io/x:v1@" + digest(),
                             Reference::parse("a.io/x:v1").pinned(Digest::parse(digest())).str());
        CPPUNIT_ASSERT_EQUAL(std::string(), Reference::parse("a.io/x@" + digest()).tag());
    }

    void isCheckedWhenBuiltFromParts() {
        const Repository repository("a.io", "x");
        CPPUNIT_ASSERT_EQUAL(std::string("a.io/x:latest"), Reference(repository, "").str());
        test::expectError("tag", ErrorCode::ReferenceInvalid, "tag", [&] { Reference(repository, "a/b"); });
        test::expectError("empty", ErrorCode::ReferenceInvalid, "repository", [] { Reference(Repository(), "v1"); });
        test::expectError("digest", ErrorCode::DigestInvalid, "empty", [&] { Reference(repository, "v1", Digest()); });
        // "registry/x" would read back as a path on Docker Hub.
        test::expectError("host", ErrorCode::ReferenceInvalid, "needs a port", [] { Repository("registry", "x"); });
        for (const char* host : {"", "a b.io", "a.io/x", "u@a.io", "a.io:80:80", "http://a.io"})
            test::expectError(host, ErrorCode::ReferenceInvalid, "registry host", [&] { Repository(host, "x"); });
        for (const char* path : {"", "/x", "x/", "x:v1", "x@y", "x y", "..", "a/../b"})
            test::expectError(path, ErrorCode::ReferenceInvalid, "repository path", [&] { Repository("a.io", path); });
    }

    void respectsLengths() {
        const std::string path(255 - 5, 'p'); // "a.io/" in front
        CPPUNIT_ASSERT_EQUAL(std::size_t(255), Repository("a.io", path).str().size());
        test::expectError("256", ErrorCode::ReferenceInvalid, "255", [&] { Repository("a.io", path + "p"); });
        const auto longest = "a.io/" + path + ":" + std::string(128, 't') + "@sha512:" + std::string(128, 'a');
        CPPUNIT_ASSERT_EQUAL(longest, Reference::parse(longest).str());
        test::expectError("1 MB", ErrorCode::ReferenceInvalid, "longer than",
                          [] { Reference::parse("a.io/" + std::string(1000000, 'x')); });
        std::string host;
        for (int i = 0; i < 64; ++i)
            host += "abc.";
        test::expectError("host", ErrorCode::ReferenceInvalid, "253", [&] { Repository(host + "io", "x"); });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReferenceTest);
