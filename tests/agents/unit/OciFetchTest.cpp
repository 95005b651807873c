// SPDX-License-Identifier: Apache-2.0
#include "OciFetch.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

namespace wasmproxy::test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Step::Kind;
using Failure = Reply::Failure;

/// istio-agent over oci, as go-containerregistry asks.
class OciFetchTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(OciFetchTest);
    CPPUNIT_TEST(testSequence);
    CPPUNIT_TEST(testWithoutAuthentication);
    CPPUNIT_TEST(testWhichStatusesAreTriedAgain);
    CPPUNIT_TEST(testThreeTriesOfEachRequest);
    CPPUNIT_TEST(testBrokenConnections);
    CPPUNIT_TEST(testFinalAnswers);
    CPPUNIT_TEST_SUITE_END();

    const Fetch::Clock::time_point _start = Fetch::Clock::now();
    const std::string _manifest =
        R"({"layers":[{"mediaType":"application/vnd.module.wasm.config.v1+json","digest":"sha256:aa"},)"
        R"({"mediaType":"application/vnd.module.wasm.content.layer.v1+wasm","digest":"sha256:bb"}]})";

    static Reply answer(int code, const std::string& body = "", const std::string& challenge = "") {
        Reply reply;
        reply.status = code;
        reply.body = body;
        reply.challenge = challenge;
        return reply;
    }
    static Reply broken(Failure failure, int code = 0) {
        Reply reply = answer(code);
        reply.failure = failure;
        return reply;
    }
    static bool has(const Fetch& fetch, const std::string& text) {
        return fetch.request().find(text) != std::string::npos;
    }
    Step tell(Fetch& fetch, const Reply& reply) const { return fetch.replied(reply, _start); }

