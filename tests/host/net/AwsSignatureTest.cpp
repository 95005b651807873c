// SPDX-License-Identifier: Apache-2.0
#include "Client.h"
#include "support/ScriptedServer.h"

namespace wasmproxy::test {
namespace {

using host::CurlTransport;

const std::string Small = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string SecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

HttpRequest signedRequest() {
    HttpRequest request = requestOf("http://api.ecr.us-west-2.amazonaws.com/", "POST");
    request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"},
                       {"X-Amz-Date", "20260101T000000Z"}};
    request.body = "{}";
    request.signature = AwsSignature{"us-west-2", "ecr", "AKIDEXAMPLE", Secret(SecretKey), {}};
    return request;
}

/// The vectors were computed by hand after AWS's specification and agree with aws-sdk-go.
class AwsSignatureTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AwsSignatureTest);
    CPPUNIT_TEST(row25EqualsTheVector);
    CPPUNIT_TEST(row25EqualsTheVectorWithASessionToken);
    CPPUNIT_TEST(signsNowWithoutADate);
    CPPUNIT_TEST(nextRequestOfTheLaneIsNotSigned);
    CPPUNIT_TEST(refusesWhatCannotBeSigned);
    CPPUNIT_TEST_SUITE_END();

public:
    /// What reaches the server; it is the proxy, so that `Host` is Amazon's without a port.
    std::vector<std::string> heads(const std::vector<HttpRequest>& requests) {
        std::vector<std::string> seen;
        ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
            for (std::size_t i = 0; i < requests.size(); ++i) {
                seen.push_back(connection.readRequest());
                connection.send(Small);
            }
        });
        auto settings = loopbackSettings();
        settings.proxy = proxy.url("");
        CurlTransport transport(settings);
        for (const auto& request : requests)
            ask(transport, request);
        CPPUNIT_ASSERT_EQUAL(requests.size(), seen.size());
        return seen;
    }

    static std::size_t times(const std::string& text, const std::string& part) {
        std::size_t count = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++count;
        return count;
    }

    void row25EqualsTheVector() {
        const auto head = heads({signedRequest()}).front();
        assertContains(head,
                       "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-west-2/ecr/aws4_request, "
                       "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                       "Signature=fa21c1891c741828eb906026dd540336d2f21bf8a8fbf76e654baf28ebeae6f0\r\n");
        assertContains(head, "Host: api.ecr.us-west-2.amazonaws.com\r\n");
        assertContains(head, "Accept-Encoding: identity\r\n");
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), times(head, "Expect"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), times(head, "Security-Token"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), times(head, SecretKey));
    }

    void row25EqualsTheVectorWithASessionToken() {
        HttpRequest request = signedRequest();
        request.signature->sessionToken = Secret("SESSIONTOKEN");
        const auto head = heads({request}).front();
        assertContains(head, "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                             "Signature=ee99a903f4d04d343fdfd56d04f75816824f2e3c477bfd7310b53ce43080a9f5\r\n");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), times(head, "X-Amz-Security-Token: SESSIONTOKEN\r\n"));
    }

    void signsNowWithoutADate() {
        HttpRequest request = signedRequest();
        request.headers.pop_back();
        const auto head = heads({request}).front();
        assertContains(head, "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), times(head, "X-Amz-Date: 20"));
    }

    void nextRequestOfTheLaneIsNotSigned() {
        HttpRequest plain = signedRequest();
        plain.signature.reset();
        const auto seen = heads({signedRequest(), plain});
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), times(seen[1], "Authorization:"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), times(seen[1], "Accept-Encoding: identity\r\n"));
    }

    void refusesWhatCannotBeSigned() {
        CurlTransport transport(loopbackSettings());
        const auto refused = [&](const std::string& why, auto change) {
            HttpRequest request = signedRequest();
            change(request);
            const Error error = errorOf([&] { ask(transport, request); }, why);
            assertCode(ErrorCode::Internal, error);
            assertContains(error.what(), why);
            CPPUNIT_ASSERT(std::string(error.what()).find(SecretKey) == std::string::npos);
        };
        refused("region or service", [](HttpRequest& r) { r.signature->region = "us:west"; });
        refused("region or service", [](HttpRequest& r) { r.signature->service = ""; });
        refused("access key", [](HttpRequest& r) { r.signature->accessKeyId = "A\r\nB"; });
        refused("access key", [](HttpRequest& r) { r.signature->secretAccessKey = Secret(); });
        refused("session token", [](HttpRequest& r) { r.signature->sessionToken = Secret("a\r\nX: b"); });
        refused("Authorization", [](HttpRequest& r) { r.headers.push_back({"authorization", "Basic eA=="}); });
        refused("Content-Type", [](HttpRequest& r) { r.headers.erase(r.headers.begin()); });
        refused("128 KiB", [](HttpRequest& r) { r.body.assign(140000, 'x'); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AwsSignatureTest);

} // namespace
} // namespace wasmproxy::test
