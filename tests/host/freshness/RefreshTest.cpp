// SPDX-License-Identifier: Apache-2.0
#include "freshness/RefreshSchedule.h"
#include "freshness/TagMoves.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RefreshTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RefreshTest);
    CPPUNIT_TEST(sharesLieBetween80And95Percent);
    CPPUNIT_TEST(marksTellValidationsApart);
    CPPUNIT_TEST(oneClaimsWhateverTheLoad);
    CPPUNIT_TEST(noMoreThanThereIsRoomFor);
    CPPUNIT_TEST(nothingIsScheduledForLong);
    CPPUNIT_TEST(movesAreNewestFirstAndBounded);
    CPPUNIT_TEST(oneMoveSeenByTwoIsOne);
    CPPUNIT_TEST_SUITE_END();

    static Reference tag(int i) { return Reference::parse("r.example.com/team/filter:v" + std::to_string(i)); }
    static std::chrono::system_clock::time_point at(int second) {
        return std::chrono::system_clock::time_point(seconds(1700000000 + second));
    }

    void sharesLieBetween80And95Percent() {
        std::set<milliseconds::rep> shares;
        int low = 0;
        for (int i = 0; i < 2000; ++i) {
            const auto share = RefreshSchedule::share(RefreshSchedule::markOf(tag(i), at(0), 1), seconds(60));
            CPPUNIT_ASSERT(share >= seconds(48) && share <= seconds(57));
            shares.insert(share.count());
            low += share < milliseconds(52500);
        }
        CPPUNIT_ASSERT(shares.size() > 1500);    // spread,
        CPPUNIT_ASSERT(low > 900 && low < 1100); // evenly
    }

    void marksTellValidationsApart() {
        const auto mark = RefreshSchedule::markOf(tag(1), at(0), 1);
        CPPUNIT_ASSERT_EQUAL(mark, RefreshSchedule::markOf(tag(1), at(0), 1));
        CPPUNIT_ASSERT(mark != RefreshSchedule::markOf(tag(2), at(0), 1));
        CPPUNIT_ASSERT(mark != RefreshSchedule::markOf(tag(1), at(1), 1));
        CPPUNIT_ASSERT(mark != RefreshSchedule::markOf(tag(1), at(0), 2));
        CPPUNIT_ASSERT(mark != RefreshSchedule::again(mark, 7));
        CPPUNIT_ASSERT(RefreshSchedule::again(mark, 8) != RefreshSchedule::again(mark, 7));
    }

    void oneClaimsWhateverTheLoad() {
        RefreshSchedule schedule;
        for (int round = 0; round < 50; ++round) {
            std::atomic<int> claimed{0};
            std::vector<std::thread> threads;
            for (int i = 0; i < 4; ++i)
                threads.emplace_back([&] {
                    for (int k = 0; k < 100; ++k)
                        claimed += schedule.claim(RefreshSchedule::markOf(tag(1), at(round), 1), seconds(1));
                });
            for (auto& thread : threads)
                thread.join();
            CPPUNIT_ASSERT_EQUAL(1, claimed.load());
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(50), schedule.scheduled());
    }

    void noMoreThanThereIsRoomFor() {
        RefreshSchedule schedule(100);
        const auto claim = [&](int i) { return schedule.claim(RefreshSchedule::markOf(tag(i), at(0), 1), seconds(1)); };
        int claimed = 0;
        for (int i = 0; i < 10000; ++i)
            claimed += claim(i);
        CPPUNIT_ASSERT_EQUAL(100, claimed);
        for (int i = 0; i < 100; ++i)
            schedule.done(RefreshSchedule::markOf(tag(i), at(0), 1));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), schedule.scheduled());
        CPPUNIT_ASSERT(claim(10001));
    }

    void nothingIsScheduledForLong() {
        RefreshSchedule schedule;
        const auto mark = RefreshSchedule::markOf(tag(1), at(0), 1);
        CPPUNIT_ASSERT(!schedule.claim(mark, std::chrono::hours(24)));
        CPPUNIT_ASSERT(schedule.claim(mark, std::chrono::minutes(59))); // asked for again when it is nearer
    }

    void movesAreNewestFirstAndBounded() {
        TagMoves moves;
        const auto digest = [](int i) { return Digest::of(std::to_string(i)); };
        for (int i = 0; i < 1500; ++i)
            CPPUNIT_ASSERT(moves.record("r.example.com/team/filter:v1", digest(i), digest(i + 1), "req"));
        const auto all = moves.newestFirst();
        CPPUNIT_ASSERT_EQUAL(TagMoves::Most, all.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1500), moves.total());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1500), all.front().number);
        CPPUNIT_ASSERT(all.front().to == digest(1500) && all.front().from == digest(1499));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(501), all.back().number);
    }

    void oneMoveSeenByTwoIsOne() {
        TagMoves moves;
        const auto one = Digest::of("1"), two = Digest::of("2");
        CPPUNIT_ASSERT(moves.record("a/b:v1", one, two, "x"));
        CPPUNIT_ASSERT(!moves.record("a/b:v1", one, two, "y"));
        CPPUNIT_ASSERT(moves.record("a/b:v2", one, two, "x"));
        CPPUNIT_ASSERT(moves.record("a/b:v1", two, one, "x"));
        CPPUNIT_ASSERT(moves.record("a/b:v1", one, two, "x")); // there and back is no repetition
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(4), moves.total());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefreshTest);
