// SPDX-License-Identifier: Apache-2.0
#include "FileRules.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::test {

class FileRulesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FileRulesTest);
    CPPUNIT_TEST(testRules);
    CPPUNIT_TEST(testTree);
    CPPUNIT_TEST_SUITE_END();

public:
    void testRules() {
        const std::string license = "SPDX-License-Identifier: Apache-2.0";
        const auto count = [&](const std::string& path, std::vector<std::string> lines, bool withLicense = true) {
            if (withLicense) lines.insert(lines.begin(), "// " + license);
            return flaws({path, lines}).size();
        };
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.cpp", {"#pragma once"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {"#pragma once"}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {"", "// " + license}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("run", {"#!/usr/bin/env bash", "# " + license}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("run", {"#!/usr/bin/env bash"}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.xml", {"<?xml?>", "<!-- " + license + " -->"}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.json", {"{}"}, false));

        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.cpp", {std::string(120, 'x')}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.cpp", {std::string(118, 'x') + "é…"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {std::string(121, 'x')}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.json", {std::string(121, 'x')}, false));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {"x "}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {"\tx"}));

        for (const std::string word : {"Manager", "Helper", "Util", "Utils", "Processor", "Info", "Data", "Context"}) {
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.h", {"class Module" + word + " {"}));
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.h", {"struct " + word + " final : Base {"}));
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.h", {"using " + word + " = int;"}));
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.h", {"class " + word + "; // of others"}));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.h", {"class DataPlane {"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.h", {"class InfoLine {"}));

        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {std::string("read(\"/ho") + "me/someone/x\");"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), count("a.cpp", {"read(\"/tmp/home/x\");"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), count("a.cpp", {std::string("Poco::Util::Application::") + "instance()"}));
    }

    void testTree() {
        const auto files = readTree({"sdk", "host", "plugins", "tests", "packaging", "config"});
        std::vector<std::string> problems;
        for (const auto& file : files)
            for (auto& flaw : flaws(file))
                problems.push_back(std::move(flaw));
        CPPUNIT_ASSERT_MESSAGE("only " + std::to_string(files.size()) + " files were found", files.size() > 300);
        CPPUNIT_ASSERT_MESSAGE(joined(problems), problems.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FileRulesTest);

} // namespace wasmproxy::test
