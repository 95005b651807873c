// SPDX-License-Identifier: Apache-2.0
#include "net/CurlFailure.h"

#include "Client.h"

namespace wasmproxy::test {
namespace {

using host::failureOf;

/// By libcurl's and OpenSSL's own words, which servers on real sockets have in the scenarios.
class CurlFailureTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CurlFailureTest);
    CPPUNIT_TEST(demandOfAClientCertificate);
    CPPUNIT_TEST(clientCertificateThatIsNotAccepted);
    CPPUNIT_TEST(handshakeThatMayBeAboutIt);
    CPPUNIT_TEST(otherAlertsAreNot);
    CPPUNIT_TEST(proxyThatOpensNoTunnel);
    CPPUNIT_TEST_SUITE_END();

    static Error of(CURLcode code, const std::string& reason, const host::TransportSettings& settings) {
        const auto error = failureOf(code, "registry.test:443", reason, false, settings);
        assertCode(ErrorCode::UpstreamUnavailable, error);
        return error;
    }
    static std::string alert(const std::string& text, int number) {
        return "OpenSSL SSL_read: error:0A00045C:SSL routines::" + text + ", SSL alert number " +
               std::to_string(number) + ", errno 0";
    }

    void demandOfAClientCertificate() {
        for (const char* text : {"tlsv13 alert certificate required", "sslv3 alert bad certificate"}) {
            const auto error = of(CURLE_RECV_ERROR, alert(text, 116), loopbackSettings());
            assertContains(error.what(), "registry.test:443 demands a client certificate: ");
            CPPUNIT_ASSERT_EQUAL(std::string("set backend.team.client-certificate and backend.team.client-key"),
                                 error.hint());
        }
    }
    void clientCertificateThatIsNotAccepted() {
        auto settings = loopbackSettings();
        settings.clientCertificate = "/etc/client.pem";
        for (const char* text : {"tlsv1 alert unknown ca", "sslv3 alert certificate expired",
                                 "tlsv13 alert certificate required", "sslv3 alert bad certificate"}) {
            const auto error = of(CURLE_SSL_CONNECT_ERROR, alert(text, 48), settings);
            assertContains(error.what(), "registry.test:443 does not accept our client certificate: ");
            assertContains(error.hint(), "check backend.team.client-certificate and backend.team.client-key");
        }
    }
    void handshakeThatMayBeAboutIt() {
        const auto reason = alert("sslv3 alert handshake failure", 40);
        const auto error = of(CURLE_SSL_CONNECT_ERROR, reason, loopbackSettings());
        assertContains(error.what(), "cannot agree on TLS with registry.test:443");
        assertContains(error.hint(), "if it demands a client certificate, set backend.team.client-certificate");
        auto settings = loopbackSettings();
        settings.clientCertificate = "/etc/client.pem";
        CPPUNIT_ASSERT(of(CURLE_SSL_CONNECT_ERROR, reason, settings).hint().empty());
    }
    void otherAlertsAreNot() {
        const auto error = of(CURLE_SSL_CONNECT_ERROR, alert("tlsv1 alert protocol version", 70), loopbackSettings());
        CPPUNIT_ASSERT(error.hint().empty());
        const auto server = of(CURLE_PEER_FAILED_VERIFICATION,
                               "SSL certificate problem: unable to get local issuer certificate", loopbackSettings());
        assertContains(server.hint(), "backend.team.ca-file");
    }
    void proxyThatOpensNoTunnel() {
        for (const auto code : {CURLE_RECV_ERROR, CURLE_COULDNT_CONNECT}) {
            const auto refused = of(code, "CONNECT tunnel failed, response 403", loopbackSettings());
            assertContains(refused.what(), "the proxy, not the registry, answered 403 when asked to connect to "
                                           "registry.test:443");
            assertContains(refused.hint(), "set backend.team.no-proxy");
            const auto unknown = of(code, "CONNECT tunnel failed, response 407", loopbackSettings());
            assertContains(unknown.what(), "the proxy, not the registry, answered 407");
            assertContains(unknown.hint(), "which backend.team.proxy has none of");
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CurlFailureTest);

} // namespace
} // namespace wasmproxy::test
