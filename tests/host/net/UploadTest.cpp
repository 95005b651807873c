// SPDX-License-Identifier: Apache-2.0
#include "Client.h"
#include "support/ScriptedServer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <thread>

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using host::CurlTransport;

const std::string Small = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string Hash(64, 'a'); // the transport believes it

/// A file without a name.
class Memory {
public:
    explicit Memory(std::uint64_t size) : _number(::memfd_create("upload", MFD_CLOEXEC)) {
        CPPUNIT_ASSERT(_number >= 0 && ::ftruncate(_number, static_cast<off_t>(size)) == 0);
    }
    explicit Memory(const std::string& text) : Memory(text.size()) {
        CPPUNIT_ASSERT(::pwrite(_number, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
    ~Memory() { ::close(_number); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    int number() const { return _number; }

private:
    int _number;
};

HttpRequest uploadOf(const std::string& url, const Memory& file, std::uint64_t size) {
    HttpRequest request = requestOf(url, "PUT");
    request.headers = {{"Content-Type", "application/octet-stream"}};
    request.upload = HttpUpload{file.number(), size};
    return request;
}

HttpRequest signedUploadOf(const std::string& url, const Memory& file, std::uint64_t size) {
    HttpRequest request = uploadOf(url, file, size);
    request.headers.push_back({"x-amz-content-sha256", Hash});
    request.signature = AwsSignature{"eu-west-1", "s3", "AKIDEXAMPLE", Secret("canary"), {}};
    return request;
}

std::string patterned(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i / 1000 + i) % 26);
    return text;
}

class UploadTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UploadTest);
    CPPUNIT_TEST(sendsAFileFromItsBeginning);
    CPPUNIT_TEST(isRefusedBeforeItIsSent);
    CPPUNIT_TEST(sendsAgainWhenAKeptConnectionHasDied);
    CPPUNIT_TEST(anEmptyFile);
    CPPUNIT_TEST(aFileThatIsShorterThanSaid);
    CPPUNIT_TEST(whoTakesNothingIsGivenUp);
    CPPUNIT_TEST(theHeadsTimeBeginsAfterTheBody);
    CPPUNIT_TEST(deletes);
    CPPUNIT_TEST(refusesWhatMakesNoSense);
    CPPUNIT_TEST_SUITE_END();

public:
    void sendsAFileFromItsBeginning() {
        const std::string text = patterned(3u << 20);
        const Memory file(text);
        ::lseek(file.number(), 1000, SEEK_SET);
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.send("HTTP/1.1 100 Continue\r\n\r\n");
            seen = connection.readRequest();
            connection.send(Small);
        });
        CurlTransport transport(loopbackSettings());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"),
                             ask(transport, signedUploadOf(server.url("/b/k"), file, text.size())).body);
        const auto end = seen.find("\r\n\r\n") + 4;
        CPPUNIT_ASSERT(seen.substr(end) == text);
        const std::string head = seen.substr(0, end);
        assertContains(head, "PUT /b/k HTTP/1.1\r\n");
        assertContains(head, "Content-Length: 3145728\r\n");
        assertContains(head, "Expect: 100-continue\r\n");
        assertContains(head, "x-amz-content-sha256: " + Hash + "\r\n");
        assertContains(head, "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=");
        CPPUNIT_ASSERT_EQUAL(std::string::npos, head.find("Transfer-Encoding"));
    }

    void isRefusedBeforeItIsSent() {
        const Memory file(std::uint64_t(64) << 20);
        std::string rest;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            rest = connection.readRequest(); // "": it is not whole
        });
        CurlTransport transport(loopbackSettings());
        const auto answer = ask(transport, signedUploadOf(server.url(), file, std::uint64_t(64) << 20));
        CPPUNIT_ASSERT_EQUAL(403, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("no"), answer.body);
        CPPUNIT_ASSERT_EQUAL(std::string(), rest);
    }

    void sendsAgainWhenAKeptConnectionHasDied() {
        const std::string text = patterned(300000);
        const Memory file(text);
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            auto request = connection.readRequest();
            if (connection.number == 1) {
                connection.send(Small);
                connection.readRequest(); // takes the upload and says nothing
                return;
            }
            seen = request;
            connection.send(Small);
        });
        CurlTransport transport(loopbackSettings());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(transport, server.url()).body);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), ask(transport, uploadOf(server.url(), file, text.size())).body);
        CPPUNIT_ASSERT_EQUAL(2, server.accepted());
        CPPUNIT_ASSERT(seen.substr(seen.find("\r\n\r\n") + 4) == text);
    }

    void anEmptyFile() {
        const Memory file(std::uint64_t(0));
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            seen = connection.readRequest();
            connection.send(Small);
        });
        CurlTransport transport(loopbackSettings());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), ask(transport, signedUploadOf(server.url(), file, 0)).body);
        assertContains(seen, "Content-Length: 0\r\n");
    }

    void aFileThatIsShorterThanSaid() {
        const Memory file(patterned(1000));
        ScriptedServer server([&](ScriptedServer::Connection& connection) { connection.readRequest(); });
        CurlTransport transport(loopbackSettings());
        const auto error = errorOf([&] { ask(transport, uploadOf(server.url(), file, 2000)); });
        assertCode(ErrorCode::StorageFault, error);
        assertContains(error.what(), "shorter than was said");
    }

    void whoTakesNothingIsGivenUp() {
        const Memory file(std::uint64_t(256) << 20);
        ScriptedServer server([&](ScriptedServer::Connection& connection) { connection.sleep(20s); });
        auto settings = loopbackSettings();
        settings.lowSpeedTime = 300ms;
        CurlTransport transport(settings);
        const auto before = Call::Clock::now();
        const auto error =
            errorOf([&] { ask(transport, uploadOf(server.url(), file, std::uint64_t(256) << 20), 15s); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.what(), "too slowly");
        CPPUNIT_ASSERT(Call::Clock::now() - before < 5s);
    }

    void theHeadsTimeBeginsAfterTheBody() {
        const Memory file(std::uint64_t(64) << 20);
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            connection.sleep(2500ms); // longer than a head may take
            connection.readRequest();
            connection.send(Small);
        });
        auto settings = loopbackSettings();
        settings.headTimeout = 2s; // in which the server reads what the kernel holds
        CurlTransport transport(settings);
        CPPUNIT_ASSERT_EQUAL(200, ask(transport, uploadOf(server.url(), file, std::uint64_t(64) << 20), 20s).status);
        const Memory small(patterned(10)); // all of it is on its way at once
        const auto error = errorOf([&] { ask(transport, uploadOf(server.url(), small, 10), 20s); });
        assertContains(error.what(), "sent no complete answer head within 2000 ms");
    }

    void deletes() {
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            seen = connection.readRequest();
            connection.send("HTTP/1.1 204 No Content\r\n\r\n");
        });
        CurlTransport transport(loopbackSettings());
        auto request = requestOf(server.url("/b/k"), "DELETE");
        request.headers = {{"x-amz-content-sha256", Hash}};
        request.signature = AwsSignature{"eu-west-1", "s3", "AKIDEXAMPLE", Secret("canary"), Secret("session")};
        CPPUNIT_ASSERT_EQUAL(204, ask(transport, request).status);
        assertContains(seen, "DELETE /b/k HTTP/1.1\r\n");
        assertContains(seen, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ");
        CPPUNIT_ASSERT_EQUAL(std::string::npos, seen.find("Content-Length"));
    }

    void refusesWhatMakesNoSense() {
        const Memory file(patterned(10));
        CurlTransport transport(loopbackSettings());
        const auto refused = [&](const std::string& why, auto change) {
            auto request = signedUploadOf("http://127.0.0.1:1/", file, 10);
            change(request);
            const Error error = errorOf([&] { ask(transport, request); }, why);
            assertCode(ErrorCode::Internal, error);
            assertContains(error.what(), why);
        };
        refused("to upload by POST", [](HttpRequest& r) { r.method = "POST"; });
        refused("to upload by GET", [](HttpRequest& r) { r.method = "GET"; });
        refused("beside a body", [](HttpRequest& r) { r.body = "x"; });
        refused("from no file", [](HttpRequest& r) { r.upload->descriptor = -1; });
        refused("x-amz-content-sha256", [](HttpRequest& r) { r.headers.pop_back(); });
        refused("a body on DELETE", [](HttpRequest& r) {
            r.method = "DELETE";
            r.upload.reset();
            r.body = "x";
        });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UploadTest);

} // namespace
} // namespace wasmproxy::test
