// SPDX-License-Identifier: Apache-2.0
#include "SourceTree.h"

#include <Poco/RegularExpression.h>
#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace wasmproxy::test {

/// What the build made of the tree.
class BuiltTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BuiltTest);
    CPPUNIT_TEST(testPluginsExportOneSymbol);
    CPPUNIT_TEST(testSettingsReferenceIsCurrent);
    CPPUNIT_TEST_SUITE_END();

    /// One per folder plugins/<kind>/<name>.
    static std::set<std::string> plugins() {
        std::set<std::string> names;
        for (const auto& file : readTree({"plugins"})) {
            const auto folder = std::filesystem::path(file.path).parent_path();
            if (file.isCxx()) names.insert(folder.filename());
        }
        return names;
    }

public:
    void testPluginsExportOneSymbol() {
        CPPUNIT_ASSERT(plugins().size() >= 3);
        // What a sanitizer's runtime finds by name; there is none of it in a build without.
        const Poco::RegularExpression sanitizer(*SANITIZER ? "__(?:asan|lsan|msan|tsan|ubsan|sanitizer|odr)_.*"
                                                           : "(?!)");
        for (const auto& name : plugins()) {
            std::istringstream lines(output("nm -D --defined-only '" BUILD_ROOT "/plugins/" + name + ".so'"));
            std::string address, type, symbol, all;
            while (lines >> address >> type >> symbol)
                if (!sanitizer.match(symbol)) all += symbol + " ";
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("pocoBuildManifest "), all);
        }
    }

    void testSettingsReferenceIsCurrent() {
        const std::string command = BUILD_ROOT "/bin/wasm-proxy --print-settings=markdown";
        std::istringstream printed(output(command));
        std::ifstream kept(SOURCE_ROOT "/docs/configuration.md");
        const std::string update = "\nbring it up to date: " + command + " >docs/configuration.md";
        std::size_t count = 0;
        for (std::string expected, line; std::getline(printed, expected); ++count) {
            const bool more = static_cast<bool>(std::getline(kept, line));
            CPPUNIT_ASSERT_EQUAL_MESSAGE("docs/configuration.md:" + std::to_string(count + 1) + update, expected,
                                         more ? line : "(the end of the file)");
        }
        CPPUNIT_ASSERT_MESSAGE("only " + std::to_string(count) + " lines were printed", count > 50);
        std::string rest;
        CPPUNIT_ASSERT_MESSAGE("docs/configuration.md has more: " + rest + update, !std::getline(kept, rest));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BuiltTest);

} // namespace wasmproxy::test
