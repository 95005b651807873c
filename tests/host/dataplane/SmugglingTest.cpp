// SPDX-License-Identifier: Apache-2.0
// Inputs that make two parsers disagree about where a request ends. Whatever comes, and whatever follows it, there is
// exactly one answer and then the connection's end, and the ModuleService is not asked.
#include "DataPlaneFixture.h"

namespace wasmproxy::host::test {

namespace {

const std::string Good = fetchPath("host.example/small:v1");
const std::string Next = "GET " + Good + " HTTP/1.1\r\nHost: smuggled\r\n\r\n";

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        ++n;
    return n;
}

std::vector<std::string> inputs() {
    const std::string line = "GET " + Good + " HTTP/1.1\r\n";
    const std::string host = "Host: proxy\r\n";
    std::vector<std::string> all;
    // Header blocks that follow a good request line and a good Host.
    for (const std::string header : {
             "Content-Length: 5",
             "Content-Length: 1",
             "Content-Length: 00",
             "Content-Length: 0, 0",
             "Content-Length: 1,0",
             "Content-Length: +0",
             "Content-Length: +5",
             "Content-Length: -1",
             "Content-Length: 0x0",
             "Content-Length: 0 0",
             "Content-Length: ",
             "Content-Length: a",
             "Content-Length: 18446744073709551616",
             "Content-Length: 99999999999999999999999",
             "Content-Length: 5\r\nContent-Length: 5",
             "Content-Length: 0\r\nContent-Length: 0",
             "Content-Length: 0\r\nContent-Length: 5",
             "Content-Length: 5\r\nContent-Length: 0",
             "Content-Length: 0\r\ncontent-length: 44",
             "Content-Length : 5",
             "Content-Length\t: 5",
             " Content-Length: 5",
             "\tContent-Length: 5",
             "Content-Length:\r\n 5",
             "Content Length: 5",
             "Content-Length: 5\r\nTransfer-Encoding: chunked",
             "Transfer-Encoding: chunked\r\nContent-Length: 5",
             "Transfer-Encoding: chunked",
             "transfer-encoding: CHUNKED",
             "Transfer-Encoding: identity",
             "Transfer-Encoding: gzip, chunked",
             "Transfer-Encoding: chunked, gzip",
             "Transfer-Encoding: chunked, identity",
             "Transfer-Encoding: xchunked",
             "Transfer-Encoding: \"chunked\"",
             "Transfer-Encoding: chunked;q=1",
             "Transfer-Encoding:\tchunked",
             "Transfer-Encoding:\x0b"
             "chunked",
             "Transfer-Encoding: \x0c"
             "chunked",
             "Transfer-Encoding : chunked",
             "Transfer-Encoding\x01: chunked",
             " Transfer-Encoding: chunked",
             "Transfer-Encoding:\r\n chunked",
             "Transfer-Encoding: \r\n\tchunked",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
             "Transfer-Encoding: ",
             "X: y\r\n z",
             "X: y\r\n\tz",
             "X: y\r\n ",
             "X: y\nTransfer-Encoding: chunked",
             "X: y\rTransfer-Encoding: chunked",
             "X: y\n\rContent-Length: 5",
             "X: y\r\r\nContent-Length: 5",
             "X:\x01",
             "X: a\x7f"
             "b",
             "X: a\x1b[2J",
             ": empty name",
             "no colon",
             "X",
             "X(y): z",
             "X\xc3\xa9: z",
             "X y: z",
             "X@: z",
             "\"X\": z",
             "Host: proxy",
             "Host: other",
             "host: proxy",
             "HOST: other",
             "Host : other",
             " Host: other",
             "Authorization: a\r\nAuthorization: b",
         })
        all.push_back(line + host + header + "\r\n\r\n");
    all.push_back(line + host + std::string("X: a\0b\r\n\r\n", 10));
    all.push_back(line + host + std::string("X\0: b\r\n\r\n", 9));
    // Hosts.
    all.push_back(line + "\r\n");
    all.push_back(line + "X: y\r\n\r\n");
    for (const std::string value :
         {"",       " ",      "a b", "a,b", "a/b", "user@a", "a:b",      "a:",   "a:999999", "a:1:2", "[::1", "[]",
          "[::1]x", "[zz z]", "::1", "a?b", "a#b", "a%41",   "http://a", "a\\b", "\xc3\xa9", "a;b",   ":80"})
        all.push_back(line + "Host: " + value + "\r\n\r\n");
    // Request lines.
    for (const std::string& start : std::vector<std::string>{
             "GET http://proxy" + Good + " HTTP/1.1",
             "GET https://evil.example/ HTTP/1.1",
             "GET //evil.example/ HTTP/1.1 ",
             "GET proxy:80 HTTP/1.1",
             "CONNECT proxy:80 HTTP/1.1",
             "OPTIONS * HTTP/1.1",
             "GET * HTTP/1.1",
             "GET " + Good,
             "GET " + Good + " HTTP/0.9",
             "GET " + Good + " HTTP/1.2",
             "GET " + Good + " HTTP/1.10",
             "GET " + Good + " HTTP/2.0",
             "GET " + Good + " HTTP/11",
             "GET " + Good + " http/1.1",
             "GET " + Good + " HTTP/1.1 x",
             "GET  " + Good + " HTTP/1.1",
             "GET " + Good + "  HTTP/1.1",
             "GET\t" + Good + "\tHTTP/1.1",
             "GET " + Good + " x HTTP/1.1",
             "GET " + Good + "#x HTTP/1.1",
             "GET " + Good + "\x7f HTTP/1.1",
             "GET " + Good + "\xc3\xa9 HTTP/1.1",
             " GET " + Good + " HTTP/1.1",
             "\r\nGET " + Good + " HTTP/1.1",
             "\nGET " + Good + " HTTP/1.1",
             "G(T " + Good + " HTTP/1.1",
             "GET" + Good + " HTTP/1.1",
             std::string(" HTTP/1.1"),
             std::string("GET"),
             "POST " + Good + " HTTP/1.1",
             "PUT " + Good + " HTTP/1.1",
             "PATCH " + Good + " HTTP/1.1",
             "DELETE " + Good + " HTTP/1.1",
             "TRACE " + Good + " HTTP/1.1",
             "get " + Good + " HTTP/1.1",
             "GETS " + Good + " HTTP/1.1",
             std::string(40, 'A') + " " + Good + " HTTP/1.1",
         }) {
        all.push_back(start + "\r\n" + host + "\r\n");
        if (start.substr(0, 4) == "POST") all.push_back(start + "\r\n" + host + "Content-Length: 70\r\n\r\n");
    }
    all.push_back("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    all.push_back("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    all.push_back("GET " + Good + " HTTP/1.1\nHost: proxy\n\n");
    all.push_back("GET " + Good + " HTTP/1.1\r\nHost: proxy\n\r\n");
    all.push_back("GET " + Good + " HTTP/1.1\r\nHost: proxy\r\n\n");
    all.push_back("GET " + Good + " HTTP/1.1\rHost: proxy\r\r");
    all.push_back(std::string("GET /\0 HTTP/1.1\r\nHost: proxy\r\n\r\n", 32));
    all.push_back("GET " + Good + " HTTP/1.1\r\nHost: proxy\r\nX: " + std::string(17000, 'x') + "\r\n\r\n");
    all.push_back("GET /" + std::string(17000, 'x') + " HTTP/1.1\r\nHost: proxy\r\n\r\n");
    all.push_back("\x80\x2e\x01\x03\x01"); // SSLv2 hello
    all.push_back("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + line + host + "\r\n");
    all.push_back("{\"json\":1}\r\n\r\n");
    return all;
}

} // namespace

class SmugglingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SmugglingTest);
    CPPUNIT_TEST(oneAnswerThenTheEnd);
    CPPUNIT_TEST(theSameByteByByte);
    CPPUNIT_TEST(goodRequestsStillPass);
    CPPUNIT_TEST(tlsClientHello);
    CPPUNIT_TEST_SUITE_END();

