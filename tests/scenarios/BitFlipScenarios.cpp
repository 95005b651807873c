// SPDX-License-Identifier: Apache-2.0
#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

using namespace wasmproxy::test;
namespace fs = std::filesystem;

/// A thousand single bits of store and index are flipped while the proxy is stopped.
class BitFlipScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BitFlipScenarios);
    CPPUNIT_TEST(noWrongByteIsServed);
    CPPUNIT_TEST_SUITE_END();

    static constexpr int Modules = 20;
    static constexpr int Starts = 20;
    static constexpr int FlipsPerStart = 50;

    std::mt19937_64 _random{1000};

    std::uint64_t below(std::uint64_t bound) {
        return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(_random);
    }

    void flipOne(const std::string& path) {
        const auto size = fs::file_size(path);
        if (size == 0) return;
        const auto offset = static_cast<std::streamoff>(below(size));
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        char byte = 0;
        file.seekg(offset).get(byte);
        file.seekp(offset).put(static_cast<char>(byte ^ (1 << below(8))));
    }

    void noWrongByteIsServed() {
        PrivateRegistry upstream;
        std::vector<std::string> modules, digests;
        for (int i = 0; i < Modules; ++i) {
            modules.push_back(uniqueModule("flip " + std::to_string(i), 3000));
            digests.push_back(upstream.put("team/m" + std::to_string(i) + ":v1", istioArtifact(modules.back())));
        }
        Proxy proxy({upstream.registry.host()});
        const auto repository = [&](int i) { return upstream.registry.host() + "/team/m" + std::to_string(i); };
        const auto askAll = [&](const std::string& where) {
            for (int i = 0; i < Modules; ++i) {
                const auto place = static_cast<std::size_t>(i);
                for (const auto& reference : {repository(i) + ":v1", repository(i) + "@" + digests[place]}) {
                    const auto answer = proxy.fetch(reference);
                    CPPUNIT_ASSERT_MESSAGE(where + reference + ": wrong bytes",
                                           answer.status != 200 || answer.body == modules[place]);
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where + reference + "\n" + proxy.log(), 200, answer.status);
                }
                const auto bySha256 = proxy.get("/modules/sha256/" + sha256Hex(modules[place]) + ".wasm");
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where + proxy.log(), 200, bySha256.status);
                CPPUNIT_ASSERT_MESSAGE(where + "wrong bytes", bySha256.body == modules[place]);
            }
        };
        askAll("at first: ");
        int flips = 0;
        double bad = 0;
        for (int start = 0; start < Starts; ++start) {
            CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
            std::vector<std::string> files;
            for (const auto& entry : fs::recursive_directory_iterator(proxy.blobs() + "/blobs"))
                if (entry.is_regular_file()) files.push_back(entry.path());
            for (int i = 0; i < FlipsPerStart; ++i, ++flips) {
                // A fifth of them hits the index, now and then its copy too.
                const auto dice = below(50);
                flipOne(dice == 0   ? proxy.folder() / "index.db.copy"
                        : dice < 10 ? proxy.folder() / "index.db"
                                    : files[below(files.size())]);
            }
            proxy.start();
            askAll("start " + std::to_string(start) + ": ");
            bad += proxy.metric("wasm_proxy_cache_bad_contents_total{cache=\"main\"}");
        }
        std::size_t setAside = 0;
        for (const auto& entry : fs::directory_iterator(proxy.folder().path()))
            setAside += entry.path().filename().string().find("index.db.bad-") == 0 &&
                        entry.path().string().find("-wal") == std::string::npos;
        std::cout << flips << " flips before " << Starts << " starts: " << bad << " damaged contents were found, "
                  << setAside << " databases were set aside, no wrong byte was served\n";
        CPPUNIT_ASSERT_EQUAL(1000, flips);
        CPPUNIT_ASSERT(bad > 100);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BitFlipScenarios);
