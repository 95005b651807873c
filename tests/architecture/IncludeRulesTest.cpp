// SPDX-License-Identifier: Apache-2.0
#include "IncludeRules.h"
#include "SourceTree.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <set>

namespace wasmproxy::test {

class IncludeRulesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IncludeRulesTest);
    CPPUNIT_TEST(testRules);
    CPPUNIT_TEST(testReading);
    CPPUNIT_TEST(testTree);
    CPPUNIT_TEST(testWhatPullReaches);
    CPPUNIT_TEST_SUITE_END();

    /// Written by CMake, not in the tree.
    static bool isGenerated(const Include& include) { return include.name == "Version.h"; }

public:
    void testRules() {
        struct Row {
            const char* file;
            const char* header;
            bool allowed;
        };
        const Row rows[] = {
            {"sdk/include/wasmproxy/plugin/Call.h", "sdk/include/wasmproxy/oci/Error.h", true},
            {"sdk/include/wasmproxy/oci/Error.h", "sdk/include/wasmproxy/plugin/Call.h", false},
            {"sdk/src/oci/Digest.cpp", "sdk/include/wasmproxy/plugin/Call.h", false},
            {"sdk/src/plugin/Settings.cpp", "sdk/src/oci/Printable.h", true},
            {"sdk/src/plugin/Settings.cpp", "sdk/include/wasmproxy/distribution/Challenge.h", false},
            {"sdk/src/testing/Checklist.cpp", "sdk/include/wasmproxy/distribution/Challenge.h", false},
            {"sdk/src/distribution/Challenge.cpp", "sdk/include/wasmproxy/testing/FixedClock.h", false},
            {"sdk/src/attic/Old.cpp", "sdk/include/wasmproxy/oci/Error.h", false},
            {"sdk/src/plugin/Settings.cpp", "host/observe/Log.h", false},
            {"sdk/include/wasmproxy/plugin/Settings.h", "<Poco/Net/IPAddress.h>", false},
            {"sdk/include/wasmproxy/plugin/Settings.h", "<boost/optional.hpp>", false},
            {"sdk/include/wasmproxy/plugin/Settings.h", "<libpsl.h>", false},
            {"sdk/src/distribution/RealmRules.cpp", "<libpsl.h>", true},
            {"host/extensions/Extension.cpp", "<yaml-cpp/yaml.h>", true},
            {"sdk/src/kubernetes/Kubeconfig.cpp", "<yaml-cpp/yaml.h>", true},
            {"host/settings/IniReader.cpp", "<yaml-cpp/yaml.h>", false},
            {"plugins/credentials/vault/Plugin.cpp", "<yaml-cpp/yaml.h>", false},
            {"plugins/caches/redis/Request.cpp", "<hiredis/hiredis.h>", true},
            {"plugins/caches/disk/A.cpp", "<hiredis/hiredis.h>", false},
            {"sdk/src/testing/FakeRegistry.cpp", "<curl/curl.h>", false},
            {"plugins/caches/disk/A.cpp", "plugins/caches/disk/A.h", true},
            {"plugins/caches/disk/A.cpp", "plugins/credentials/file/Base64.h", false},
            {"plugins/caches/disk/A.cpp", "sdk/include/wasmproxy/plugin/CacheStore.h", true},
            {"plugins/caches/disk/A.cpp", "sdk/src/oci/Printable.h", false},
            {"plugins/caches/disk/A.cpp", "host/observe/Log.h", false},
            {"plugins/caches/disk/A.cpp", "<filesystem>", true},
            {"plugins/caches/disk/A.cpp", "<sys/stat.h>", true},
            {"plugins/caches/disk/A.cpp", "<Poco/Net/StreamSocket.h>", false},
            {"plugins/caches/disk/A.cpp", "<zlib.h>", false},
            {"host/Host.cpp", "host/admin/AdminServer.h", true},
            {"host/Host.cpp", "plugins/caches/disk/DiskStore.h", false},
            {"host/pull/A.cpp", "host/routing/RouteTable.h", true},
            {"host/pull/A.cpp", "host/dataplane/DataPlane.h", false},
            {"host/pull/A.cpp", "host/Host.h", false},
            {"host/pull/A.cpp", "<Poco/Data/Session.h>", false},
            {"host/pull/A.cpp", "<Poco/Net/Socket.h>", false},
            {"host/routing/A.cpp", "host/pull/Flight.h", false},
            {"host/cellar/A.cpp", "host/pull/Flight.h", false},
            {"host/pull/A.cpp", "sdk/include/wasmproxy/distribution/Challenge.h", false},
            {"host/pull/A.cpp", "sdk/src/oci/Printable.h", false},
            {"host/dataplane/A.cpp", "<boost/asio/post.hpp>", true},
            {"host/admin/A.cpp", "<boost/asio/post.hpp>", false},
            {"host/dataplane/A.cpp", "<curl/curl.h>", false},
            {"host/pull/A.cpp", "<archive.h>", false},
            {"host/pull/A.cpp", "<prometheus/counter.h>", false},
            {"host/pull/A.cpp", "", false},
        };
        for (const auto& row : rows)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.file) + " includes " + row.header, row.allowed,
                                         objection(row.file, row.header).empty());
    }

    void testReading() {
        const SourceFile file{"plugins/caches/disk/A.cpp",
                              {"#include \"DiskStore.h\"", "  #  include <Poco/Net/Socket.h> // why",
                               "#include \"../../credentials/file/SecretFile.h\"", "#include \"observe/Log.h\"",
                               "#include \"wasmproxy/plugin/Call.h\"", "#include \"Nowhere.h\"", "// #include <no>"}};
        const char* expected[] = {"plugins/caches/disk/DiskStore.h",       "<Poco/Net/Socket.h>",
                                  "plugins/credentials/file/SecretFile.h", "host/observe/Log.h",
                                  "sdk/include/wasmproxy/plugin/Call.h",   ""};
        const auto includes = file.includes();
        CPPUNIT_ASSERT_EQUAL(std::size(expected), includes.size());
        for (std::size_t at = 0; at < includes.size(); ++at)
            CPPUNIT_ASSERT_EQUAL(std::string(expected[at]), resolve(file, includes[at]));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), includes[1].line);
    }

    void testTree() {
        std::vector<std::string> problems;
        std::size_t count = 0;
        for (const auto& file : readTree({"sdk", "host", "plugins"})) {
            if (!file.isCxx()) continue;
            for (const auto& include : file.includes()) {
                ++count;
                if (file.path.rfind("host/", 0) == 0 && isGenerated(include)) continue;
                const auto reason = objection(file.path, resolve(file, include));
                if (!reason.empty())
                    problems.push_back(file.path + ":" + std::to_string(include.line) + ": " + include.name + ": " +
                                       reason);
            }
        }
        CPPUNIT_ASSERT_MESSAGE("only " + std::to_string(count) + " includes were found", count > 1000);
        CPPUNIT_ASSERT_MESSAGE(joined(problems), problems.empty());
    }

    /// Through its own headers and those of the rooms it stands on, the room of pulls sees no network or database.
    void testWhatPullReaches() {
        std::map<std::string, SourceFile> files;
        std::vector<std::string> open;
        for (auto& file : readTree({"sdk/include", "host"})) {
            if (file.path.rfind("host/pull/", 0) == 0) open.push_back(file.path);
            files.emplace(file.path, file);
        }
        std::set<std::string> seen;
        std::vector<std::string> problems;
        while (!open.empty()) {
            const auto path = open.back();
            open.pop_back();
            if (!seen.insert(path).second || !files.count(path)) continue;
            for (const auto& include : files.at(path).includes()) {
                const auto header = resolve(files.at(path), include);
                for (const std::string foreign : {"<Poco/Net/", "<Poco/Data/", "<curl/", "<boost/", "<sqlite3"})
                    if (header.rfind(foreign, 0) == 0) problems.push_back(path + " includes " + header);
                open.push_back(header);
            }
        }
        CPPUNIT_ASSERT(seen.count("host/index/DigestIndex.h"));
        CPPUNIT_ASSERT(seen.count("sdk/include/wasmproxy/oci/Error.h"));
        CPPUNIT_ASSERT_MESSAGE(joined(problems), problems.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IncludeRulesTest);

} // namespace wasmproxy::test
