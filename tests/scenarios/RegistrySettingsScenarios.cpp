// SPDX-License-Identifier: Apache-2.0
// What every registry backend can be told: the program accepts it for each plugin, and nothing for a plugin that has no
// use for it.
#include "Rig.h"

#include "support/Certificate.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

using namespace wasmproxy::test;

class RegistrySettingsScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RegistrySettingsScenarios);
    CPPUNIT_TEST(everyBackendHasTheCommonSettings);
    CPPUNIT_TEST(endpointsOfACloudAreItsBackendsOnly);
    CPPUNIT_TEST_SUITE_END();

    struct Plugin {
        std::string name;
        std::vector<std::string> endpoints; ///< besides `endpoint`
    };
    const std::vector<Plugin> _plugins = {
        {"oci", {}},
        {"dockerhub", {}},
        {"harbor", {}},
        {"ecr", {"api-endpoint", "sts-endpoint", "metadata-endpoint"}},
        {"gcr", {"token-endpoint", "api-endpoint", "sts-endpoint", "metadata-endpoint"}}};
    TemporaryFolder _folder;

    /// Code and output of --check-config with these lines in [backend.x].
    std::pair<int, std::string> check(const std::string& backend) const {
        const auto file = _folder.write(
            "wasm-proxy.ini", "[index]\npath = " + (_folder / "index.db") +
                                  "\n[cache.main]\ndirectory = " + (_folder / "blobs") +
                                  "\n[backend.near]\nplugin = oci\nendpoint = near.example.test\n" +
                                  "[backend.nearer]\nplugin = oci\nendpoint = nearer.example.test:5000\n[backend.x]\n" +
                                  backend + "\n[route.x]\nmatch = registry.example.test/**\nbackend = x\n");
        Child::Options options;
        options.outputFile = _folder.write("output", "");
        Child child(BUILD_ROOT "/bin/wasm-proxy", {"--config=" + file, "--check-config"}, options);
        const auto code = child.wait(std::chrono::seconds(60));
        return {code.value_or(-1), readFile(options.outputFile)};
    }
    std::string common() const {
        const Certificate certificate({"registry.example.test"});
        return "endpoint = registry.example.test:8443\nplain-http = false\ntoken-realms = auth.example.test\n"
               "mirrors = near, nearer\nproxy = http://127.0.0.1:3128\nno-proxy = near.example.test\nca-file = " +
               _folder.write("ca.pem", certificate.pem()) +
               "\nclient-certificate = " + _folder.write("client.pem", certificate.pem()) +
               "\nclient-key = " + _folder.write("client-key.pem", certificate.keyPem()) + "\n";
    }

    void everyBackendHasTheCommonSettings() {
        const auto shared = common();
        for (const auto& plugin : _plugins) {
            std::string lines = "plugin = " + plugin.name + "\n" + shared;
            for (const auto& key : plugin.endpoints)
                lines += key + " = https://" + key + ".example.test\n";
            const auto [code, output] = check(lines);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(plugin.name + ": " + output, 0, code);
        }
    }

    void endpointsOfACloudAreItsBackendsOnly() {
        const std::vector<std::string> keys = {"token-endpoint", "api-endpoint", "sts-endpoint", "metadata-endpoint"};
        for (const auto& plugin : _plugins) {
            // With a user name in it no backend takes it; the message tells whether it knows the key.
            std::string lines = "plugin = " + plugin.name + "\n";
            for (const auto& key : keys)
                lines += key + " = https://u:canary@x\n";
            const auto [code, output] = check(lines);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(plugin.name + ": " + output, 78, code);
            CPPUNIT_ASSERT_MESSAGE(output, output.find("canary") == std::string::npos);
            for (const auto& key : keys) {
                const auto at = output.find("backend.x." + key);
                CPPUNIT_ASSERT_MESSAGE(key + ": " + output, at != std::string::npos);
                const auto line = output.substr(at, output.find('\n', at) - at);
                const auto& own = plugin.endpoints;
                CPPUNIT_ASSERT_EQUAL_MESSAGE(plugin.name + ": " + line,
                                             std::find(own.begin(), own.end(), key) != own.end(),
                                             line.find("user name") != std::string::npos);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistrySettingsScenarios);