public:
    void testSequence() {
        OciFetch fetch({"team/x", "v1", "robot", "right"}, 1);
        CPPUNIT_ASSERT(fetch.begin(_start).kind == Kind::Request);
        CPPUNIT_ASSERT(fetch.deadline() == _start + seconds(30));
        CPPUNIT_ASSERT(has(fetch, "GET /v2/ HTTP/1.1\r\n") && has(fetch, "User-Agent: go-containerregistry/"));
        CPPUNIT_ASSERT(!has(fetch, "Authorization"));
        CPPUNIT_ASSERT(
            tell(fetch, answer(401, "", R"(Bearer realm="http://tokens.test/token",service="s",scope="a,b")")).kind ==
            Kind::Request);
        CPPUNIT_ASSERT(fetch.usesTokenService());
        CPPUNIT_ASSERT(has(fetch, "GET /token?scope=repository%3Ateam/x%3Apull&service=s HTTP/1.1\r\n"));
        CPPUNIT_ASSERT(has(fetch, "Authorization: Basic cm9ib3Q6cmlnaHQ=\r\n"));
        CPPUNIT_ASSERT(tell(fetch, answer(200, R"({"token":"T"})")).kind == Kind::Request);
        CPPUNIT_ASSERT(!fetch.usesTokenService() && !fetch.wantsModule());
        CPPUNIT_ASSERT(has(fetch, "GET /v2/team/x/manifests/v1 ") && has(fetch, "Authorization: Bearer T\r\n"));
        CPPUNIT_ASSERT(has(fetch, "Accept: application/vnd.docker.distribution.manifest.v1+json,"));
        CPPUNIT_ASSERT(tell(fetch, answer(200, _manifest)).kind == Kind::Request);
        CPPUNIT_ASSERT(fetch.wantsModule());
        CPPUNIT_ASSERT(has(fetch, "GET /v2/team/x/blobs/sha256:bb ") && has(fetch, "Authorization: Bearer T\r\n"));
        Reply module = answer(200);
        module.moduleRight = true;
        CPPUNIT_ASSERT(tell(fetch, module).kind == Kind::Loaded);
    }

    void testWithoutAuthentication() {
        OciFetch open({"team/x", "v1", "", ""}, 1);
        open.begin(_start);
        CPPUNIT_ASSERT(tell(open, answer(200)).kind == Kind::Request);
        CPPUNIT_ASSERT(has(open, "/manifests/v1 ") && !has(open, "Authorization"));
        OciFetch basic({"team/x", "v1", "robot", "right"}, 1);
        basic.begin(_start);
        tell(basic, answer(401, "", R"(Basic realm="r")"));
        CPPUNIT_ASSERT(has(basic, "/manifests/v1 ") && has(basic, "Authorization: Basic "));
    }

    void testWhichStatusesAreTriedAgain() {
        const std::set<int> again{408, 429, 499, 500, 502, 503, 504, 522};
        for (int code = 201; code < 600; ++code) {
            if (code == 401) continue;
            OciFetch fetch({"team/x", "v1", "", ""}, 1);
            fetch.begin(_start);
            CPPUNIT_ASSERT_MESSAGE(std::to_string(code),
                                   tell(fetch, answer(code)).kind == (again.count(code) ? Kind::Sleep : Kind::Failed));
        }
    }

    void testThreeTriesOfEachRequest() {
        OciFetch fetch({"team/x", "v1", "", ""}, 7);
        fetch.begin(_start);
        for (int request = 0; request < 2; ++request) {
            const auto first = tell(fetch, answer(503));
            CPPUNIT_ASSERT(first.sleep >= milliseconds(1000) && first.sleep <= milliseconds(1100));
            CPPUNIT_ASSERT(fetch.slept(_start).kind == Kind::Request);
            const auto second = tell(fetch, answer(429));
            CPPUNIT_ASSERT(second.sleep >= milliseconds(3000) && second.sleep <= milliseconds(3300));
            CPPUNIT_ASSERT(fetch.slept(_start).kind == Kind::Request);
            CPPUNIT_ASSERT(tell(fetch, answer(200, _manifest)).kind == Kind::Request);
        }
        tell(fetch, answer(503));
        tell(fetch, answer(503));
        CPPUNIT_ASSERT(tell(fetch, answer(503)).kind == Kind::Failed);
    }

    void testBrokenConnections() {
        for (const auto failure : {Failure::Reset, Failure::Ended, Failure::Refused, Failure::Late}) {
            OciFetch fetch({"team/x", "v1", "", ""}, 1);
            fetch.begin(_start);
            const bool again = failure == Failure::Reset || failure == Failure::Ended;
            CPPUNIT_ASSERT(tell(fetch, broken(failure)).kind == (again ? Kind::Sleep : Kind::Failed));
        }
        OciFetch fetch({"team/x", "v1", "", ""}, 1);
        fetch.begin(_start);
        tell(fetch, answer(200));
        tell(fetch, answer(200, _manifest));
        CPPUNIT_ASSERT(tell(fetch, broken(Failure::Ended, 200)).kind == Kind::Failed); // a body
    }

    void testFinalAnswers() {
        OciFetch refused({"team/x", "v1", "robot", "wrong"}, 1);
        refused.begin(_start);
        tell(refused, answer(401, "", R"(Bearer realm="http://t/token",service="s")"));
        CPPUNIT_ASSERT(tell(refused, answer(401)).kind == Kind::Failed);
        for (const char* manifest :
             {"", "[]", R"({"layers":[]})", R"({"layers":[{"mediaType":"a/b","digest":"x"}]})"}) {
            OciFetch fetch({"team/x", "v1", "", ""}, 1);
            fetch.begin(_start);
            tell(fetch, answer(200));
            CPPUNIT_ASSERT(tell(fetch, answer(200, manifest)).kind == Kind::Failed);
        }
        OciFetch wrong({"team/x", "v1", "", ""}, 1);
        wrong.begin(_start);
        tell(wrong, answer(200));
        tell(wrong, answer(200, _manifest));
        CPPUNIT_ASSERT(tell(wrong, answer(200)).kind == Kind::Failed);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OciFetchTest);

} // namespace wasmproxy::test
