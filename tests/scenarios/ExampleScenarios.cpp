// SPDX-License-Identifier: Apache-2.0
// Every example is what an operator may copy: the program itself accepts it, plugins' keys and all.
#include "Rig.h"

#include "support/Certificate.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

using namespace wasmproxy::test;

class ExampleScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExampleScenarios);
    CPPUNIT_TEST(everyExamplePassesTheCheck);
    CPPUNIT_TEST(aWrongKeyOfAPluginDoesNot);
    CPPUNIT_TEST_SUITE_END();

    TemporaryFolder _folder;

    static std::string capitals(std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](char c) {
            return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        });
        return text;
    }

    /// Something of the kind that a key names, where the test may read and write.
    std::string standIn(const std::string& key, const std::string& name) const {
        if (key == "directory") return _folder / ("directory-" + name);
        if (key == "path") return _folder / "index.db";
        static const Certificate certificate({"registry.example.com"});
        const auto ends = [&](const std::string& tail) {
            return key.size() >= tail.size() && key.compare(key.size() - tail.size(), tail.size(), tail) == 0;
        };
        if (key == "ca-file" || ends("certificate")) return _folder.write(key + ".pem", certificate.pem());
        if (ends("-key")) return _folder.write(key + ".pem", certificate.keyPem());
        if (key == "docker-config") return _folder.write(key + ".json", R"({"auths":{}})");
        return _folder.write(key, "secret\n");
    }

    /// Paths of the machine, by the environment: the rest of the file is taken as it is.
    std::map<std::string, std::string> environmentFor(const std::string& file) const {
        std::map<std::string, std::string> environment{{"WASM_PROXY__INDEX__PATH", _folder / "index.db"}};
        std::istringstream lines(readFile(file));
        std::string section;
        for (std::string line; std::getline(lines, line);) {
            if (line.empty() || line[0] == '#') continue;
            if (line[0] == '[') {
                section = line.substr(1, line.find(']') - 1);
                continue;
            }
            const auto equals = line.find(" = ");
            if (equals == std::string::npos || line.compare(equals + 3, 1, "/") != 0) continue;
            const auto key = line.substr(0, equals);
            std::string variable = section;
            if (const auto dot = variable.find('.'); dot != std::string::npos) variable.replace(dot, 1, "__");
            environment["WASM_PROXY__" + capitals(variable) + "__" + capitals(key)] = standIn(key, section);
        }
        return environment;
    }

    std::pair<int, std::string> check(const std::string& file) const {
        Child::Options options;
        options.outputFile = _folder.write("output", "");
        options.environment = environmentFor(file);
        Child child(BUILD_ROOT "/bin/wasm-proxy", {"--config=" + file, "--check-config"}, options);
        const auto code = child.wait(std::chrono::seconds(60));
        return {code.value_or(-1), readFile(options.outputFile)};
    }

    void everyExamplePassesTheCheck() {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(SOURCE_ROOT "/config/examples")) {
            if (entry.path().extension() != ".ini") continue;
            const auto [code, output] = check(entry.path());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(entry.path().string() + ":\n" + output, 0, code);
            names.push_back(entry.path().stem());
        }
        for (const char* name : {"acr", "generic", "ghcr", "gitlab", "quay"})
            CPPUNIT_ASSERT_MESSAGE(name, std::find(names.begin(), names.end(), name) != names.end());
        std::cout << names.size() << " examples pass --check-config\n";
    }

    void aWrongKeyOfAPluginDoesNot() {
        auto text = readFile(SOURCE_ROOT "/config/examples/gitlab.ini");
        const std::string key = "token-realms";
        text.replace(text.find(key), key.size(), "token-realm");
        const auto [code, output] = check(_folder.write("wrong.ini", text));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(output, 78, code);
        CPPUNIT_ASSERT_MESSAGE(output, output.find("backend.self-managed.token-realm") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExampleScenarios);
