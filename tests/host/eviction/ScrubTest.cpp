// SPDX-License-Identifier: Apache-2.0
#include "eviction/Evictor.h"
#include "eviction/Scrubber.h"
#include "host/index/IndexFixture.h"
#include "host/pull/MemoryStores.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ScrubTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ScrubTest);
    CPPUNIT_TEST(damagedContentIsFoundInTheBackground);
    CPPUNIT_TEST(noFasterThanItMay);
    CPPUNIT_TEST(whatCannotBeReadStays);
    CPPUNIT_TEST(whatIsSharedIsLeftAlone);
    CPPUNIT_TEST(roomIsMadeOnAFullDisk);
    CPPUNIT_TEST_SUITE_END();

    void roomIsMadeOnAFullDisk() {
        CacheTiers cache({{"main", &_store}});
        DigestIndex index(settings(_folder / "index.db"));
        std::vector<Digest> digests;
        for (int i = 0; i < 20; ++i) {
            digests.push_back(_store.put("content " + std::to_string(10 + i)));
            index.recordContent(digests.back(), 10, std::chrono::system_clock::now() - std::chrono::hours(20 - i));
        }
        index.recordTag(Reference::parse("a.io/x:v"), digests[0]); // the oldest, and yet
        index.pin(digests[1]);
        for (const int each : {0, 1})
            index.recordModule({digests[each], digests[each], digests[each], 10, "raw", digests[each], "", "", {}},
                               Repository("a.io", "x"));
        _store.limit(205);
        Evictor::Options options;
        options.capacity = 1u << 30; // the disk is smaller
        options.every = milliseconds(20);
        Evictor evictor(cache, index, options);
        Call call("test", Clock::now() + seconds(60));
        const auto put = [&](const std::string& bytes) {
            auto ingest = cache.ingest(call, bytes.size());
            ingest->write(bytes.data(), bytes.size());
            ingest->commit(Digest::of(bytes));
        };
        _store.failWrites(true); // not for want of space
        CPPUNIT_ASSERT_THROW(put("another 00"), Error);
        _store.failWrites(false);
        std::this_thread::sleep_for(milliseconds(100));
        CPPUNIT_ASSERT_EQUAL(std::size_t(20), _store.contents().size());
        CPPUNIT_ASSERT_THROW(put("another 00"), Error);
        CPPUNIT_ASSERT(eventually([&] { return _store.contents().size() <= 17; }));
        put("another 00");
        CPPUNIT_ASSERT(_store.has(digests[0]) && _store.has(digests[1]) && _store.has(digests[19]));
        CPPUNIT_ASSERT(!_store.has(digests[2]) && !_store.has(digests[3]) && !_store.has(digests[4]));
        CPPUNIT_ASSERT(eventually([&] { return evictor.total().contents == 3; }));
    }

    using Clock = std::chrono::steady_clock;
    TemporaryFolder _folder;
    MemoryStore _store;
    FakeSharedStore _redis;
    std::mutex _mutex;
    std::vector<Digest> _forgotten;

    Scrub scrub(CacheTiers& cache, DigestIndex& index) {
        return {cache, index, [this](const Digest& digest) {
                    const std::lock_guard<std::mutex> lock(_mutex);
                    _forgotten.push_back(digest);
                }};
    }
    std::size_t forgotten() {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _forgotten.size();
    }

    void damagedContentIsFoundInTheBackground() {
        CacheTiers cache({{"main", &_store}, {"redis", &_redis, &_redis}});
        DigestIndex index(settings(_folder / "index.db"));
        std::vector<Digest> digests;
        for (int i = 0; i < 5; ++i) {
            digests.push_back(_store.put("content " + std::to_string(i)));
            index.recordContent(digests.back(), 9);
        }
        Scrubber scrubber(cache, scrub(cache, index));
        scrubber.use({{"main", {milliseconds(30), 10 << 20}}});
        CPPUNIT_ASSERT(eventually([&] { return cache.uses()[0].scrubbed >= 10; })); // good ones stay
        CPPUNIT_ASSERT_EQUAL(std::size_t(5), _store.contents().size());
        CPPUNIT_ASSERT(cache.uses()[0].lastScrub.time_since_epoch().count() > 0);
        _store.spoil(digests[3], "content x");
        CPPUNIT_ASSERT(eventually([&] { return forgotten() > 0 && !index.content(digests[3]); }));
        CPPUNIT_ASSERT(!_store.has(digests[3]) && _store.has(digests[2]));
        CPPUNIT_ASSERT(_forgotten.front() == digests[3]);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), cache.uses()[0].bad);
        scrubber.use({{"main", {milliseconds(0), 1}}}); // never
        const auto after = cache.uses()[0].scrubbed;
        std::this_thread::sleep_for(milliseconds(100));
        CPPUNIT_ASSERT(cache.uses()[0].scrubbed <= after + 4); // the pass that was going on
    }

    void noFasterThanItMay() {
        CacheTiers cache({{"main", &_store}});
        DigestIndex index(settings(_folder / "index.db"));
        for (int i = 0; i < 4; ++i)
            _store.put(std::string(100000, char('a' + i)));
        const auto begun = Clock::now();
        {
            Scrubber scrubber(cache, scrub(cache, index));
            scrubber.use({{"main", {milliseconds(1), 1000000}}});
            CPPUNIT_ASSERT(eventually([&] { return cache.uses()[0].scrubbed >= 4; }));
            CPPUNIT_ASSERT(Clock::now() - begun >= milliseconds(390)); // the last one's time, too
        }
        Scrubber slow(cache, scrub(cache, index));
        slow.use({{"main", {milliseconds(1), 1}}}); // a day for each
        std::this_thread::sleep_for(milliseconds(50));
        const auto ending = Clock::now();
        slow.use({});
        CPPUNIT_ASSERT(Clock::now() - ending < seconds(2)); // and it ends at once
    }

    void whatCannotBeReadStays() {
        CacheTiers cache({{"main", &_store}});
        DigestIndex index(settings(_folder / "index.db"));
        const auto digest = _store.put("content");
        index.recordContent(digest, 7);
        _store.failReads(true);
        Call call("test", Call::Clock::now() + seconds(5));
        const auto report = scrub(cache, index).run(call, [](std::uint64_t, std::uint64_t) {});
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), report.unreadable);
        CPPUNIT_ASSERT(report.removed == 0 && _store.has(digest) && index.content(digest) && forgotten() == 1);
        CPPUNIT_ASSERT(!cache.openVerified(call, digest)); // as good as absent: it is fetched again
        _store.failReads(false);
        CPPUNIT_ASSERT(cache.openVerified(call, digest));
    }

    void whatIsSharedIsLeftAlone() {
        CacheTiers cache({{"main", &_store}, {"redis", &_redis, &_redis}});
        DigestIndex index(settings(_folder / "index.db"));
        const auto digest = _redis.put("shared");
        _redis.spoil(digest, "spoilt");
        Call call("test", Call::Clock::now() + seconds(5));
        scrub(cache, index).run(call, [](std::uint64_t, std::uint64_t) {});
        CPPUNIT_ASSERT(_redis.has(digest));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ScrubTest);
