// SPDX-License-Identifier: Apache-2.0
// What an operator sees from outside: metrics, dashboard, alerts, log lines, traces.
#include "Observability.h"
#include "Rig.h"

#include "support/ScriptedServer.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;

namespace {

const std::string TraceId = "0af7651916cd43dd8448eb211c80319c";
const std::string Parent = "00-" + TraceId + "-b7ad6b7169203331-01";
const char* const Alerts = SOURCE_ROOT "/packaging/observability/alerts.yaml";
const char* const Dashboard = SOURCE_ROOT "/packaging/observability/grafana-dashboard.json";

std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

template <class Condition>
bool soon(Condition condition) {
    for (int i = 0; i < 400 && !condition(); ++i)
        std::this_thread::sleep_for(milliseconds(25));
    return condition();
}

} // namespace

class ObservabilityScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ObservabilityScenarios);
    CPPUNIT_TEST(whatIsServedIsInTheTableAndTheOtherWayRound);
    CPPUNIT_TEST(figuresFollowWhatHappens);
    CPPUNIT_TEST(dashboardAndAlertsUseWhatIsServed);
    CPPUNIT_TEST(everyAlertSaysWhatToDo);
    CPPUNIT_TEST(jsonLinesAreObjectsOfStrings);
    CPPUNIT_TEST(aTraceGoesFromTheRequestToTheRegistryAndTheLog);
    CPPUNIT_TEST_SUITE_END();

