// SPDX-License-Identifier: Apache-2.0
#include "DataPlaneFixture.h"
#include "dataplane/CallerNetworks.h"
#include "dataplane/RequestGate.h"
#include "dataplane/RequestHead.h"
#include "dataplane/RequestTarget.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace wasmproxy::host::test {

namespace {

CallerAddress addressOf(const std::string& text) {
    sockaddr_storage storage{};
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        std::memcpy(&storage, &v4, sizeof v4);
    } else {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, 1, ::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr));
        v6.sin6_family = AF_INET6;
        std::memcpy(&storage, &v6, sizeof v6);
    }
    return CallerAddress(storage);
}

std::string percentEncoded(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '=')
            out += "%3D";
        else if (c == '/')
            out += "%2f";
        else if (c == '+')
            out += "%2B";
        else
            out += c;
    }
    return out;
}

} // namespace

class RequestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestTest);
    CPPUNIT_TEST(everyBase64VariantIsRead);
    CPPUNIT_TEST(badFetchPathsAreRefused);
    CPPUNIT_TEST(modulePaths);
    CPPUNIT_TEST(httpUrlsAndSecrets);
    CPPUNIT_TEST(extensionPaths);
    CPPUNIT_TEST(theGateJudgesTheSameHoweverBytesArrive);
    CPPUNIT_TEST(theGateBoundsTheHead);
    CPPUNIT_TEST(networks);
    CPPUNIT_TEST(traces);
    CPPUNIT_TEST_SUITE_END();

    void everyBase64VariantIsRead() {
        // The repository names are chosen so that the encodings have '+', '/' and every amount of padding.
        const std::string digest = "sha256:" + std::string(64, '0');
        for (const std::string reference :
             {"docker.io/sreeharikmarar/wasm-add-header:latest", "host.example/a:b", "host.example/ab:b",
              "host.example/abc:b", "host.example/a~:b", "localhost:5000/x/y/z:v1.2.3", "ghcr.io/o/filter:v1@",
              "ghcr.io/o/filter@"}) {
            const std::string full = reference.back() == '@' ? reference + digest : reference;
            std::optional<Reference> expected;
            try {
                expected = Reference::parse(full);
            } catch (const Error&) {
                continue;
            }
            for (const std::string scheme : {"oci://", "OCI://", "Oci://"}) {
                const std::string standard = base64(scheme + full);
                const std::string url = base64(scheme + full, Poco::BASE64_URL_ENCODING);
                std::string unpadded = standard;
                while (unpadded.back() == '=')
                    unpadded.pop_back();
                std::string urlUnpadded = url;
                while (urlUnpadded.back() == '=')
                    urlUnpadded.pop_back();
                for (const std::string& text : {standard, url, unpadded, urlUnpadded}) {
                    for (const std::string& path : {"/fetch/" + text, "/fetch/" + percentEncoded(text),
                                                    "/fetch/" + text + "?digest=x&secret=y"}) {
                        const RequestTarget target = RequestTarget::parse(path);
                        CPPUNIT_ASSERT_MESSAGE(path, target.reference.has_value());
                        CPPUNIT_ASSERT_EQUAL(expected->str(), target.reference->str());
                        CPPUNIT_ASSERT(target.surface == Surface::Fetch);
                    }
                }
            }
        }
        // TSB's own example, and both characters that differ between the alphabets.
        CPPUNIT_ASSERT_EQUAL(
            std::string("docker.io/sreeharikmarar/wasm-add-header:latest"),
            RequestTarget::parse("/fetch/b2NpOi8vZG9ja2VyLmlvL3NyZWVoYXJpa21hcmFyL3dhc20tYWRkLWhlYWRlcjps"
                                 "YXRlc3Q=")
                .reference->str());
    }

    void badFetchPathsAreRefused() {
        const std::string rows[] = {
            "/fetch/",
            "/fetch/?x",
            "/fetch/!!!!",
            "/fetch/b2Np*A==",
            "/fetch/b2Np A==",
            "/fetch/A",
            "/fetch/b2NpOi8vaG9zdC5leGFtcGxlL2E6Yg=",
            "/fetch/b2NpOi8vaG9zdC5leGFtcGxlL2E6Yg===",
            "/fetch/=b2NpOi8vaG9zdC5leGFtcGxlL2E6Yg",
            "/fetch/b2NpOi8vaG9zdC5leGFtcGxlL2E6Yh==",
            "/fetch/b2Np%",
            "/fetch/b2Np%3",
            "/fetch/b2Np%zz",
            "/fetch/b2Np%00",
            "/fetch/b2Np%0d%0a",
            "/fetch/../etc/passwd",
            "/fetch/" + base64("https://robot:pw@host.example/a"),
            "/fetch/" + base64("https://robot@host.example?a"),
            "/fetch/" + base64("https://host.example/a\nb"),
            "/fetch/" + base64("https://host.example/" + std::string(4100, 'a')),
            "/fetch/" + base64("ftp://host.example/a"),
            "/fetch/" + base64("https:/host.example/a"),
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=other-namespace/regcred",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=a%0ab",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=a%",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=a&x&secret=a",
            "/fetch/" + base64("oci://host.example/a:b") + "?secret=" + std::string(254, 'a'),
            "/fetch/" + base64("file:///etc/passwd"),
            "/fetch/" + base64("host.example/a:b"),
            "/fetch/" + base64("oci:/host.example/a:b"),
            "/fetch/" + base64("oci://"),
            "/fetch/" + base64(" oci://host.example/a:b"),
            "/fetch/" + base64("oci://host.example/a:b\r\nX: y"),
            "/fetch/" + base64(std::string("oci://host.example/a:b\0", 23)),
            "/fetch/" + base64("oci://host.example/a:b\x7f"),
            "/fetch/" + base64("oci://host.example/../a:b"),
            "/fetch/" + base64("oci://host.example/A:b"),
            "/fetch/" + base64("oci://host.example/a:b@sha256:12"),
            "/fetch/" + base64("oci://user:pass@host.example/a:b"),
            "/fetch/" + std::string(9000, 'A'),
        };
        for (const std::string& path : rows) {
            try {
                RequestTarget::parse(path);
                CPPUNIT_FAIL("accepted " + path);
            } catch (const Error& error) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(path + ": " + error.what(), 400, traitsOf(error.code()).status);
            }
        }
        try {
            RequestTarget::parse("/fetch/" + base64("file:///etc/passwd"));
        } catch (const Error& error) {
            CPPUNIT_ASSERT(std::string(error.what()).find("only oci://") != std::string::npos);
        }
    }

    void modulePaths() {
        const std::string hex(64, 'a');
        const RequestTarget target = RequestTarget::parse("/modules/sha256/" + hex + ".wasm?x=1");
        CPPUNIT_ASSERT(target.module && target.surface == Surface::Modules);
        CPPUNIT_ASSERT_EQUAL("sha256:" + hex, target.module->str());
        for (const std::string& path :
             {"/modules/sha256/" + hex, "/modules/sha256/" + std::string(64, 'A') + ".wasm",
              "/modules/sha256/" + std::string(63, 'a') + ".wasm", "/modules/sha256/" + std::string(64, 'g') + ".wasm",
              "/modules/sha512/" + hex + ".wasm", "/modules/sha256/" + hex + ".wasm/",
              "//modules/sha256/" + hex + ".wasm", std::string("/"), std::string("/fetch"), std::string("/Fetch/b2Np"),
              std::string("/v2/"), "/modules/sha256/%61" + std::string(63, 'a') + ".wasm"}) {
            const RequestTarget nothing = RequestTarget::parse(path);
            CPPUNIT_ASSERT_MESSAGE(path, !nothing.module && !nothing.reference);
        }
    }

    void httpUrlsAndSecrets() {
        const auto web = RequestTarget::parse("/fetch/" + base64("HTTPS://Files.example/a%20b?x=1&y=@#z"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://Files.example/a%20b?x=1&y=@#z"), web.url);
        CPPUNIT_ASSERT(!web.reference && web.secret.empty() && web.surface == Surface::Fetch);
        const auto path = "/fetch/" + base64("oci://host.example/a:b");
        for (const std::string query :
             {"?secret=reg.cred-1", "?x=y&secret=reg%2Ecred-1&secrets=z", "?&secret=reg.cred-1&"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(query, std::string("reg.cred-1"), RequestTarget::parse(path + query).secret);
        for (const std::string query : {"", "?", "?secrets=a", "?xsecret=a", "?x=secret=a"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(query, std::string(), RequestTarget::parse(path + query).secret);
    }

    void extensionPaths() {
        const auto now = RequestTarget::parse("/extensions/team-a.authz.wasm?x=1");
        CPPUNIT_ASSERT(now.surface == Surface::Extensions && !now.digest);
        CPPUNIT_ASSERT_EQUAL(std::string("team-a.authz"), now.extension);
        const std::string digest = "sha256:" + std::string(64, 'b');
        for (const std::string& written : {digest, "sha256%3A" + std::string(64, 'b')}) {
            const auto pinned = RequestTarget::parse("/extensions/authz.wasm?digest=" + written);
            CPPUNIT_ASSERT_EQUAL(digest, pinned.digest.value().str());
        }
        for (const std::string file : {"authz", "authz.wasm/", "authz.tar"}) {
            const auto nothing = RequestTarget::parse("/extensions/" + file);
            CPPUNIT_ASSERT_MESSAGE(file, nothing.extension.empty() && nothing.surface == Surface::Extensions);
        }
        for (const std::string& bad :
             {std::string(".wasm"), std::string("A.wasm"), std::string("../a.wasm"), std::string("a%2fb.wasm"),
              std::string("-a.wasm"), std::string("a_b.wasm"), std::string("a.wasm?digest="),
              std::string("a.wasm?digest=sha256:12"), "a.wasm?digest=" + digest + "&digest=" + digest,
              std::string(254, 'a') + ".wasm"}) {
            try {
                RequestTarget::parse("/extensions/" + bad);
                CPPUNIT_FAIL("accepted " + bad);
            } catch (const Error& error) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, 400, traitsOf(error.code()).status);
            }
        }
        CPPUNIT_ASSERT(RequestTarget::surfaceOf("/extensions/A") == Surface::Extensions);
        CPPUNIT_ASSERT_EQUAL(std::string("extensions"), std::string(nameOf(Surface::Extensions)));
    }

    void theGateJudgesTheSameHoweverBytesArrive() {
        const std::string inputs[] = {
            "GET / HTTP/1.1\r\nHost: a\r\nX: \t v\xff \r\n\r\nrest",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nA : b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
            "HEAD /x HTTP/1.0\r\n\r\n",
        };
        for (const std::string& input : inputs) {
            RequestGate whole;
            const auto expected = whole.scan(input.data(), input.size());
            RequestGate bytewise;
            auto verdict = RequestGate::Verdict::More;
            for (std::size_t n = 1; n <= input.size() && verdict == RequestGate::Verdict::More; ++n)
                verdict = bytewise.scan(input.data(), n);
            CPPUNIT_ASSERT_MESSAGE(input, verdict == expected && verdict != RequestGate::Verdict::More);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(input, whole.headSize(), bytewise.headSize());
        }
        RequestGate gate;
        CPPUNIT_ASSERT(gate.scan("\x16\x03\x01", 3) == RequestGate::Verdict::Malformed);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), gate.headSize());
    }

    void theGateBoundsTheHead() {
        const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        const std::string end = "\r\n\r\n";
        const std::string fits = start + std::string(RequestGate::Limit - start.size() - end.size(), 'x') + end;
        RequestGate gate;
        CPPUNIT_ASSERT(gate.scan(fits.data(), fits.size()) == RequestGate::Verdict::Complete);
        gate.reset();
        const std::string over = start + std::string(RequestGate::Limit, 'x') + end;
        CPPUNIT_ASSERT(gate.scan(over.data(), RequestGate::Limit - 1) == RequestGate::Verdict::More);
        CPPUNIT_ASSERT(gate.scan(over.data(), RequestGate::Limit) == RequestGate::Verdict::TooLarge);
    }

    void networks() {
        struct Row {
            const char* network;
            const char* address;
            bool in;
        };
        const Row rows[] = {
            {"10.0.0.0/8", "10.255.1.2", true},
            {"10.0.0.0/8", "11.0.0.1", false},
            {"10.0.0.0/8", "::ffff:10.1.2.3", true},
            {"10.1.2.3", "10.1.2.3", true},
            {"10.1.2.3", "10.1.2.4", false},
            {"10.1.2.0/25", "10.1.2.127", true},
            {"10.1.2.0/25", "10.1.2.128", false},
            {"0.0.0.0/0", "8.8.8.8", true},
            {"0.0.0.0/0", "::1", false},
            {"::/0", "::1", true},
            {"::/0", "8.8.8.8", false},
            {"fd00::/8", "fdab::1", true},
            {"fd00::/8", "fe80::1", false},
            {"::1", "::1", true},
            {"::ffff:10.0.0.0/104", "10.9.9.9", true},
            {"2001:db8::/33", "2001:db8:8000::", false},
        };
        for (const Row& row : rows)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.network) + " " + row.address, row.in,
                                         CallerNetworks({row.network}).contains(addressOf(row.address)));
        CPPUNIT_ASSERT(!CallerNetworks({}).contains(addressOf("127.0.0.1")));
        CPPUNIT_ASSERT_EQUAL(std::string("10.1.2.3"), addressOf("::ffff:10.1.2.3").str());
        for (const char* wrong : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "host", "10.0.0.0/-1", "::/129",
                                  "10.0.0.0/8 ", "10.0.0.0/0x8"}) {
            try {
                CallerNetworks({wrong});
                CPPUNIT_FAIL(std::string("accepted ") + wrong);
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::SettingsInvalid);
                CPPUNIT_ASSERT(std::string(error.what()).find(std::string("'") + wrong + "'") != std::string::npos);
            }
        }
    }

    void traces() {
        const std::string id = "0af7651916cd43dd8448eb211c80319c";
        const std::string parent = "00-" + id + "-b7ad6b7169203331-01";
        RequestHead head;
        const auto traceOf = [&head](const std::string& headers) {
            const char* problem = readHead("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n", head);
            CPPUNIT_ASSERT_MESSAGE(headers, problem == nullptr);
            return head.trace;
        };
        const auto trace = traceOf("TraceParent: " + parent + "\r\ntracestate: a=1\r\nTraceState: b=2\r\n");
        CPPUNIT_ASSERT_EQUAL(id, trace.traceId());
        CPPUNIT_ASSERT_EQUAL(std::string("a=1,b=2"), trace.state());
        // The head is reused: nothing of the request before is left.
        CPPUNIT_ASSERT(traceOf("").empty());
        CPPUNIT_ASSERT(traceOf("traceparent: " + parent + "x\r\n").empty());
        CPPUNIT_ASSERT(traceOf("tracestate: a=1\r\n").state().empty());
        CPPUNIT_ASSERT(traceOf("traceparent: " + parent + "\r\ntraceparent: " + parent + "\r\n").empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestTest);

} // namespace wasmproxy::host::test
