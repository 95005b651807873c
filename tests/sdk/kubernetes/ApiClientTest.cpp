// SPDX-License-Identifier: Apache-2.0
#include "KubeFixture.h"

#include "support/TemporaryFolder.h"

namespace wasmproxy::test {
namespace {

const ApiResource Things{"example.org", "v1", "ns", "things"};

class ApiClientTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ApiClientTest);
    CPPUNIT_TEST(getsAndReplaces);
    CPPUNIT_TEST(listsPageByPage);
    CPPUNIT_TEST(decodesRefusals);
    CPPUNIT_TEST(printsTheRuleToAdd);
    CPPUNIT_TEST(showsTheNewTokenAfter401);
    CPPUNIT_TEST(verifiesTheServer);
    CPPUNIT_TEST_SUITE_END();

public:
    void getsAndReplaces() {
        _cluster.api.put("things", "ns", "a", R"({"value":"1"})");
        Call call = within(5s);
        const auto seen = _cluster.client.get(call, Things, "a");
        const auto version = seen.at("metadata").at("resourceVersion").asString();
        const auto body = [](const std::string& at) {
            return R"({"metadata":{"resourceVersion":")" + at + R"("},"value":"2"})";
        };
        CPPUNIT_ASSERT_EQUAL(std::string("2"),
                             _cluster.client.replace(call, Things, "a", body(version)).at("value").asString());
        try {
            _cluster.client.replace(call, Things, "a", body(version));
            CPPUNIT_FAIL("a conflict was expected");
        } catch (const ApiError& error) {
            CPPUNIT_ASSERT_EQUAL(409, error.status());
            CPPUNIT_ASSERT_EQUAL(std::string("Conflict"), error.reason());
        }
        _cluster.client.replace(call, Things, "a", R"({"value":"3"})", "status");
        CPPUNIT_ASSERT_EQUAL(std::string("/apis/example.org/v1/namespaces/ns/things/a/status"),
                             _cluster.api.paths().back());
    }

    void listsPageByPage() {
        KubeApi::Faults faults;
        faults.page = 2;
        _cluster.api.setFaults(faults);
        for (const char* name : {"a", "b", "c", "d", "e"})
            _cluster.api.put("things", "ns", name, "{}");
        std::string seen;
        Call call = within(5s);
        const auto version = _cluster.client.list(
            call, Things, {}, [&](const StrictJson& object) { seen += object.at("metadata").at("name").asString(); });
        CPPUNIT_ASSERT_EQUAL(std::string("abcde"), seen);
        CPPUNIT_ASSERT_EQUAL(std::string("1005"), version);
        CPPUNIT_ASSERT_EQUAL(3, _cluster.api.requests("list"));
    }

    void decodesRefusals() {
        KubeApi::Faults faults;
        faults.status = 429;
        faults.retryAfter = "7";
        _cluster.api.setFaults(faults);
        try {
            Call call = within(5s);
            _cluster.client.get(call, Things, "a");
            CPPUNIT_FAIL("a refusal was expected");
        } catch (const ApiError& error) {
            CPPUNIT_ASSERT(error.code() == ErrorCode::TooManyRequests);
            CPPUNIT_ASSERT(error.retryAfter() == 7s);
            CPPUNIT_ASSERT_EQUAL(std::string("the API server does not get things.example.org \"a\" of namespace ns: as "
                                             "the test orders (429 TooManyRequests)"),
                                 std::string(error.what()));
        }
        _cluster.api.setFaults({});
        try {
            Call call = within(5s);
            _cluster.client.get(call, Things, "a");
            CPPUNIT_FAIL("absence was expected");
        } catch (const ApiError& error) {
            CPPUNIT_ASSERT(error.absent());
        }
    }

    void printsTheRuleToAdd() {
        _cluster.api.forbidAll();
        const auto secrets = ApiResource::secrets("istio-system");
        const std::string rule = R"({apiGroups: [""], resources: [secrets], resourceNames: ["regcred"], )"
                                 "verbs: [get, list, watch]}";
        expectError("get", ErrorCode::UpstreamUnavailable, rule, [&] {
            Call call = within(5s);
            _cluster.client.get(call, secrets, "regcred");
        });
        expectError("list", ErrorCode::UpstreamUnavailable, rule, [&] {
            Call call = within(5s);
            _cluster.client.list(call, secrets, {"regcred", {}, {}}, [](const StrictJson&) {});
        });
        expectError("list", ErrorCode::UpstreamUnavailable,
                    "does not list secrets \"regcred\" of namespace istio-system", [&] {
                        Call call = within(5s);
                        _cluster.client.list(call, secrets, {"regcred", {}, {}}, [](const StrictJson&) {});
                    });
        expectError("all", ErrorCode::UpstreamUnavailable, "resources: [secrets], verbs", [&] {
            Call call = within(5s);
            _cluster.client.list(call, secrets, {}, [](const StrictJson&) {});
        });
        expectError("update", ErrorCode::UpstreamUnavailable, "resources: [things/status], resourceNames: [\"a\"]",
                    [&] {
                        Call call = within(5s);
                        _cluster.client.replace(call, Things, "a", "{}", "status");
                    });
    }

    void showsTheNewTokenAfter401() {
        const TemporaryFolder folder;
        ClusterConfig config = _cluster.config();
        config.token.path = folder.write("token", "old\n");
        ApiClient client(_cluster.services, config);
        _cluster.api.put("things", "ns", "a", "{}");
        _cluster.api.requireToken("old");
        Call call = within(5s);
        client.get(call, Things, "a");
        _cluster.api.requireToken("new");
        folder.write("token", "new\n");
        client.get(call, Things, "a");
        CPPUNIT_ASSERT_EQUAL(3, _cluster.api.requests("get"));
        _cluster.api.requireToken("another");
        expectError("401", ErrorCode::UpstreamUnavailable, "(401 Unauthorized)",
                    [&] { client.get(call, Things, "a"); });
        CPPUNIT_ASSERT_EQUAL(4, _cluster.api.requests("get")); // the same token is not shown twice
    }

    void verifiesTheServer() {
        const Certificate certificate({"127.0.0.1"});
        KubeApi api(&certificate);
        api.put("things", "ns", "a", "{}");
        ClusterConfig config;
        config.server = api.url();
        config.authorities.text = Secret(certificate.pem());
        Call call = within(5s);
        ApiClient(_cluster.services, config).get(call, Things, "a");
        config.authorities.text = Secret(Certificate({"127.0.0.1"}).pem());
        expectError("another authority", ErrorCode::UpstreamUnavailable, "certificate",
                    [&] { ApiClient(_cluster.services, config).get(call, Things, "a"); });
    }

private:
    static Call within(std::chrono::milliseconds time) { return Call("test", Call::Clock::now() + time); }

    Cluster _cluster;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ApiClientTest);

} // namespace
} // namespace wasmproxy::test