public:
    void whatIsServedIsInTheTableAndTheOtherWayRound() {
        PrivateRegistry registry;
        registry.push("team/authz:v1", uniqueModule("metrics"));
        Proxy proxy({registry.registry.host()});
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(registry.registry.host() + "/team/authz:v1").status);
        const auto served = familiesIn(proxy.health("/metrics").body);
        const auto documented = documentedFamilies();
        for (const auto& [name, family] : served) {
            const auto found = documented.find(name);
            CPPUNIT_ASSERT_MESSAGE("docs/metrics.md has no " + name, found != documented.end());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, found->second.type, family.type);
            const auto& labels = found->second.labels;
            CPPUNIT_ASSERT_MESSAGE("labels of " + name, std::includes(labels.begin(), labels.end(),
                                                                      family.labels.begin(), family.labels.end()));
            for (const char* never : {"instance", "job", "caller", "reference"})
                CPPUNIT_ASSERT_MESSAGE(name, labels.count(never) == 0);
        }
        for (const auto& [name, family] : documented) {
            const auto found = served.find(name);
            CPPUNIT_ASSERT_MESSAGE("nothing serves " + name, found != served.end());
            if (!found->second.labels.empty())
                CPPUNIT_ASSERT_MESSAGE("labels of " + name, found->second.labels == family.labels);
        }
    }

    void figuresFollowWhatHappens() {
        PrivateRegistry registry;
        const auto& host = registry.registry.host();
        registry.push("team/authz:v1", uniqueModule("first"));
        Proxy proxy({host, "robot", "right", "hold = 1s", "tag-ttl = 1s"});
        const auto figure = [&](const std::string& name) { return proxy.metric("wasm_proxy_" + name); };
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/authz:v1").status);
        CPPUNIT_ASSERT_EQUAL(1.0, figure("tags{freshness=\"fresh\"}"));
        CPPUNIT_ASSERT_EQUAL(1.0, figure("configuration_generation"));
        CPPUNIT_ASSERT_EQUAL(1.0, figure("reload_last_successful"));
        CPPUNIT_ASSERT(figure("configuration_last_success_timestamp_seconds") > 1.6e9);
        CPPUNIT_ASSERT(figure("cache_contents") >= 2);
        CPPUNIT_ASSERT(figure("cache_capacity_bytes") > figure("cache_bytes"));
        CPPUNIT_ASSERT(figure("credential_lookups_total{result=\"success\",source=\"team\"}") >= 1);
        CPPUNIT_ASSERT(figure("credential_last_success_timestamp_seconds{source=\"team\"}") > 1.6e9);
        CPPUNIT_ASSERT(figure("plugins{state=\"loaded\"}") >= 3);

        CPPUNIT_ASSERT(soon([&] { return figure("tags{freshness=\"stale\"}") == 1; }));
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/authz:v1").status);
        CPPUNIT_ASSERT_EQUAL(1.0, figure("revalidations_total{result=\"unchanged\"}"));
        registry.push("team/authz:v1", uniqueModule("second"));
        std::this_thread::sleep_for(milliseconds(1100)); // tag-ttl
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/authz:v1").status);
        CPPUNIT_ASSERT_EQUAL(1.0, figure("revalidations_total{result=\"moved\"}"));

        proxy.setDockerConfig(dockerConfig(host, "robot", "wrong"));
        CPPUNIT_ASSERT_EQUAL(502, proxy.fetch(host + "/team/other:v1").status);
        CPPUNIT_ASSERT_EQUAL(1.0, figure("credentials_rejected{registry=\"" + host + "\"}"));
        CPPUNIT_ASSERT(figure("pulls_total{result=\"success\"}") >= 3);

        // A fresh process has no module open, and looks for what it knows in its cache.
        proxy.setDockerConfig(dockerConfig(host, "robot", "right"));
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
        proxy.start();
        CPPUNIT_ASSERT_EQUAL(0.0, figure("cache_lookups_total{cache=\"main\",result=\"hit\"}"));
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/authz:v1").status);
        CPPUNIT_ASSERT(figure("cache_lookups_total{cache=\"main\",result=\"hit\"}") >= 1);
        CPPUNIT_ASSERT(figure("hot_lookups_total{result=\"miss\"}") >= 1);
    }

    void dashboardAndAlertsUseWhatIsServed() {
        const auto documented = documentedFamilies();
        CPPUNIT_ASSERT(dashboardExpressions().size() > 30);
        for (const std::string file : {Dashboard, Alerts}) {
            const auto named = metricsNamedIn(readFile(file));
            CPPUNIT_ASSERT(named.size() > 8);
            for (const auto& name : named)
                CPPUNIT_ASSERT_MESSAGE(file + " names " + name, documented.count(name) == 1);
        }
        const auto shown = metricsNamedIn(readFile(Dashboard));
        for (const auto& [name, family] : documented)
            if (name != "wasm_proxy_dropped_accesses_total" && name != "wasm_proxy_configuration_generation")
                CPPUNIT_ASSERT_MESSAGE("the dashboard has no " + name, shown.count(name) == 1);
    }

    void everyAlertSaysWhatToDo() {
        const auto document = YAML::LoadFile(Alerts);
        const auto guide = readFile(SOURCE_ROOT "/docs/metrics.md");
        const auto tests = readFile(SOURCE_ROOT "/packaging/observability/alerts-test.yaml");
        std::size_t rules = 0;
        for (const auto& rule : document["groups"][0]["rules"]) {
            const auto name = rule["alert"].as<std::string>();
            ++rules;
            for (const char* key : {"summary", "description", "runbook"})
                CPPUNIT_ASSERT_MESSAGE(name, rule["annotations"][key].as<std::string>().size() > 15);
            CPPUNIT_ASSERT_MESSAGE(name, !rule["labels"]["severity"].as<std::string>().empty());
            CPPUNIT_ASSERT_MESSAGE(name, guide.find("| `" + name + "` |") != guide.npos);
            CPPUNIT_ASSERT_MESSAGE(name + " has no test", tests.find("ALERTS{alertname=\"" + name) != tests.npos);
        }
        CPPUNIT_ASSERT(rules >= 9);
    }

    void jsonLinesAreObjectsOfStrings() {
        PrivateRegistry registry;
        const auto& host = registry.registry.host();
        registry.push("team/authz:v1", uniqueModule("json"));
        Proxy::Options options{host, "robot", "right", "hold = 1s"};
        options.environment["WASM_PROXY__LOG__FORMAT"] = "json";
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(host + "/team/authz:v1").status);
        CPPUNIT_ASSERT(proxy.fetch(host + "/team/absent:v1").status >= 400);
        // What a client writes comes into the log, and may forge nothing there.
        proxy.get("/fetch/%0a%7b%22level%22:%22x%22%7d\"\\");
        proxy.get("/elsewhere/\xc3\xa4\xff\xe2\x80\xae\"}{");
        proxy.setDockerConfig("{\"auths\": \x01 broken");
        CPPUNIT_ASSERT(proxy.fetch(host + "/team/other:v1").status >= 500);
        proxy.child().signal(SIGHUP);
        CPPUNIT_ASSERT(soon([&] { return proxy.log().find("configuration reloaded") != std::string::npos; }));
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());

        std::set<std::string> messages;
        for (const auto& line : linesOf(proxy.log())) {
            CPPUNIT_ASSERT_MESSAGE(line, std::none_of(line.begin(), line.end(), [](char c) {
                                       return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                                   }));
            Poco::JSON::Object::Ptr object;
            try {
                object = Poco::JSON::Parser().parse(line).extract<Poco::JSON::Object::Ptr>();
            } catch (const Poco::Exception& e) {
                CPPUNIT_FAIL("no JSON object (" + e.displayText() + "): " + line);
            }
            for (const auto& [key, value] : *object)
                CPPUNIT_ASSERT_MESSAGE(key + " is no string in " + line, value.isString());
            for (const char* key : {"time", "level", "message"})
                CPPUNIT_ASSERT_MESSAGE(line, object->has(key));
            messages.insert(object->getValue<std::string>("message"));
        }
        for (const char* expected :
             {"ready", "pulled", "pull failed", "request refused", "configuration reloaded", "stopped"})
            CPPUNIT_ASSERT_MESSAGE(expected, messages.count(expected) == 1);
    }

    void aTraceGoesFromTheRequestToTheRegistryAndTheLog() {
        std::mutex mutex;
        std::vector<std::string> heads;
        ScriptedServer registry([&](ScriptedServer::Connection& connection) {
            for (auto head = connection.readRequest(); !head.empty(); head = connection.readRequest()) {
                {
                    const std::lock_guard<std::mutex> lock(mutex);
                    heads.push_back(head);
                }
                connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            }
        });
        const auto host = "127.0.0.1:" + std::to_string(registry.port());
        Proxy::Options options{host, "robot", "right", "hold = 3s\nsecond-look = 100ms"};
        options.environment["WASM_PROXY__LOG__FORMAT"] = "json";
        Proxy proxy(options);
        const auto seen = [&](const std::string& name) {
            const std::lock_guard<std::mutex> lock(mutex);
            std::vector<std::string> found;
            for (const auto& head : heads)
                if (head.find("/" + name + "/") != head.npos) found.push_back(head);
            CPPUNIT_ASSERT_MESSAGE(name, !found.empty());
            return found;
        };

        const auto answer = proxy.get(fetchPath(host + "/team/traced:v1"),
                                      {{"traceparent", Parent}, {"tracestate", "vendor=x"}, {"X-Request-Id", "told"}});
        CPPUNIT_ASSERT_EQUAL(404, answer.status);
        for (const auto& head : seen("traced")) {
            CPPUNIT_ASSERT_MESSAGE(head, head.find("\r\ntraceparent: 00-" + TraceId + "-") != head.npos);
            CPPUNIT_ASSERT_MESSAGE(head, head.find("b7ad6b7169203331") == head.npos);
            CPPUNIT_ASSERT_MESSAGE(head, head.find("\r\ntracestate: vendor=x\r\n") != head.npos);
        }
        int traced = 0;
        for (const auto& line : linesOf(proxy.log())) {
            if (line.find("\"request\":\"told\"") == line.npos) continue;
            CPPUNIT_ASSERT_MESSAGE(line, line.find("\"trace\":\"" + TraceId + "\"") != line.npos);
            ++traced;
        }
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), traced >= 2); // of the pull, and of the answer

        proxy.get(fetchPath(host + "/team/forged:v1"), {{"traceparent", Parent + "0"}, {"tracestate", "vendor=x"}});
        proxy.get(fetchPath(host + "/team/plain:v1"));
        for (const char* name : {"forged", "plain"})
            for (const auto& head : seen(name))
                CPPUNIT_ASSERT_MESSAGE(head, head.find("trace") == head.npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ObservabilityScenarios);
