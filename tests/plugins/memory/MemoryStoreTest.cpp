// SPDX-License-Identifier: Apache-2.0
#include "MemoryStore.h"

#include "plugins/RecordingHost.h"
#include "wasmproxy/testing/CacheStoreSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <thread>

using namespace wasmproxy;
using memory::Content;
using memory::MemorySettings;
using memory::MemoryStore;

class MemoryStoreTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MemoryStoreTest);
    CPPUNIT_TEST(keepsTheContractOfCacheStores);
    CPPUNIT_TEST(takesNothingPastItsBound);
    CPPUNIT_TEST(whatIsReadCountsUntilItIsLetGo);
    CPPUNIT_TEST(whatFailsOrIsAbandonedIsGivenBack);
    CPPUNIT_TEST(largeContentsCanBeSentAndNotChanged);
    CPPUNIT_TEST(smallContentsUseNoDescriptor);
    CPPUNIT_TEST(manyThreadsNeverPassTheBound);
    CPPUNIT_TEST(aBoundThatHoldsNothingIsAProblem);
    CPPUNIT_TEST_SUITE_END();

    RecordingHost _host;

    static std::unique_ptr<MemorySettings> settings(const std::string& bytes) {
        auto result = std::make_unique<MemorySettings>();
        std::vector<SettingsProblem> problems;
        result->apply({{"max-bytes", bytes, "test.ini:1"}}, "cache.hot.", problems);
        CPPUNIT_ASSERT(problems.empty());
        return result;
    }
    static Call call() { return {"test", Call::Clock::now() + std::chrono::seconds(60)}; }
    static Digest put(MemoryStore& store, const std::string& bytes) {
        auto work = call();
        const auto ingest = store.ingest(work, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        ingest->commit(Digest::of(bytes));
        return Digest::of(bytes);
    }
    static std::string faultOf(MemoryStore& store, const std::string& bytes) {
        try {
            put(store, bytes);
        } catch (const Error& error) {
            CPPUNIT_ASSERT(error.code() == ErrorCode::StorageFault);
            return std::string(error.what()) + " / " + error.hint();
        }
        return "none";
    }

public:
    void keepsTheContractOfCacheStores() {
        testing::CacheStoreOptions options;
        options.persistent = false;
        options.bigBlob = 4 << 20;
        const auto make = [](HostServices& host) { return std::make_unique<MemoryStore>(host, settings("64MiB")); };
        const auto findings = testing::checkCacheStore(make, _host, options);
        CPPUNIT_ASSERT(findings.size() > 10);
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void takesNothingPastItsBound() {
        MemoryStore store(_host, settings("1MiB"));
        const auto first = put(store, std::string(600 << 10, 'a'));
        const auto fault = faultOf(store, std::string(600 << 10, 'b'));
        CPPUNIT_ASSERT_MESSAGE(fault, fault.find("max-bytes = 1048576") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(fault, fault.find("raise max-bytes") != std::string::npos);
        auto work = call();
        CPPUNIT_ASSERT(store.open(work, first));
        CPPUNIT_ASSERT(!store.open(work, Digest::of(std::string(600 << 10, 'b'))));
        CPPUNIT_ASSERT(store.remove(work, first));
        CPPUNIT_ASSERT_EQUAL(std::string("none"), faultOf(store, std::string(600 << 10, 'b')));
    }

    void whatIsReadCountsUntilItIsLetGo() {
        MemoryStore store(_host, settings("1MiB"));
        const std::string bytes(600 << 10, 'a');
        const auto digest = put(store, bytes);
        auto work = call();
        auto blob = store.open(work, digest);
        CPPUNIT_ASSERT(store.remove(work, digest));
        CPPUNIT_ASSERT(faultOf(store, std::string(600 << 10, 'b')) != "none");
        std::string read(bytes.size(), '\0');
        CPPUNIT_ASSERT_EQUAL(read.size(), blob->read(0, read.data(), read.size()));
        CPPUNIT_ASSERT(read == bytes);
        blob.reset();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), store.used());
        CPPUNIT_ASSERT_EQUAL(std::string("none"), faultOf(store, std::string(600 << 10, 'b')));
    }

    void whatFailsOrIsAbandonedIsGivenBack() {
        MemoryStore store(_host, settings("1MiB"));
        const std::string part(300 << 10, 'x');
        auto work = call();
        {
            const auto abandoned = store.ingest(work, part.size());
            abandoned->write(part.data(), part.size());
            CPPUNIT_ASSERT(store.used() >= part.size());
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), store.used());
        const auto failing = store.ingest(work, ~std::uint64_t(0));
        for (int i = 0; i < 3; ++i)
            failing->write(part.data(), part.size());
        CPPUNIT_ASSERT_THROW(failing->write(part.data(), part.size()), Error);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), store.used());
        CPPUNIT_ASSERT_THROW(failing->commit(Digest::of("x")), Error);
        put(store, part);
        put(store, part); // the second one is the first
        CPPUNIT_ASSERT(store.used() < 2 * part.size());
    }

    void largeContentsCanBeSentAndNotChanged() {
        MemoryStore store(_host, settings("1MiB"));
        std::string bytes;
        for (int i = 0; bytes.size() < 100000; ++i)
            bytes += std::to_string(i);
        auto work = call();
        const auto ingest = store.ingest(work, bytes.size());
        for (std::size_t at = 0; at < bytes.size(); at += 1000) // small first, then large
            ingest->write(bytes.data() + at, std::min<std::size_t>(1000, bytes.size() - at));
        ingest->commit(Digest::of(bytes));
        const auto blob = store.open(work, Digest::of(bytes));
        CPPUNIT_ASSERT(blob->descriptor() >= 0);
        std::string read(bytes.size() + 10, '\0');
        CPPUNIT_ASSERT_EQUAL(ssize_t(bytes.size()), ::pread(blob->descriptor(), read.data(), read.size(), 0));
        CPPUNIT_ASSERT(read.compare(0, bytes.size(), bytes) == 0);
        CPPUNIT_ASSERT_EQUAL(ssize_t(-1), ::pwrite(blob->descriptor(), "x", 1, 0));
        CPPUNIT_ASSERT_EQUAL(-1, ::ftruncate(blob->descriptor(), 10));
        CPPUNIT_ASSERT_EQUAL(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                             ::fcntl(blob->descriptor(), F_GET_SEALS));
    }

    void smallContentsUseNoDescriptor() {
        MemoryStore store(_host, settings("1MiB"));
        auto work = call();
        CPPUNIT_ASSERT_EQUAL(-1, store.open(work, put(store, std::string(Content::Small, 's')))->descriptor());
        CPPUNIT_ASSERT(store.open(work, put(store, std::string(Content::Small + 1, 's')))->descriptor() >= 0);
        CPPUNIT_ASSERT_EQUAL(std::string("none"), faultOf(store, ""));
    }

    void manyThreadsNeverPassTheBound() {
        constexpr std::uint64_t Bound = 1 << 20;
        MemoryStore store(_host, settings("1MiB"));
        std::atomic<int> taken{0}, refused{0};
        std::atomic<bool> passed{false};
        std::vector<std::thread> threads;
        for (unsigned each = 0; each < 4; ++each)
            threads.emplace_back([&, each] {
                std::minstd_rand random(each + 1);
                for (int i = 0; i < 300; ++i) {
                    const std::string bytes(random() % 200000, static_cast<char>('a' + each));
                    (faultOf(store, bytes) == "none" ? taken : refused)++;
                    passed = passed || store.used() > Bound;
                    auto work = call();
                    if (random() % 2) store.remove(work, Digest::of(bytes));
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT(!passed);
        CPPUNIT_ASSERT(taken > 0 && refused > 0);
        std::vector<Digest> left;
        auto work = call();
        store.visit(work, [&](const StoredBlob& blob) { left.push_back(blob.digest); });
        for (const auto& digest : left)
            CPPUNIT_ASSERT(store.remove(work, digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), store.used());
    }

    void aBoundThatHoldsNothingIsAProblem() {
        MemorySettings wrong;
        std::vector<SettingsProblem> problems;
        wrong.apply({{"max-bytes", "100KiB", "test.ini:7"}}, "cache.hot.", problems);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), problems.size());
        CPPUNIT_ASSERT_EQUAL(std::string("cache.hot.max-bytes"), problems[0].key);
        CPPUNIT_ASSERT_EQUAL(std::string("test.ini:7"), problems[0].origin);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MemoryStoreTest);
