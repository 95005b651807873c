// SPDX-License-Identifier: Apache-2.0
#include "MemoryStores.h"

#include "pull/CacheTiers.h"
#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using wasmproxy::test::expectError;

/// What becomes of a pull while the main tier cannot be written.
class SpareMemoryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SpareMemoryTest);
    CPPUNIT_TEST(whatTheMainTierCannotTakeIsServedFromMemory);
    CPPUNIT_TEST(aWriteThatFailsIsBegunAgain);
    CPPUNIT_TEST(theOldestLeaves);
    CPPUNIT_TEST(whatIsOpenCounts);
    CPPUNIT_TEST(withoutItTheErrorLeaves);
    CPPUNIT_TEST_SUITE_END();

    MemoryStore _main;
    Call _call{"test", Call::Clock::now() + std::chrono::minutes(10)};

    Digest put(CacheTiers& cache, const std::string& bytes) {
        const auto ingest = cache.ingest(_call, bytes.size());
        ingest->write(bytes.data(), bytes.size());
        ingest->commit(Digest::of(bytes));
        return Digest::of(bytes);
    }
    std::string get(CacheTiers& cache, const Digest& digest) {
        const auto blob = cache.openVerified(_call, digest);
        if (!blob) return "<absent>";
        std::string bytes(blob->size(), '\0');
        CPPUNIT_ASSERT_EQUAL(bytes.size(), blob->read(0, bytes.data(), bytes.size()));
        return bytes;
    }

    void whatTheMainTierCannotTakeIsServedFromMemory() {
        CacheTiers cache({{"main", &_main}}, {}, 1000);
        const auto before = put(cache, "before");
        _main.failWrites(true);
        const auto digest = put(cache, "module");
        CPPUNIT_ASSERT(cache.sparing() && !_main.has(digest));
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(cache, digest));
        CPPUNIT_ASSERT_EQUAL(std::string("before"), get(cache, before));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(6), cache.spareBytes());
        const auto blob = cache.openTrusted(_call, digest);
        CPPUNIT_ASSERT(blob->descriptor() >= 0); // it is sent as any other
        put(cache, "module");                    // again: in place of the first
        CPPUNIT_ASSERT(cache.remove(_call, digest));
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(cache, digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(6), cache.spareBytes()); // it is still open
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), cache.uses()[0].errors);
    }

    void aWriteThatFailsIsBegunAgain() {
        CacheTiers cache({{"main", &_main}}, {}, 1000);
        const auto ingest = cache.ingest(_call, 6);
        ingest->write("mod", 3);
        _main.failWrites(true);
        expectError("a full disk", ErrorCode::StorageFault, "today", [&] { ingest->write("ule", 3); });
        CPPUNIT_ASSERT(cache.sparing());
        CPPUNIT_ASSERT_EQUAL(std::string("module"), get(cache, put(cache, "module")));
    }

    void theOldestLeaves() {
        CacheTiers cache({{"main", &_main}}, {}, 100);
        std::vector<Digest> left;
        cache.onSpareLeaving([&](const Digest& digest) { left.push_back(digest); });
        _main.failWrites(true);
        const auto first = put(cache, std::string(40, 'a'));
        const auto second = put(cache, std::string(40, 'b'));
        const auto third = put(cache, std::string(40, 'c'));
        CPPUNIT_ASSERT(left == std::vector<Digest>{first});
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(cache, first));
        CPPUNIT_ASSERT_EQUAL(std::string(40, 'b'), get(cache, second));
        CPPUNIT_ASSERT_EQUAL(std::string(40, 'c'), get(cache, third));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(80), cache.spareBytes());
    }

    void whatIsOpenCounts() {
        CacheTiers cache({{"main", &_main}}, {}, 100);
        _main.failWrites(true);
        auto open = cache.openTrusted(_call, put(cache, std::string(60, 'a')));
        expectError("in use", ErrorCode::StorageFault, "pull.spare-memory is in use",
                    [&] { put(cache, std::string(60, 'b')); });
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(60), cache.spareBytes()); // what was begun is given back
        open.reset();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), cache.spareBytes());
        put(cache, std::string(60, 'b'));
        expectError("too large", ErrorCode::StorageFault, "pull.spare-memory is in use",
                    [&] { put(cache, std::string(101, 'c')); });
    }

    void withoutItTheErrorLeaves() {
        CacheTiers cache({{"main", &_main}});
        _main.failWrites(true);
        for (int i = 0; i < 2; ++i)
            expectError("a full disk", ErrorCode::StorageFault, "today", [&] { put(cache, "module"); });
        CPPUNIT_ASSERT(!cache.sparing());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SpareMemoryTest);
