// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleInspector.h"
#include "Artifact.h"

#include <algorithm>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

std::string leb(std::uint64_t value) {
    std::string out;
    do {
        const auto low = static_cast<unsigned char>(value & 0x7f);
        value >>= 7;
        out += static_cast<char>(low | (value ? 0x80 : 0));
    } while (value);
    return out;
}
std::string named(const std::string& name) {
    return leb(name.size()) + name;
}
std::string section(char id, const std::string& body) {
    return id + leb(body.size()) + body;
}
std::string exported(const std::string& name, char kind = 0) {
    return named(name) + kind + leb(3);
}
std::string exports(const std::vector<std::string>& items) {
    std::string body = leb(items.size());
    for (const auto& item : items)
        body += item;
    return section(7, body);
}
std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values)
        out += static_cast<char>(value);
    return out;
}

ModuleFacts inspect(const std::string& module) {
    MemoryBlob blob(module);
    return inspectModule(blob);
}

std::string refusal(const std::string& module) {
    try {
        inspect(module);
    } catch (const Error& error) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), int(ErrorCode::ModuleUnusable), int(error.code()));
        return error.what();
    }
    CPPUNIT_FAIL("taken");
    return {};
}

} // namespace

class ModuleInspectorTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ModuleInspectorTest);
    CPPUNIT_TEST(header);
    CPPUNIT_TEST(importsAndExports);
    CPPUNIT_TEST(importKinds);
    CPPUNIT_TEST(proxyAbi);
    CPPUNIT_TEST(manyNames);
    CPPUNIT_TEST(longNames);
    CPPUNIT_TEST(strangeNames);
    CPPUNIT_TEST(overruns);
    CPPUNIT_TEST(numbers);
    CPPUNIT_TEST(truncatedAnywhere);
    CPPUNIT_TEST(countsAreNotBelieved);
    CPPUNIT_TEST(manySections);
    CPPUNIT_TEST_SUITE_END();

    void header() {
        CPPUNIT_ASSERT_NO_THROW(checkModuleHeader(coreModule().data(), 8));
        CPPUNIT_ASSERT_EQUAL(std::string(), moduleHeaderProblem(coreModule(100)));
        assertContains("component", refusal(componentModule()));
        assertContains("component of an unknown version",
                       moduleHeaderProblem(bytes({0, 'a', 's', 'm', 0x0e, 0, 1, 0})));
        assertContains("an HTML page", refusal("<html><body>"));
        assertContains("is empty", refusal(""));
        assertContains("ends inside", refusal(coreModule().substr(0, 7)));
        CPPUNIT_ASSERT_THROW(checkModuleHeader("GIF89a..", 8), Error);
    }
    void importsAndExports() {
        const std::string module =
            coreModule(300) +
            section(2, leb(2) + named("env") + named("proxy_log") + bytes({0, 5}) + named("wasi_snapshot_preview1") +
                           named("fd_write") + bytes({0, 1})) +
            section(0, "anything") +
            exports({exported("memory", 2), exported("proxy_on_memory_allocate"), exported("proxy_abi_version_0_2_1")});
        const ModuleFacts facts = inspect(module);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), facts.imports.size());
        CPPUNIT_ASSERT_EQUAL(std::string("env.proxy_log"), facts.imports[0]);
        CPPUNIT_ASSERT_EQUAL(std::string("wasi_snapshot_preview1.fd_write"), facts.imports[1]);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), facts.exports.size());
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), facts.exports[0]);
        CPPUNIT_ASSERT_EQUAL(std::string("0.2.1"), facts.proxyAbi);
        const ModuleFacts empty = inspect(coreModule());
        CPPUNIT_ASSERT(empty.exports.empty() && empty.imports.empty() && empty.proxyAbi.empty());
    }
    void importKinds() {
        const std::pair<const char*, std::string> kinds[] = {
            {"function", bytes({0, 0x80, 0x01})},
            {"table", bytes({1, 0x70, 0, 1})},
            {"table-max", bytes({1, 0x6f, 1, 1, 0xff, 0x7f})},
            {"table-typed", bytes({1, 0x63, 0x81, 0x01, 0, 9})},
            {"memory", bytes({2, 0, 17})},
            {"memory-shared", bytes({2, 3, 1, 0x80, 0x80, 0x04})},
            {"memory-64", bytes({2, 5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x7f})},
            {"global", bytes({3, 0x7f, 1})},
            {"tag", bytes({4, 0, 2})},
        };
        std::string body = leb(std::size(kinds));
        for (const auto& [name, payload] : kinds)
            body += named("m") + named(name) + payload;
        const ModuleFacts facts = inspect(coreModule() + section(2, body));
        CPPUNIT_ASSERT_EQUAL(std::size(kinds), facts.imports.size());
        for (std::size_t i = 0; i < std::size(kinds); ++i)
            CPPUNIT_ASSERT_EQUAL(std::string("m.") + kinds[i].first, facts.imports[i]);
        assertContains("unknown kind 9",
                       refusal(coreModule() + section(2, leb(1) + named("m") + named("n") + bytes({9, 0}))));
    }
    void proxyAbi() {
        const std::pair<const char*, const char*> cases[] = {
            {"proxy_abi_version_0_1_0", "0.1.0"},
            {"proxy_abi_version_0_2_0", "0.2.0"},
            {"proxy_abi_version_10_20_30", "10.20.30"},
            {"proxy_abi_version_0_2", ""},
            {"proxy_abi_version_0_2_1_9", ""},
            {"proxy_abi_version_0__2", ""},
            {"proxy_abi_version_", ""},
            {"proxy_abi_version_0_2_x", ""},
            {"xproxy_abi_version_0_2_1", ""},
            {"proxy_abi_version_0_2_", ""},
        };
        for (const auto& [name, version] : cases)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string(version),
                                         inspect(coreModule() + exports({exported(name)})).proxyAbi);
        // A memory or a global of that name says nothing.
        CPPUNIT_ASSERT_EQUAL(std::string(),
                             inspect(coreModule() + exports({exported("proxy_abi_version_0_2_1", 3)})).proxyAbi);
    }
    void manyNames() {
        std::vector<std::string> items;
        for (int i = 0; i < 5000; ++i)
            items.push_back(exported("f" + std::to_string(i)));
        items.push_back(exported("proxy_abi_version_0_2_0"));
        const ModuleFacts facts = inspect(coreModule() + exports(items));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1000), facts.exports.size());
        CPPUNIT_ASSERT_EQUAL(std::string("0.2.0"), facts.proxyAbi);
    }
    void longNames() {
        const ModuleFacts facts =
            inspect(coreModule() + exports({exported(std::string(4096, 'a')), exported(std::string(4097, 'b')),
                                            exported(std::string(200000, 'c')), exported("d")}));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), facts.exports.size());
        CPPUNIT_ASSERT_EQUAL(std::string("d"), facts.exports[1]);
    }
    void strangeNames() {
        const ModuleFacts facts = inspect(coreModule() + exports({exported("a\n\x1b\xff\"")}));
        CPPUNIT_ASSERT_EQUAL(std::string("a\\x0a\\x1b\\xff\""), facts.exports.at(0));
    }
    void overruns() {
        assertContains("overruns the file", refusal(coreModule() + bytes({0, 5, 1, 2})));
        assertContains("overruns the file", refusal(coreModule() + bytes({0, 0xff, 0xff, 0xff, 0xff, 0x0f})));
        assertContains("overruns its section",
                       refusal(coreModule() + section(7, leb(1) + leb(100) + "abc") + std::string(200, 0)));
        assertContains("breaks off", refusal(coreModule() + section(7, leb(2) + exported("a"))));
        assertContains("breaks off", refusal(coreModule() + section(2, leb(1) + named("a"))));
        assertContains("breaks off", refusal(coreModule() + bytes({0})));
    }
    void numbers() {
        assertContains("32 bits", refusal(coreModule() + bytes({0, 0xff, 0xff, 0xff, 0xff, 0x1f})));
        assertContains("32 bits", refusal(coreModule() + bytes({0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0})));
        const std::string padded = coreModule() + bytes({0, 0x82, 0x80, 0x80, 0x80, 0, 'a', 'b'});
        CPPUNIT_ASSERT_NO_THROW(inspect(padded));
        assertContains("does not end", refusal(coreModule() + section(2, leb(1) + named("m") + named("n") +
                                                                             bytes({2, 4}) + std::string(11, '\xff'))));
    }
    void truncatedAnywhere() {
        const std::string whole = coreModule() + section(2, leb(1) + named("env") + named("f") + bytes({0, 5})) +
                                  exports({exported("memory", 2), exported("g")});
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const bool between = size == 8 || size == 8 + 2 + 9;
            if (between)
                CPPUNIT_ASSERT_NO_THROW(inspect(whole.substr(0, size)));
            else
                CPPUNIT_ASSERT(!refusal(whole.substr(0, size)).empty());
        }
    }
    void countsAreNotBelieved() {
        assertContains("breaks off", refusal(coreModule() + section(7, leb(0xffffffff) + exported("a"))));
        // Two million exports of four bytes: half are walked.
        std::string padded = coreModule() + bytes({7}) + leb(3 + 2000000 * 4) + leb(2000000);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), leb(2000000).size());
        MemoryBlob blob(padded, exported("x"), 2000000);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1000), inspectModule(blob).exports.size());
    }
    void manySections() {
        MemoryBlob blob(coreModule(), bytes({0, 0}), 1000001);
        CPPUNIT_ASSERT_THROW(inspectModule(blob), Error);
        MemoryBlob fewer(coreModule(), bytes({0, 0}), 1000);
        CPPUNIT_ASSERT_NO_THROW(inspectModule(fewer));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ModuleInspectorTest);