    void check(bool bytewise) {
        DataPlaneFixture fixture;
        fixture.modules.add("host.example/small:v1", moduleBytes(100));
        const auto all = inputs();
        CPPUNIT_ASSERT(all.size() > 140);
        for (const std::string& input : all) {
            if (bytewise && input.size() > 300) continue;
            auto client = fixture.client();
            try {
                if (bytewise)
                    for (const char c : input)
                        client.send({&c, 1});
                else
                    client.send(input + Next);
            } catch (const std::exception&) {
                // It closed before we were done: its answer must be there all the same.
            }
            if (bytewise) client.finishSending();
            std::string answer;
            try {
                answer = client.readToEnd();
            } catch (const std::exception& e) {
                CPPUNIT_FAIL(input + "\n-> " + e.what());
            }
            const std::string shown = input.substr(0, 300) + "\n-> " + answer;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(shown, std::size_t(1), count(answer, "HTTP/1."));
            const std::string status = answer.substr(9, 3);
            CPPUNIT_ASSERT_MESSAGE(shown, status == "400" || status == "405" || status == "431");
            CPPUNIT_ASSERT_MESSAGE(shown, answer.find("Connection: close\r\n") != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(shown, answer.find("{\"errors\":[{\"code\":\"") != std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(0, fixture.modules.calls.load());
    }

    void oneAnswerThenTheEnd() { check(false); }
    void theSameByteByByte() { check(true); }

    void goodRequestsStillPass() {
        DataPlaneFixture fixture;
        fixture.modules.add("host.example/small:v1", moduleBytes(100));
        for (const std::string headers :
             {"Host: proxy\r\n", "Host: proxy:8080\r\n", "Host: 10.1.2.3\r\n", "Host: [::1]:80\r\n", "hOsT:a_b.c-d\r\n",
              "Host: proxy\r\nContent-Length: 0\r\n", "Host: proxy\r\nTE: trailers\r\n", "Host: proxy\r\nX:\r\n",
              "Host:   proxy  \r\nX: \t caf\xc3\xa9 \r\n", "Host: proxy\r\nUpgrade: h2c\r\nConnection: upgrade\r\n",
              "Host: proxy\r\nAccept-Encoding: gzip\r\nUser-Agent: Go-http-client/1.1\r\n",
              "Host: proxy\r\nExpect: 100-continue\r\n"}) {
            auto client = fixture.client();
            client.send("GET " + Good + " HTTP/1.1\r\n" + headers + "\r\n");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(headers, 200, client.answer().status());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(headers, 200, client.get(Good).status());
        }
    }

    void tlsClientHello() {
        DataPlaneFixture fixture;
        // Go's fallback to plain HTTP looks at exactly the first five bytes, every time.
        for (int i = 0; i < 200; ++i) {
            std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
            for (int k = 0; k < 300; ++k)
                hello += static_cast<char>((i * 31 + k * 17) & 0xff);
            auto client = fixture.client();
            client.send(hello);
            const std::string answer = client.readToEnd();
            CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.0 400 Bad Request\r\n"), answer.substr(0, 26));
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), count(answer, "HTTP/"));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SmugglingTest);

} // namespace wasmproxy::host::test
