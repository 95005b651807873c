// SPDX-License-Identifier: Apache-2.0
#include "Client.h"
#include "support/ScriptedServer.h"

#include "net/Target.h"
#include "support/TemporaryFolder.h"

#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <netdb.h>
#include <thread>

namespace {

/// Names of these tests and the addresses they have; all others are the system's to resolve.
std::map<std::string, std::vector<const char*>> addressesOf;

} // namespace

// Stands before the C library's, so that a name can have the addresses that a hostile DNS would give it.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service,
                                                                  const addrinfo* hints, addrinfo** result) {
    using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto resolve = reinterpret_cast<Resolve>(dlsym(RTLD_NEXT, "getaddrinfo"));
    const auto found = addressesOf.find(node == nullptr ? "" : wasmproxy::host::normalisedHost(node));
    if (node != nullptr && std::strcmp(node, "hanging.test") == 0) {
        std::this_thread::sleep_for(std::chrono::seconds(3));
        return EAI_AGAIN;
    }
    if (found == addressesOf.end()) return resolve(node, service, hints, result);
    addrinfo** next = result;
    for (const char* address : found->second) {
        const int code = resolve(address, service, hints, next);
        if (code != 0) return code;
        while (*next != nullptr)
            next = &(*next)->ai_next;
    }
    return 0;
}

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using host::CurlTransport;

const std::string Small = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class TrustTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TrustTest);
    CPPUNIT_TEST(untrustedHostsAreVetted);
    CPPUNIT_TEST(privateAddressesBySetting);
    CPPUNIT_TEST(trustedHostsAreDialledAsWritten);
    CPPUNIT_TEST(onlyTheGoodAddressOfANameIsDialled);
    CPPUNIT_TEST(keptConnectionsServeNoOtherName);
    CPPUNIT_TEST(certificateMustBeSignedByTheCa);
    CPPUNIT_TEST(certificateMustNameTheHost);
    CPPUNIT_TEST(clientCertificateIsShown);
    CPPUNIT_TEST(caFileMissing);
    CPPUNIT_TEST(tlsConnectionsAreKept);
    CPPUNIT_TEST(tlsAnswersWithoutBody);
    CPPUNIT_TEST(tlsCutIsNoEnd);
    CPPUNIT_TEST(plainServerOnHttps);
    CPPUNIT_TEST(hangingResolverHoldsNobody);
    CPPUNIT_TEST_SUITE_END();

    host::TransportSettings _strict; // trusts no host

