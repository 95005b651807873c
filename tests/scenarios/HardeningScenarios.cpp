// SPDX-License-Identifier: Apache-2.0
// What the process does so that its memory, and with it the credentials in it, stay its own.
#include "Rig.h"

#include "support/RawClient.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

using namespace wasmproxy::test;
namespace fs = std::filesystem;

class HardeningScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HardeningScenarios);
    CPPUNIT_TEST(thereIsNoCoreFile);
    CPPUNIT_TEST(noDescriptorIsInherited);
    CPPUNIT_TEST_SUITE_END();

    static std::string proc(Proxy& proxy, const std::string& file) {
        return "/proc/" + std::to_string(proxy.child().pid()) + "/" + file;
    }

    void thereIsNoCoreFile() {
        Proxy proxy({"registry.example.com"});
        std::istringstream limits(readFile(proc(proxy, "limits")));
        std::string line;
        while (std::getline(limits, line) && line.find("Max core file size") == std::string::npos) {
        }
        std::istringstream words(line.substr(std::min<std::size_t>(line.size(), 18)));
        std::string soft;
        std::string hard;
        words >> soft >> hard;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(line, std::string("0"), soft);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(line, std::string("0"), hard);
    }

    /// Inodes of sockets that listen.
    static std::set<std::string> listeners(const std::string& table) {
        std::set<std::string> inodes;
        std::istringstream lines(readFile(table));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::vector<std::string> each;
            for (std::string word; words >> word;)
                each.push_back(word);
            if (each.size() > 9 && each[3] == "0A") inodes.insert("socket:[" + each[9] + "]");
        }
        return inodes;
    }

    /// With a request of every kind behind it and connections open: no program would inherit a listener or a file. What
    /// libraries open while it runs, connections and what they wait with, they do not mark.
    void noDescriptorIsInherited() {
        PrivateRegistry upstream;
        upstream.push("team/open:v1", uniqueModule("open"));
        Proxy::Options options{upstream.registry.host()};
        options.more = "[extensions]\ndirectory = " BUILD_ROOT "\n";
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(upstream.registry.host() + "/team/open:v1").status);
        CPPUNIT_ASSERT_EQUAL(200, proxy.admin("/api/v1/modules").status);
        CPPUNIT_ASSERT_EQUAL(200, proxy.health("/metrics").status);
        wasmproxy::host::test::RawClient data(static_cast<std::uint16_t>(proxy.dataPort()));
        wasmproxy::host::test::RawClient admin(static_cast<std::uint16_t>(proxy.adminPort()));
        wasmproxy::host::test::RawClient health(static_cast<std::uint16_t>(proxy.healthPort()));
        data.send("GET /x HTTP/1.1\r\n"); // they wait for the rest
        admin.send("GET /api/v1/modules HTTP/1.1\r\n");
        health.send("GET /healthz HTTP/1.1\r\n");
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        const auto listening = listeners(proc(proxy, "net/tcp"));
        std::string open;
        int libraries = 0;
        int closed = 0;
        for (const auto& entry : fs::directory_iterator(proc(proxy, "fd"))) {
            const auto number = entry.path().filename().string();
            if (std::stoi(number) <= 2) continue;
            std::error_code gone;
            const auto what = fs::read_symlink(entry.path(), gone).string();
            if (gone || fs::read_symlink("/proc/self/fd/" + number, gone).string() == what) continue; // our own gift
            const auto info = readFile(proc(proxy, "fdinfo/" + number));
            const auto at = info.find("flags:");
            const auto flags = std::stoul(info.substr(at + 6), nullptr, 8);
            if ((flags & O_CLOEXEC) != 0)
                ++closed;
            else if (listening.count(what) == 0 && (what.find("socket:") == 0 || what == "anon_inode:[eventpoll]"))
                ++libraries;
            else
                open += number + " " + what + "\n";
        }
        std::cout << closed << " descriptors close on exec, " << libraries << " of libraries do not ";
        CPPUNIT_ASSERT_EQUAL(std::string(), open);
        CPPUNIT_ASSERT(closed > 8);
        CPPUNIT_ASSERT(listening.size() >= 3);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HardeningScenarios);
