// SPDX-License-Identifier: Apache-2.0
#include "MemoryStores.h"

#include "pull/CacheTiers.h"
#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using wasmproxy::test::expectError;

class CacheTiersTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CacheTiersTest);
    CPPUNIT_TEST(theLastLocalTierIsTheMainOne);
    CPPUNIT_TEST(anOrderThatMeansNothingIsRefused);
    CPPUNIT_TEST(aHitIsCopiedIntoTheFasterTiers);
    CPPUNIT_TEST(aFasterTierKeepsWhatWasUsedLast);
    CPPUNIT_TEST(aFasterTierIsMadeSmaller);
    CPPUNIT_TEST(whatAFasterTierHeldIsCountedAtTheStart);
    CPPUNIT_TEST(aFasterTierThatFailsIsPassedBy);
    CPPUNIT_TEST(aSharedHitBecomesOneOfTheMainTier);
    CPPUNIT_TEST(sharedBytesThatAreNotTheirDigestAreNeverServed);
    CPPUNIT_TEST(aSharedTierThatFailsHasNothing);
    CPPUNIT_TEST(theMainTiersErrorsLeave);
    CPPUNIT_TEST(sharingCopiesIntoOneTier);
    CPPUNIT_TEST(removingLeavesWhatIsShared);
    CPPUNIT_TEST(theLeastRecentlyUsedGoesAsInAModel);
    CPPUNIT_TEST_SUITE_END();

    MemoryStore _hot, _main;
    FakeSharedStore _redis, _s3;
    std::vector<std::pair<Digest, std::uint64_t>> _stored;

    CacheTiers tiers(std::uint64_t hot = 100) {
        return CacheTiers({{"hot", &_hot, nullptr, hot}, {"main", &_main}, {"redis", &_redis, &_redis}},
                          [this](const Digest& digest, std::uint64_t size) { _stored.emplace_back(digest, size); });
    }
    static Call call() { return {"test", Call::Clock::now() + std::chrono::seconds(5)}; }
    static std::string text(const std::unique_ptr<Blob>& blob) {
        if (!blob) return "<absent>";
        std::string bytes(blob->size(), '\0');
        CPPUNIT_ASSERT_EQUAL(bytes.size(), blob->read(0, bytes.data(), bytes.size()));
        return bytes;
    }
    static std::string open(CacheTiers& tiers, const Digest& digest) {
        auto work = call();
        return text(tiers.openVerified(work, digest));
    }

