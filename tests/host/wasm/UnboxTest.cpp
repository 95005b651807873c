// SPDX-License-Identifier: Apache-2.0
#include "wasm/Unbox.h"

#include "ArchiveBuilder.h"
#include "MemoryBlob.h"
#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using wasmproxy::test::expectError;

class UnboxTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UnboxTest);
    CPPUNIT_TEST(takesWhatIstioAgentTakes);
    CPPUNIT_TEST(refusesWhatHoldsNoModule);
    CPPUNIT_TEST(isBounded);
    CPPUNIT_TEST_SUITE_END();

    static std::string unboxed(const std::string& bytes, FoundModule* found = nullptr, ModuleLimits limits = {}) {
        MemoryBlob blob(bytes);
        std::string out;
        const auto result = unboxModule(
            blob, "the file", [&](const char* data, std::size_t size) { out.append(data, size); }, limits);
        if (found) *found = result;
        return out;
    }

public:
    void takesWhatIstioAgentTakes() {
        const auto module = coreModule(4000);
        const auto tar = ArchiveBuilder("ustar").directory("d").file("d/first.wasm", module).file("b", "x").tar();
        const std::pair<const char*, std::string> files[] = {
            {"raw", module},
            {"gz", gzip(module)},
            {"tar", tar},
            {"tar.gz", gzip(tar)},
            {"tar of gz", ArchiveBuilder().file("m.gz", gzip(module)).tar()},
            {"gz.gz", gzip(gzip(module))},
            {"zst", zstd(module)},
        };
        for (const auto& [name, bytes] : files)
            CPPUNIT_ASSERT_MESSAGE(name, unboxed(bytes) == module);
        FoundModule found;
        unboxed(gzip(tar), &found);
        CPPUNIT_ASSERT_EQUAL(std::string("d/first.wasm"), found.entry);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(4000), found.size);
    }

    void refusesWhatHoldsNoModule() {
        const auto refused = [](const std::string& name, const std::string& words, const std::string& bytes) {
            expectError(name, ErrorCode::ModuleUnusable, words, [&] { unboxed(bytes); });
        };
        refused("empty", "empty", "");
        refused("html", "an HTML page", "<!doctype html><html>captive portal</html>");
        refused("component", "component", componentModule());
        refused("tar without file", "without a file", ArchiveBuilder().directory("d").tar());
        // The first file counts, as it does for the agent.
        refused("first file", "the file", ArchiveBuilder().file("README", "hello").file("m.wasm", coreModule()).tar());
        refused("cut gzip", "the file", gzip(coreModule(100000)).substr(0, 300));
    }

    void isBounded() {
        ModuleLimits limits;
        limits.moduleBytes = 1000;
        expectError("large", ErrorCode::ModuleUnusable, "larger", [&] { unboxed(coreModule(2000), nullptr, limits); });
        expectError("large inside", ErrorCode::ModuleUnusable, "larger",
                    [&] { unboxed(gzip(coreModule(2000)), nullptr, limits); });
        std::string bytes = coreModule();
        for (int i = 0; i < 6; ++i)
            bytes = gzip(bytes);
        expectError("deep", ErrorCode::ModuleUnusable, "deep", [&] { unboxed(bytes); });
        expectError("bomb", ErrorCode::ModuleUnusable, "the file",
                    [&] { unboxed(gzip(coreModule() + std::string(64u << 20, '\0'))); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UnboxTest);
