// SPDX-License-Identifier: Apache-2.0
#include "DiskFixture.h"

#include "Quarantine.h"

#include <thread>

using namespace wasmproxy;

class QuarantineTest : public DiskFixture {
    CPPUNIT_TEST_SUITE(QuarantineTest);
    CPPUNIT_TEST(whatIsPutAsideIsGoneFromTheStore);
    CPPUNIT_TEST(theOldestLeave);
    CPPUNIT_TEST(noneIsKeptWithoutRoom);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<disk::DiskStore> bounded(const std::string& bytes) {
        auto settings = std::make_unique<disk::DiskSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply({{"directory", directory, "t"}, {"quarantine", bytes, "t"}}, "cache.local.", problems);
        CPPUNIT_ASSERT(problems.empty());
        return std::make_unique<disk::DiskStore>(host, std::move(settings));
    }
    static CacheQuarantine& of(CacheStore& store) {
        auto* ability = static_cast<CacheQuarantine*>(store.ability(CacheQuarantine::Id));
        CPPUNIT_ASSERT(ability && !store.ability("cache-quarantine/2"));
        return *ability;
    }

    void whatIsPutAsideIsGoneFromTheStore() {
        const auto store = make();
        const auto digest = put(*store, "damaged");
        auto work = call();
        const auto reader = store->open(work, digest);
        CPPUNIT_ASSERT(of(*store).quarantine(work, digest));
        CPPUNIT_ASSERT(!of(*store).quarantine(work, digest) && !of(*store).quarantine(work, Digest()));
        CPPUNIT_ASSERT(!store->open(work, digest) && visited(*store).empty());
        char byte = 0;
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), reader->read(0, &byte, 1)); // who has it open keeps it
        CPPUNIT_ASSERT(of(*store).quarantined().contents == 1 && of(*store).quarantined().bytes == 7);
        const auto name = std::filesystem::directory_iterator(directory + "/quarantine")->path().filename().string();
        CPPUNIT_ASSERT_EQUAL("-sha256-" + std::string(digest.hex()), name.substr(13));
        put(*store, "damaged"); // fetched again
        CPPUNIT_ASSERT_EQUAL(std::string("damaged"), get(*store, digest));
    }

    void theOldestLeave() {
        {
            const auto store = bounded("100B");
            for (char c = 'a'; c < 'f'; ++c) {
                auto work = call();
                CPPUNIT_ASSERT(of(*store).quarantine(work, put(*store, std::string(30, c))));
                std::this_thread::sleep_for(std::chrono::milliseconds(2)); // names are in the order of time
            }
            CPPUNIT_ASSERT(of(*store).quarantined().contents == 3 && of(*store).quarantined().bytes == 90);
            for (const char c : {'a', 'b', 'c', 'd', 'e'}) {
                const auto digest = Digest::of(std::string(30, c));
                bool there = false;
                for (const auto& entry : std::filesystem::directory_iterator(directory + "/quarantine"))
                    there = there || entry.path().filename().string().substr(21) == digest.hex();
                CPPUNIT_ASSERT_EQUAL(c > 'b', there);
            }
        }
        const auto store = bounded("70B"); // less than before
        CPPUNIT_ASSERT(of(*store).quarantined().contents == 2 && of(*store).quarantined().bytes == 60);
        for (int i = 0; i < 130; ++i) {
            auto work = call();
            of(*store).quarantine(work, put(*store, i % 2 == 0 ? "" : "x"));
        }
        CPPUNIT_ASSERT(of(*store).quarantined().contents <= disk::Quarantine::MostFiles);
    }

    void noneIsKeptWithoutRoom() {
        for (const auto* bytes : {"0B", "6B"}) {
            const auto store = bounded(bytes);
            auto work = call();
            CPPUNIT_ASSERT(of(*store).quarantine(work, put(*store, "damaged")));
            CPPUNIT_ASSERT(visited(*store).empty() && of(*store).quarantined().contents == 0);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(QuarantineTest);
