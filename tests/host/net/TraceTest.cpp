// SPDX-License-Identifier: Apache-2.0
#include "Client.h"
#include "support/ScriptedServer.h"

#include <Poco/RegularExpression.h>

namespace wasmproxy::test {
namespace {

using namespace std::chrono_literals;
using host::CurlTransport;

const std::string TraceId = "0af7651916cd43dd8448eb211c80319c";
const std::string Parent = "00-" + TraceId + "-b7ad6b7169203331-01";

class TraceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TraceTest);
    CPPUNIT_TEST(aCallsTraceIsPassedOn);
    CPPUNIT_TEST(withoutATraceNothingIsSent);
    CPPUNIT_TEST(aPluginCannotSetIt);
    CPPUNIT_TEST(whatIsSignedHasNone);
    CPPUNIT_TEST_SUITE_END();

    /// The head that a server sees of a request with this trace.
    static std::string headOf(const Trace& trace, HttpRequest request = requestOf("")) {
        std::string seen;
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            seen = connection.readRequest();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        CurlTransport transport(loopbackSettings());
        request.url = server.url();
        Call call("test", Call::Clock::now() + 5s, nullptr, trace);
        transport.send(call, request)->readAll(10, "the answer");
        return seen;
    }

    static std::string parentIn(const std::string& head) {
        const std::string name = "\r\ntraceparent: ";
        const auto at = head.find(name);
        CPPUNIT_ASSERT_MESSAGE(head, at != head.npos && head.find(name, at + 1) == head.npos);
        return head.substr(at + name.size(), head.find('\r', at + 2) - at - name.size());
    }

public:
    void aCallsTraceIsPassedOn() {
        const auto trace = Trace::parse(Parent, "vendor=1,b=2");
        const auto head = headOf(trace);
        assertContains(head, "\r\ntracestate: vendor=1,b=2\r\n");
        const auto first = parentIn(head);
        CPPUNIT_ASSERT_MESSAGE(first, Poco::RegularExpression("00-" + TraceId + "-[0-9a-f]{16}-01").match(first));
        CPPUNIT_ASSERT_MESSAGE("it stands for a request of ours, not for the client's", first != Parent);
        CPPUNIT_ASSERT_MESSAGE("each request is a span of its own", parentIn(headOf(trace)) != first);
        CPPUNIT_ASSERT(headOf(Trace::parse(Parent, "")).find("tracestate") == std::string::npos);
    }

    void withoutATraceNothingIsSent() { CPPUNIT_ASSERT(headOf({}).find("trace") == std::string::npos); }

    void aPluginCannotSetIt() {
        for (const char* name : {"traceparent", "TraceParent", "tracestate"}) {
            auto request = requestOf("http://127.0.0.1:9/");
            request.headers = {{name, Parent}};
            CurlTransport transport(loopbackSettings());
            assertCode(ErrorCode::Internal, errorOf([&] { ask(transport, request); }, name));
        }
    }

    void whatIsSignedHasNone() {
        auto request = requestOf("");
        request.signature.emplace();
        request.signature->region = "eu-west-1";
        request.signature->service = "ecr";
        request.signature->accessKeyId = "AKIDEXAMPLE";
        request.signature->secretAccessKey = Secret("key");
        const auto head = headOf(Trace::parse(Parent, "vendor=1"), request);
        assertContains(head, "Authorization: AWS4-HMAC-SHA256");
        CPPUNIT_ASSERT_MESSAGE(head, head.find("trace") == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TraceTest);

} // namespace
} // namespace wasmproxy::test
