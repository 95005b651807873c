// SPDX-License-Identifier: Apache-2.0
#include "Mount.h"
#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sys/statvfs.h>
#include <thread>
#include <unistd.h>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace fs = std::filesystem;

/// The disk under cache and index fails or lies.
class StorageScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StorageScenarios);
    CPPUNIT_TEST(aFullDiskIsServedFromMemory);
    CPPUNIT_TEST(noIndexStopsServing);
    CPPUNIT_TEST(flipsUnderAnOpenBlobAreFoundByTheNextScrub);
    CPPUNIT_TEST_SUITE_END();

protected:
    static void flip(const std::string& path, std::uint64_t bit) {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        char byte = 0;
        file.seekg(static_cast<std::streamoff>(bit / 8)).get(byte);
        byte = static_cast<char>(byte ^ (1 << (bit % 8)));
        file.seekp(static_cast<std::streamoff>(bit / 8)).put(byte);
        file.flush();
        if (!file) throw std::runtime_error("cannot flip a bit of " + path);
    }

    template <class Condition>
    static void waitFor(const Proxy& proxy, const std::string& what, Condition condition) {
        for (int i = 0; i < 300; ++i) {
            if (condition()) return;
            std::this_thread::sleep_for(milliseconds(50));
        }
        CPPUNIT_FAIL("waited in vain until " + what + "\n" + proxy.log());
    }

    static void fill(const std::string& file, std::uint64_t leave) {
        struct statvfs space {};
        CPPUNIT_ASSERT_EQUAL(0, ::statvfs(fs::path(file).parent_path().c_str(), &space));
        const auto free = std::uint64_t(space.f_bavail) * space.f_bsize;
        CPPUNIT_ASSERT(free > leave);
        std::ofstream(file) << std::string(free - leave, 'x');
    }

    void aFullDiskIsServedFromMemory() {
        PrivateRegistry upstream;
        std::vector<std::string> modules;
        for (int i = 0; i < 8; ++i) {
            modules.push_back(uniqueModule("full " + std::to_string(i), 100000));
            upstream.put("team/full:v" + std::to_string(i), istioArtifact(modules.back()));
        }
        const auto reference = [&](int i) { return upstream.registry.host() + "/team/full:v" + std::to_string(i); };
        Proxy::Options options{upstream.registry.host()};
        // For three layers or modules, not for all of them.
        options.environment = {{"WASM_PROXY__PULL__SPARE_MEMORY", "350KiB"}};
        Proxy proxy(options);
        const auto small = smallDisk(proxy);
        if (!small) return;
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(reference(0)).status);
        const auto filler = proxy.blobs() + "/filler";
        fill(filler, 16 * 1024);
        double slowest = 0;
        const auto good = [&](int i) {
            const auto answer = proxy.fetch(reference(i));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(i) + "\n" + proxy.log(), 200, answer.status);
            CPPUNIT_ASSERT(answer.body == modules[static_cast<std::size_t>(i)]);
            slowest = std::max(slowest, answer.seconds);
        };
        for (int round = 0; round < 2; ++round)
            for (int i = 0; i < 6; ++i)
                good(i); // more than the spare memory holds: the oldest leave
        std::cout << "on a full disk: the slowest of 12 pulls and hits took " << slowest << " s\n";
        CPPUNIT_ASSERT(slowest < 5);
        CPPUNIT_ASSERT(proxy.metric("wasm_proxy_spare_memory_bytes") > 90000);
        CPPUNIT_ASSERT(!fs::exists(proxy.blobOf(modules[5])));
        CPPUNIT_ASSERT(fs::is_empty(proxy.blobs() + "/ingest"));
        // A restart on the full disk serves what it has and pulls what it has not.
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
        proxy.start();
        good(0);
        good(6);
        fs::remove(filler);
        std::this_thread::sleep_for(milliseconds(5100)); // then the disk is tried again
        good(7);
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), fs::exists(proxy.blobOf(modules[7])));
        good(0);
    }

    void noIndexStopsServing() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("index", 20000);
        const auto digest = upstream.push("team/index:v1", module);
        const auto tag = upstream.registry.host() + "/team/index:v1";
        Proxy proxy({upstream.registry.host()});
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(tag).status);
        CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
        upstream.registry.stop(); // whatever is served comes from here
        const auto index = proxy.folder() / "index.db";
        const auto whole = readFile(index);
        const auto copy = readFile(index + ".copy");
        const auto serves = [&](const std::string& fault) {
            proxy.start();
            for (const auto& reference : {tag, upstream.registry.host() + "/team/index@" + digest}) {
                const auto answer = proxy.fetch(reference);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(fault + "\n" + proxy.log(), 200, answer.status);
                CPPUNIT_ASSERT(answer.body == module);
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(fault, 0, proxy.terminate());
        };
        const auto write = [](const std::string& path, const std::string& bytes) {
            std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
        };
        const auto fresh = [&] {
            for (const auto* suffix : {"-wal", "-shm"})
                fs::remove(index + suffix);
            write(index, whole);
            write(index + ".copy", copy);
        };
        serves("a good one");
        fresh();
        fs::remove(index);
        serves("missing");
        fresh();
        write(index, std::string(whole.size(), 'x'));
        serves("overwritten");
        fresh();
        write(index, whole.substr(0, whole.size() / 2));
        serves("cut");
        fresh();
        auto newer = whole;
        newer[63] = 99; // the schema's version, as a later program would leave it
        write(index, newer);
        serves("of a newer schema");
        bool kept = false; // for the newer program
        for (const auto& entry : fs::directory_iterator(proxy.folder().path()))
            kept = kept || (entry.path().string().find(".bad-") != std::string::npos && entry.is_regular_file() &&
                            readFile(entry.path()) == newer);
        CPPUNIT_ASSERT(kept);
        fresh();
        write(index + ".copy", "damaged");
        serves("with a damaged copy");
        fresh();
        const Mount pinned(index, index, nullptr, MS_BIND, nullptr);
        if (pinned.mounted && ::mount("none", index.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0)
            serves("read-only");
        else
            std::cout << "SKIPPED: no file can be made read-only here\n";
    }

    void flipsUnderAnOpenBlobAreFoundByTheNextScrub() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("scrub", 50000);
        upstream.push("team/scrub:v1", module);
        const auto reference = upstream.registry.host() + "/team/scrub:v1";
        Proxy::Options options{upstream.registry.host()};
        options.environment = {{"WASM_PROXY__CACHE__MAIN__SCRUB_EVERY", "300ms"},
                               {"WASM_PROXY__CACHE__MAIN__SCRUB_RATE", "100MiB"}};
        Proxy proxy(options);
        for (int round = 1; round <= 3; ++round) {
            CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(reference).status);
            CPPUNIT_ASSERT(proxy.fetch(reference).header("X-Cache") == "HIT"); // it is open
            flip(proxy.blobOf(module), 8 * 20000 + static_cast<std::uint64_t>(round));
            waitFor(proxy, "the scrub finds it",
                    [&] { return proxy.metric("wasm_proxy_cache_bad_contents_total{cache=\"main\"}") >= round; });
            const auto again = proxy.fetch(reference);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, again.status);
            CPPUNIT_ASSERT(again.body == module);
            CPPUNIT_ASSERT(fs::exists(proxy.blobOf(module)));
        }
        CPPUNIT_ASSERT(proxy.metric("wasm_proxy_cache_quarantined_contents{cache=\"main\"}") >= 3);
        CPPUNIT_ASSERT(proxy.admin("/api/v1/cache").body.find("\"lastScrub\"") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StorageScenarios);
