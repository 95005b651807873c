// SPDX-License-Identifier: Apache-2.0
#include "observe/Metrics.h"

#include <Poco/RegularExpression.h>
#include <cppunit/extensions/HelperMacros.h>

#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace wasmproxy::host {

class MetricsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MetricsTest);
    CPPUNIT_TEST(dataPlane);
    CPPUNIT_TEST(requestDurations);
    CPPUNIT_TEST(pulls);
    CPPUNIT_TEST(plugins);
    CPPUNIT_TEST(registryLimits);
    CPPUNIT_TEST(upstreamLabelsAreBounded);
    CPPUNIT_TEST(textIsWellFormed);
    CPPUNIT_TEST(countsFromManyThreads);
    CPPUNIT_TEST_SUITE_END();

    static void has(const Metrics& metrics, const std::string& line) {
        CPPUNIT_ASSERT_MESSAGE(line + "\nnot in\n" + metrics.text(),
                               ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos);
    }

    static std::size_t count(const std::string& text, const std::string& start) {
        std::istringstream lines(text);
        std::size_t found = 0;
        for (std::string line; std::getline(lines, line);)
            found += line.compare(0, start.size(), start) == 0;
        return found;
    }

public:
    void dataPlane() {
        Metrics metrics;
        has(metrics, "wasm_proxy_requests_total{status=\"200\",surface=\"fetch\"} 0");
        metrics.request("fetch", 200, 0.01);
        metrics.request("fetch", 200, 0.01);
        metrics.request("modules", 404, 0.01);
        metrics.request("elsewhere", 299, 0.01);
        metrics.request("fetch", -1, 0.01);
        metrics.request("fetch", 600, 0.01);
        has(metrics, "wasm_proxy_requests_total{status=\"200\",surface=\"fetch\"} 2");
        has(metrics, "wasm_proxy_requests_total{status=\"404\",surface=\"modules\"} 1");
        has(metrics, "wasm_proxy_requests_total{status=\"other\",surface=\"other\"} 1");
        has(metrics, "wasm_proxy_requests_total{status=\"other\",surface=\"fetch\"} 2");
        metrics.cacheAnswer("hit");
        metrics.cacheAnswer("stale");
        metrics.cacheAnswer("stale");
        has(metrics, "wasm_proxy_cache_answers_total{result=\"hit\"} 1");
        has(metrics, "wasm_proxy_cache_answers_total{result=\"miss\"} 0");
        has(metrics, "wasm_proxy_cache_answers_total{result=\"stale\"} 2");
        metrics.connectionOpened();
        metrics.connectionOpened();
        metrics.connectionClosed();
        has(metrics, "wasm_proxy_connections 1");
        metrics.bytesSent(1024);
        metrics.bytesSent(1);
        has(metrics, "wasm_proxy_sent_bytes_total 1025");
    }

    void requestDurations() {
        Metrics metrics;
        for (const double seconds : {0.0001, 0.0005, 0.003, 14.0, 20.0, -1.0})
            metrics.request("fetch", 200, seconds);
        const std::string bucket = "wasm_proxy_request_duration_seconds_bucket{surface=\"fetch\",le=";
        has(metrics, "# TYPE wasm_proxy_request_duration_seconds histogram");
        has(metrics, bucket + "\"0.0005\"} 3"); // the bound belongs to its bucket
        has(metrics, bucket + "\"0.0025\"} 3");
        has(metrics, bucket + "\"0.005\"} 4");
        has(metrics, bucket + "\"10\"} 4");
        has(metrics, bucket + "\"15\"} 5");
        has(metrics, bucket + "\"+Inf\"} 6");
        has(metrics, "wasm_proxy_request_duration_seconds_count{surface=\"fetch\"} 6");
        has(metrics, "wasm_proxy_request_duration_seconds_sum{surface=\"fetch\"} 34.0036");
        has(metrics, "wasm_proxy_request_duration_seconds_count{surface=\"modules\"} 0");
    }

    void pulls() {
        Metrics metrics;
        metrics.pull("success", 0.2);
        metrics.pull("UPSTREAM_INVALID", 2);
        has(metrics, "wasm_proxy_pulls_total{result=\"success\"} 1");
        has(metrics, "wasm_proxy_pulls_total{result=\"UPSTREAM_INVALID\"} 1");
        has(metrics, "wasm_proxy_pull_duration_seconds_count 2");
        metrics.flightStarted();
        metrics.flightStarted();
        metrics.flightEnded();
        has(metrics, "wasm_proxy_flights 1");
        metrics.waiters(3);
        metrics.waiters(-1);
        has(metrics, "wasm_proxy_waiters 2");
        metrics.queueDepth(7);
        has(metrics, "wasm_proxy_queue_depth 7");
        metrics.cacheBytes(65536);
        has(metrics, "wasm_proxy_cache_bytes 65536");
        metrics.modules(12);
        has(metrics, "wasm_proxy_modules 12");
        const Poco::RegularExpression version("wasm_proxy_build_info\\{version=\"\\d+\\.\\d+\\.\\d+\"\\} 1");
        Poco::RegularExpression::Match match;
        CPPUNIT_ASSERT_EQUAL(1, version.match(metrics.text(), match));
    }

    void plugins() {
        Metrics metrics;
        metrics.pluginCall("team", "find", 0.01, false);
        metrics.pluginCall("team", "find", 0.01, true);
        has(metrics, "wasm_proxy_plugin_calls_total{component=\"team\",method=\"find\",result=\"success\"} 1");
        has(metrics, "wasm_proxy_plugin_calls_total{component=\"team\",method=\"find\",result=\"failure\"} 1");
        has(metrics, "wasm_proxy_plugin_call_duration_seconds_count{component=\"team\",method=\"find\"} 2");
    }

    void registryLimits() {
        Metrics metrics;
        metrics.registryLimit("backend.hub", 100, 76);
        has(metrics, "wasm_proxy_registry_limit{component=\"backend.hub\"} 100");
        has(metrics, "wasm_proxy_registry_limit_remaining{component=\"backend.hub\"} 76");
        metrics.registryLimit("backend.hub", -1, 0);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count(metrics.text(), "wasm_proxy_registry_limit{"));
        has(metrics, "wasm_proxy_registry_limit_remaining{component=\"backend.hub\"} 0");
        metrics.registryLimit("backend.hub", -1, -1);
        metrics.registryLimit("backend.other", -1, -1);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count(metrics.text(), "wasm_proxy_registry_limit"));
    }

    void upstreamLabelsAreBounded() {
        Metrics metrics;
        for (int i = 0; i < 1000; ++i)
            metrics.upstreamRequest("r" + std::to_string(i) + ".example.com", "GET", 200);
        CPPUNIT_ASSERT_EQUAL(std::size_t(201), count(metrics.text(), "wasm_proxy_upstream_requests_total{"));
        const auto line = [](const char* registry, const char* method, const char* status) {
            return std::string("wasm_proxy_upstream_requests_total{method=\"") + method + "\",registry=\"" + registry +
                   "\",status=\"" + status + "\"} ";
        };
        has(metrics, line("other", "GET", "200") + "800");
        metrics.upstreamRequest("r0.example.com", "GET", 200);
        has(metrics, line("r0.example.com", "GET", "200") + "2");
        metrics.upstreamRequest("r1.example.com", "HEAD", 0);
        has(metrics, line("r1.example.com", "HEAD", "none") + "1");
        metrics.upstreamRequest("r1.example.com", "\n} evil", 799);
        has(metrics, line("r1.example.com", "other", "other") + "1");
        metrics.upstreamRequest(std::string(70000, 'x'), "GET", 404);
        has(metrics, line("other", "GET", "404") + "1");
    }

    void textIsWellFormed() {
        Metrics metrics;
        metrics.request("fetch", 200, 0.01);
        metrics.pull("success", 0.2);
        metrics.upstreamRequest("a", "GET", 200);
        metrics.pluginCall("main", "open", 0.01, false);
        const Poco::RegularExpression sample("(wasm_proxy_[a-z_]+)(\\{([a-z]+=\"[^\"]*\",?)+\\})? [0-9.e+-]+");
        const Poco::RegularExpression comment("# (HELP|TYPE) (wasm_proxy_[a-z_]+) .+");
        std::istringstream lines(metrics.text());
        std::set<std::string> series;
        for (std::string line; std::getline(lines, line);) {
            CPPUNIT_ASSERT_MESSAGE(line, (line[0] == '#' ? comment : sample).match(line));
            if (line[0] == '#') continue;
            CPPUNIT_ASSERT_MESSAGE(line, series.insert(line.substr(0, line.rfind(' '))).second);
        }
        CPPUNIT_ASSERT(series.size() > 50);
    }

    void countsFromManyThreads() {
        Metrics metrics;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&metrics] {
                for (int i = 0; i < 5000; ++i)
                    metrics.request("fetch", 200, 0.001);
                for (int i = 0; i < 500; ++i)
                    metrics.upstreamRequest("r" + std::to_string(i % 7), "GET", 200);
            });
        }
        for (std::thread& thread : threads)
            thread.join();
        has(metrics, "wasm_proxy_requests_total{status=\"200\",surface=\"fetch\"} 20000");
        has(metrics, "wasm_proxy_request_duration_seconds_count{surface=\"fetch\"} 20000");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MetricsTest);

} // namespace wasmproxy::host
