// SPDX-License-Identifier: Apache-2.0
// Metrics and alert rules before Prometheus' own judge, where it is installed.
#include "Observability.h"
#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <iostream>

using namespace wasmproxy::test;

class PromtoolScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PromtoolScenarios);
    CPPUNIT_TEST(metricsAreAsPrometheusWantsThem);
    CPPUNIT_TEST(alertsAreRulesAndPassTheirTests);
    CPPUNIT_TEST(theDashboardsExpressionsAreExpressions);
    CPPUNIT_TEST_SUITE_END();

    const std::string _rules = SOURCE_ROOT "/packaging/observability/alerts";
    TemporaryFolder _folder;
    std::string _promtool;

public:
    void setUp() override {
        const char* named = std::getenv("PROMTOOL");
        _promtool = named ? named : "promtool";
        try {
            run(_promtool, {"--version"});
        } catch (const std::exception&) {
            if (named) throw; // whoever names it means it
            std::cout
                << "\nSKIPPED: metrics and alert rules were not checked by promtool: it is not installed (Debian's "
                   "package prometheus)"
                << std::endl;
            _promtool.clear();
        }
    }

    void metricsAreAsPrometheusWantsThem() {
        if (_promtool.empty()) return;
        PrivateRegistry registry;
        registry.push("team/authz:v1", uniqueModule("promtool"));
        Proxy proxy({registry.registry.host()});
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(registry.registry.host() + "/team/authz:v1").status);
        Child::Options options;
        options.inputFile = _folder.write("metrics.txt", proxy.health("/metrics").body);
        options.outputFile = _folder / "verdict.txt";
        Child check(_promtool, {"check", "metrics"}, options);
        const auto code = check.wait(std::chrono::seconds(30));
        CPPUNIT_ASSERT_MESSAGE(readFile(options.outputFile), code && *code == 0);
        CPPUNIT_ASSERT_EQUAL(std::string(), readFile(options.outputFile));
    }

    void alertsAreRulesAndPassTheirTests() {
        if (_promtool.empty()) return;
        run(_promtool, {"check", "rules", "--lint=all", "--lint-fatal", _rules + ".yaml"});
        run(_promtool, {"test", "rules", _rules + "-test.yaml"});
    }

    void theDashboardsExpressionsAreExpressions() {
        if (_promtool.empty()) return;
        std::string rules = "groups:\n  - name: dashboard\n    rules:\n";
        int number = 0;
        for (const auto& expression : dashboardExpressions())
            rules += "      - {record: 'panel:" + std::to_string(++number) + "', expr: '" + expression + "'}\n";
        run(_promtool, {"check", "rules", _folder.write("dashboard.yaml", rules)});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PromtoolScenarios);