public:
    void setUp() override {
        _strict = host::TransportSettings();
        _strict.instance = "team";
        addressesOf = {{"loopback.test", {"127.0.0.1"}},
                       {"trusted.test", {"127.0.0.1"}},
                       {"metadata.test", {"169.254.169.254"}},
                       {"mixed.test", {"169.254.169.254", "fd00:ec2::254", "127.0.0.1", "0.0.0.0"}}};
    }

    void untrustedHostsAreVetted() {
        ScriptedServer server(ScriptedServer::always(Small));
        CurlTransport transport(_strict);
        const std::string port = ":" + std::to_string(server.port());
        for (const char* host : {"127.0.0.1", "localhost", "loopback.test", "2130706433", "0x7f000001", "0177.0.0.1",
                                 "127.1", "[::ffff:127.0.0.1]", "[::1]", "10.0.0.1", "LOOPBACK.test."}) {
            const Error error =
                errorOf([&] { get(transport, "http://" + std::string(host) + port + "/?secretword", 3s); });
            assertCode(ErrorCode::AddressRefused, error);
            assertContains(error.hint(), "set backend.team.allow-private-addresses = true");
            CPPUNIT_ASSERT(std::string(error.what()).find("secretword") == std::string::npos);
        }
        const Error named = errorOf([&] { get(transport, "http://loopback.test" + port); });
        assertContains(named.what(), "loopback.test");
        assertContains(named.what(), "127.0.0.1");
        CPPUNIT_ASSERT_EQUAL(0, server.accepted());
    }

    void privateAddressesBySetting() {
        ScriptedServer server(ScriptedServer::always(Small));
        _strict.allowPrivateAddresses = true;
        CurlTransport transport(_strict);
        CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url("/", "loopback.test")).status);
        for (const char* host :
             {"169.254.169.254", "metadata.test", "0.0.0.0", "0", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
              "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]", "[::]", "100.100.100.200",
              "[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::]", "255.255.255.255", "224.0.0.1"}) {
            const Error error = errorOf([&] { get(transport, server.url("/", host), 3s); });
            CPPUNIT_ASSERT_MESSAGE(host + std::string(": ") + error.what(), error.code() == ErrorCode::AddressRefused);
            CPPUNIT_ASSERT_MESSAGE(host, error.hint().empty());
        }
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void trustedHostsAreDialledAsWritten() {
        ScriptedServer server(ScriptedServer::always(Small));
        _strict.trustedHosts = {"127.0.0.1", "trusted.test"};
        CurlTransport transport(_strict);
        CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url()).status);
        CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url("/", "Trusted.TEST")).status);
        CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url("/", "trusted.test.")).status);
        assertCode(ErrorCode::AddressRefused, errorOf([&] { get(transport, server.url("/", "sub.localhost")); }));
    }

    void onlyTheGoodAddressOfANameIsDialled() {
        ScriptedServer server(ScriptedServer::always(Small));
        _strict.allowPrivateAddresses = true;
        CurlTransport transport(_strict);
        CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url("/", "mixed.test")).status);
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
        _strict.allowPrivateAddresses = false;
        CurlTransport strict(_strict);
        assertCode(ErrorCode::AddressRefused, errorOf([&] { get(strict, server.url("/", "mixed.test")); }));
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void keptConnectionsServeNoOtherName() {
        ScriptedServer server(ScriptedServer::always(Small));
        _strict.trustedHosts = {"trusted.test"};
        CurlTransport transport(_strict);
        for (int i = 0; i < 3; ++i) {
            CPPUNIT_ASSERT_EQUAL(200, get(transport, server.url("/", "trusted.test")).status);
            for (const char* host : {"loopback.test", "127.0.0.1"}) {
                assertCode(ErrorCode::AddressRefused, errorOf([&] { get(transport, server.url("/", host)); }));
            }
        }
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void certificateMustBeSignedByTheCa() {
        const Certificate certificate({"trusted.test", "127.0.0.1"});
        const Certificate other({"trusted.test", "127.0.0.1"});
        const TemporaryFolder folder;
        ScriptedServer server(ScriptedServer::always(Small), &certificate);
        _strict.trustedHosts = {"trusted.test", "127.0.0.1"};
        CurlTransport system(_strict);
        const Error error = errorOf([&] { get(system, server.url("/?secretword")); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.what(), "127.0.0.1:" + std::to_string(server.port()));
        assertContains(error.hint(), "backend.team.ca-file");
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport own(_strict);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(own, server.url()).body);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(own, server.url("/", "trusted.test")).body);
        _strict.caFile = folder.write("other.pem", other.pem());
        CurlTransport wrong(_strict);
        assertCode(ErrorCode::UpstreamUnavailable, errorOf([&] { get(wrong, server.url()); }));
    }

    void certificateMustNameTheHost() {
        const Certificate certificate({"registry.test"});
        const TemporaryFolder folder;
        ScriptedServer server(ScriptedServer::always(Small), &certificate);
        _strict.trustedHosts = {"trusted.test", "127.0.0.1"};
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport transport(_strict);
        assertCode(ErrorCode::UpstreamUnavailable, errorOf([&] { get(transport, server.url()); }));
        const Error error = errorOf([&] { get(transport, server.url("/", "trusted.test")); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.what(), "is for another host");
    }

    void clientCertificateIsShown() {
        const Certificate certificate({"127.0.0.1"});
        const Certificate client({"client.test"});
        const TemporaryFolder folder;
        ScriptedServer server(ScriptedServer::always(Small), &certificate, &client);
        _strict.trustedHosts = {"127.0.0.1"};
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport without(_strict);
        assertCode(ErrorCode::UpstreamUnavailable, errorOf([&] { get(without, server.url()); }));
        _strict.clientCertificate = folder.write("client.pem", client.pem());
        _strict.clientKey = folder.write("client.key", client.keyPem());
        CurlTransport with(_strict);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), get(with, server.url()).body);
        _strict.clientKey = folder / "missing.key";
        CurlTransport broken(_strict);
        const Error error = errorOf([&] { get(broken, server.url()); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.hint(), "backend.team.client-key");
    }

    void caFileMissing() {
        const Certificate certificate({"127.0.0.1"});
        ScriptedServer server(ScriptedServer::always(Small), &certificate);
        _strict.trustedHosts = {"127.0.0.1"};
        _strict.caFile = "/nowhere/ca.pem";
        CurlTransport transport(_strict);
        const Error error = errorOf([&] { get(transport, server.url()); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.hint(), "backend.team.ca-file = /nowhere/ca.pem");
    }

    void tlsConnectionsAreKept() {
        const Certificate certificate({"127.0.0.1"});
        const TemporaryFolder folder;
        ScriptedServer server(ScriptedServer::always(Small), &certificate);
        _strict.trustedHosts = {"127.0.0.1"};
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport transport(_strict);
        for (int i = 0; i < 5; ++i)
            get(transport, server.url());
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void tlsAnswersWithoutBody() {
        const Certificate certificate({"127.0.0.1"});
        const TemporaryFolder folder;
        ScriptedServer server(
            [](ScriptedServer::Connection& connection) {
                while (true) {
                    const std::string request = connection.readRequest();
                    if (request.empty()) return;
                    connection.send(request[0] == 'H' ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 204 None\r\n\r\n");
                }
            },
            &certificate);
        _strict.trustedHosts = {"127.0.0.1"};
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport transport(_strict);
        for (int i = 0; i < 3; ++i) {
            CPPUNIT_ASSERT_EQUAL(204, get(transport, server.url()).status);
            CPPUNIT_ASSERT_EQUAL(200, ask(transport, requestOf(server.url(), "HEAD")).status);
        }
        CPPUNIT_ASSERT_EQUAL(1, server.accepted());
    }

    void tlsCutIsNoEnd() {
        const Certificate certificate({"127.0.0.1"});
        const TemporaryFolder folder;
        _strict.trustedHosts = {"127.0.0.1"};
        _strict.caFile = folder.write("ca.pem", certificate.pem());
        CurlTransport transport(_strict);
        for (const bool notify : {false, true}) {
            for (const char* framing : {"Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
                ScriptedServer server(
                    [&](ScriptedServer::Connection& connection) {
                        connection.readRequest();
                        connection.send("HTTP/1.1 200 OK\r\n" + std::string(framing) + "\r\n5\r\nhe");
                        if (!notify) connection.closeAbruptly();
                    },
                    &certificate);
                // Without a length, TLS's own end is the body's end.
                if (notify && *framing == '\0') {
                    CPPUNIT_ASSERT_EQUAL(std::string("5\r\nhe"), get(transport, server.url()).body);
                } else {
                    const Error error =
                        errorOf([&] { get(transport, server.url()); }, framing + std::to_string(notify));
                    assertCode(ErrorCode::UpstreamUnavailable, error);
                }
            }
        }
    }

    void plainServerOnHttps() {
        ScriptedServer server([](ScriptedServer::Connection& connection) {
            connection.send("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
        });
        _strict.trustedHosts = {"127.0.0.1"};
        CurlTransport transport(_strict);
        const Error error = errorOf([&] { get(transport, "https" + server.url().substr(4)); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
    }

    void hangingResolverHoldsNobody() {
        CurlTransport transport(_strict);
        const auto start = Call::Clock::now();
        assertCode(ErrorCode::DeadlineExceeded, errorOf([&] { get(transport, "http://hanging.test/", 200ms); }));
        _strict.connectTimeout = 200ms;
        CurlTransport quick(_strict);
        const Error error = errorOf([&] { get(quick, "http://hanging.test/"); });
        assertCode(ErrorCode::UpstreamUnavailable, error);
        assertContains(error.what(), "hanging.test:80");
        CPPUNIT_ASSERT(Call::Clock::now() - start < 1500ms);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TrustTest);

} // namespace
} // namespace wasmproxy::test