public:
    void theLastLocalTierIsTheMainOne() {
        auto cache = tiers();
        CPPUNIT_ASSERT_EQUAL(std::string("main"), cache.main().name);
        CPPUNIT_ASSERT(cache.hasShared());
        auto work = call();
        const auto ingest = cache.ingest(work, 5);
        ingest->write("hello", 5);
        ingest->commit(Digest::of("hello"));
        CPPUNIT_ASSERT(_main.has(Digest::of("hello")));
        CPPUNIT_ASSERT(!_hot.has(Digest::of("hello")));
        CPPUNIT_ASSERT(!_redis.has(Digest::of("hello")));
        CPPUNIT_ASSERT(!CacheTiers({{"main", &_main}}).hasShared());
    }

    void anOrderThatMeansNothingIsRefused() {
        using Tiers = std::vector<CacheTiers::Tier>;
        const CacheTiers::Tier hot{"hot", &_hot}, main{"main", &_main}, redis{"redis", &_redis, &_redis};
        const auto refused = [](const std::string& words, const Tiers& tiers) {
            expectError(words, ErrorCode::SettingsInvalid, words, [&] { CacheTiers cache(tiers); });
        };
        refused("pull.caches: the first one, redis, is shared", {redis, main});
        refused("main is local and comes after redis, which is shared", {hot, redis, main});
        refused("there is no cache", {});
    }

    void aHitIsCopiedIntoTheFasterTiers() {
        auto cache = tiers();
        const auto digest = _main.put("module");
        CPPUNIT_ASSERT_EQUAL(std::string("module"), open(cache, digest));
        CPPUNIT_ASSERT(_hot.has(digest));
        _main.clear();
        CPPUNIT_ASSERT_EQUAL(std::string("module"), open(cache, digest));
        const auto uses = cache.uses();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), uses[0].hits);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), uses[0].misses);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(6), uses[0].held.bytes);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), uses[0].held.contents);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), uses[1].hits);
        _hot.spoil(digest, "m0dule"); // looked at like any other
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), open(cache, digest));
        CPPUNIT_ASSERT(!_hot.has(digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), cache.uses()[0].bad);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), cache.uses()[0].held.bytes);
    }

    void aFasterTierKeepsWhatWasUsedLast() {
        auto cache = tiers(10);
        std::vector<Digest> forgotten;
        cache.whenDropped([&](const Digest& digest) {
            CPPUNIT_ASSERT(_hot.has(digest)); // not yet
            forgotten.push_back(digest);
        });
        const auto a = _main.put("aaaa"), b = _main.put("bbbb"), c = _main.put("cccc");
        const auto large = _main.put("larger than that");
        open(cache, a);
        open(cache, b);
        open(cache, a); // in the faster tier
        open(cache, c);
        CPPUNIT_ASSERT(_hot.has(a) && !_hot.has(b) && _hot.has(c));
        CPPUNIT_ASSERT(std::vector<Digest>{b} == forgotten);
        CPPUNIT_ASSERT_EQUAL(std::string("larger than that"), open(cache, large));
        CPPUNIT_ASSERT(!_hot.has(large) && _hot.has(a) && _hot.has(c));
    }

    void aFasterTierIsMadeSmaller() {
        auto cache = tiers(12);
        const auto a = _main.put("aaaa"), b = _main.put("bbbb"), c = _main.put("cccc");
        for (const auto& each : {a, b, c, a})
            open(cache, each);
        cache.setCapacity("main", 1); // that is the Evictor's
        cache.setCapacity("hot", 8);
        CPPUNIT_ASSERT(_hot.has(a) && !_hot.has(b) && _hot.has(c));
        CPPUNIT_ASSERT(_main.has(a) && _main.has(b));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(8), cache.uses()[0].held.bytes);
        open(cache, b);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(8), cache.uses()[0].held.bytes);
    }

    void whatAFasterTierHeldIsCountedAtTheStart() {
        _hot.put("from the run before");
        _hot.put("and more");
        auto cache = tiers(20);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _hot.contents().size()); // the other has gone
        CPPUNIT_ASSERT(cache.uses()[0].held.bytes <= 20);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), cache.uses()[0].held.contents);
    }

    void aFasterTierThatFailsIsPassedBy() {
        auto cache = tiers();
        const auto digest = _main.put("module");
        _hot.fail(true);
        CPPUNIT_ASSERT_EQUAL(std::string("module"), open(cache, digest));
        CPPUNIT_ASSERT(cache.uses()[0].errors >= 2); // looking and copying
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), cache.uses()[0].held.bytes);
        auto work = call();
        CPPUNIT_ASSERT(cache.remove(work, digest));
    }

    void aSharedHitBecomesOneOfTheMainTier() {
        auto cache = tiers();
        const auto digest = _redis.put("pulled by another");
        CPPUNIT_ASSERT_EQUAL(std::string("pulled by another"), open(cache, digest));
        CPPUNIT_ASSERT(_main.has(digest));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _stored.size());
        CPPUNIT_ASSERT_EQUAL(digest.str(), _stored[0].first.str());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(17), _stored[0].second);
        _redis.clear();
        CPPUNIT_ASSERT_EQUAL(std::string("pulled by another"), open(cache, digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), cache.uses()[2].hits);
        auto work = call();
        const auto other = _redis.put("shared alone");
        CPPUNIT_ASSERT(!cache.openTrusted(work, other)); // nobody here has verified it
    }

    void sharedBytesThatAreNotTheirDigestAreNeverServed() {
        auto cache = tiers();
        const auto digest = Digest::of("module");
        for (const std::string wrong : {"m0dule", "modul", "module and more", ""}) {
            _redis.spoil(digest, wrong);
            CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), open(cache, digest));
            CPPUNIT_ASSERT(!_main.has(digest) && !_redis.has(digest));
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(4), cache.uses()[2].bad);
        CPPUNIT_ASSERT(_stored.empty());
    }

    void aSharedTierThatFailsHasNothing() {
        auto cache = tiers();
        const auto digest = _redis.put("module");
        _redis.fail(true);
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), open(cache, digest));
        _redis.fail(false);
        _redis.failReads(true); // cut in the middle
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), open(cache, digest));
        CPPUNIT_ASSERT(!_main.has(digest) && _redis.has(digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(2), cache.uses()[2].errors);
        _redis.failReads(false);
        CPPUNIT_ASSERT_EQUAL(std::string("module"), open(cache, digest));
        _redis.fail(true);
        _main.clear();
        CPPUNIT_ASSERT_EQUAL(std::string("module"), open(cache, _main.put("module")));
        Call late("late", Call::Clock::now() - std::chrono::seconds(1));
        expectError("a request that is over", ErrorCode::DeadlineExceeded, "shared cache",
                    [&] { cache.openVerified(late, Digest::of("nowhere")); });
    }

    void theMainTiersErrorsLeave() {
        auto cache = tiers();
        const auto digest = _redis.put("module");
        _main.fail(true);
        expectError("a full disk", ErrorCode::StorageFault, "today", [&] { open(cache, digest); });
    }

    void sharingCopiesIntoOneTier() {
        CacheTiers cache({{"main", &_main}, {"redis", &_redis, &_redis}, {"s3", &_s3, &_s3}});
        const auto digest = _main.put("module");
        auto work = call();
        _redis.fail(true);
        CPPUNIT_ASSERT(!cache.share(work, cache.tiers()[1], digest));
        CPPUNIT_ASSERT(cache.share(work, cache.tiers()[2], digest));
        CPPUNIT_ASSERT(_s3.has(digest) && !_redis.has(digest));
        _redis.fail(false);
        CPPUNIT_ASSERT(cache.share(work, cache.tiers()[1], digest));
        CPPUNIT_ASSERT(_redis.has(digest));
        CPPUNIT_ASSERT(!cache.share(work, cache.tiers()[1], Digest::of("not here")));
        _main.spoil(digest, "m0dule"); // nobody else's trouble
        CPPUNIT_ASSERT(!cache.share(work, cache.tiers()[2], digest));
        CPPUNIT_ASSERT_EQUAL(std::string("module"), *_s3.contents().at(digest));
    }

    void removingLeavesWhatIsShared() {
        auto cache = tiers();
        const auto digest = _main.put("module");
        _redis.put("module");
        open(cache, digest);
        auto work = call();
        CPPUNIT_ASSERT(cache.remove(work, digest));
        CPPUNIT_ASSERT(!cache.remove(work, digest));
        CPPUNIT_ASSERT(!_hot.has(digest) && !_main.has(digest) && _redis.has(digest));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), cache.uses()[0].held.contents);
    }

    void theLeastRecentlyUsedGoesAsInAModel() {
        constexpr std::uint64_t Capacity = 1000;
        RecentContents recent(Capacity);
        std::vector<std::pair<Digest, std::uint64_t>> model; // most recently used first
        std::vector<Digest> digests;
        for (int i = 0; i < 50; ++i)
            digests.push_back(Digest::of(std::to_string(i)));
        std::minstd_rand random(7);
        const auto inModel = [&](const Digest& digest) {
            return std::find_if(model.begin(), model.end(), [&](const auto& each) { return each.first == digest; });
        };
        for (int step = 0; step < 20000; ++step) {
            const auto& digest = digests[random() % digests.size()];
            const auto known = inModel(digest);
            switch (random() % 4) {
            case 0:
                if (known != model.end()) std::rotate(model.begin(), known, known + 1);
                recent.used(digest);
                break;
            case 1:
                if (known != model.end()) model.erase(known);
                recent.forget(digest);
                break;
            default: {
                const std::uint64_t size = random() % 300;
                if (known != model.end()) model.erase(known);
                model.insert(model.begin(), {digest, size});
                std::vector<Digest> expected;
                std::uint64_t bytes = 0;
                for (const auto& each : model)
                    bytes += each.second;
                while (bytes > Capacity) {
                    bytes -= model.back().second;
                    expected.push_back(model.back().first);
                    model.pop_back();
                }
                CPPUNIT_ASSERT(expected == recent.add(digest, size));
            }
            }
            std::uint64_t bytes = 0;
            for (const auto& each : model)
                bytes += each.second;
            CPPUNIT_ASSERT_EQUAL(bytes, recent.held().bytes);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t(model.size()), recent.held().contents);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CacheTiersTest);
