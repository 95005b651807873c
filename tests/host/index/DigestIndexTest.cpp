// SPDX-License-Identifier: Apache-2.0
#include "IndexFixture.h"

#include "index/IndexCopier.h"
#include "support/ExpectError.h"

#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>
#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using namespace std::chrono_literals;
using SystemClock = std::chrono::system_clock;

class DigestIndexTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DigestIndexTest);
    CPPUNIT_TEST(answersWhatWasRecorded);
    CPPUNIT_TEST(tagsMove);
    CPPUNIT_TEST(whatATagMeantBeforeSurvivesRestart);
    CPPUNIT_TEST(pinnedReferencesSayNothingOfTags);
    CPPUNIT_TEST(modulesOfOneDigest);
    CPPUNIT_TEST(contentsAgeByAccess);
    CPPUNIT_TEST(survivesRestart);
    CPPUNIT_TEST(survivesKill);
    CPPUNIT_TEST(hostileTextIsOnlyText);
    CPPUNIT_TEST(accessesAreBatchedAndTrimmed);
    CPPUNIT_TEST(accessesBeyondTheBoundAreCounted);
    CPPUNIT_TEST(oneWhoAsksAgainAndAgainLeavesFewRowsAndTheRightCount);
    CPPUNIT_TEST(accessesAreFoundByModuleCallerAndTime);
    CPPUNIT_TEST(accessesAreCountedByDay);
    CPPUNIT_TEST(manyThreads);
    CPPUNIT_TEST(commitsAreCoalesced);
    CPPUNIT_TEST(aCopyThatHangsHoldsUpNoChange);
    CPPUNIT_TEST(aLargeCopyIsWholeAndGivesChangesTheirTurn);
    CPPUNIT_TEST_SUITE_END();

    static ModuleRecord record(int manifest, int module, SystemClock::time_point pulledAt = SystemClock::now()) {
        ModuleRecord result;
        result.manifest = digest(manifest);
        result.selectedManifest = digest(manifest + 1);
        result.module = digest(module);
        result.size = (std::uint64_t(1) << 53) - 1;
        result.layout = "compat";
        result.layer = digest(manifest + 2);
        result.entry = "plugin.wasm";
        result.proxyAbi = "0.2.1";
        result.pulledAt = std::chrono::time_point_cast<std::chrono::microseconds>(pulledAt);
        return result;
    }

    TemporaryFolder _folder;
    std::string _path = _folder / "index.db";

    static IndexChanges tagged(int number) {
        return {TagSet{"r.example.com/team/x:t" + std::to_string(number), {digest(number), SystemClock::now(), {}}}};
    }

    /// A pipe that nobody reads stands for a disk that hangs.
    void aCopyThatHangsHoldsUpNoChange() {
        const auto pipe = _path + ".copy.new";
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(pipe.c_str(), 0600));
        int reader = -1;
        {
            IndexTables tables;
            IndexCopier copier(tables, _path, 1ms);
            for (int i = 0; i < 10; ++i) {
                tables.apply(tagged(i));
                copier.changed();
                std::this_thread::sleep_for(5ms); // it begins after the first
            }
            CPPUNIT_ASSERT(IndexCopy(_path).read().empty());
            reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
            CPPUNIT_ASSERT(reader >= 0);
            ::unlink(pipe.c_str());
        }
        ::close(reader);
        CPPUNIT_ASSERT_EQUAL(std::size_t(10), IndexCopy(_path).read().size());
    }

    void aLargeCopyIsWholeAndGivesChangesTheirTurn() {
        IndexTables tables;
        for (int i = 0; i < 2500; ++i) {
            auto changes = tagged(i);
            for (const char* repository : {"team/a", "team/b"})
                changes.emplace_back(LinkAdded{digest(i), Repository("r.example.com", repository)});
            changes.emplace_back(record(i, i));
            changes.emplace_back(ContentRecord{digest(i), 1, SystemClock::now()});
            if (i % 100 == 0) changes.emplace_back(PinRecord{digest(i), SystemClock::now()});
            tables.apply(changes);
        }
        int slices = 0;
        std::size_t rows = 0;
        tables.visit([&](const IndexChanges& slice) {
            ++slices;
            rows += slice.size();
            tables.apply(IndexChanges{TagForgotten{"r.example.com/team/x:none"}}); // needs the lock
        });
        CPPUNIT_ASSERT_EQUAL(10, slices);
        CPPUNIT_ASSERT_EQUAL(std::size_t(4 * 2500 + 25), rows);
        IndexCopy(_path).write(tables);
        CPPUNIT_ASSERT_EQUAL(rows, IndexCopy(_path).read().size());
    }

    void answersWhatWasRecorded() {
        DigestIndex index(settings(_path));
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        const Repository repository("ghcr.io", "team/app");
        CPPUNIT_ASSERT(!index.tag(reference) && !index.module(digest(1)) && index.modules().empty());
        CPPUNIT_ASSERT(index.accesses(10).empty() && index.contentsByAge().empty() && index.links(digest(1)).empty());
        CPPUNIT_ASSERT(index.setAside().empty());

        const auto before = SystemClock::now();
        index.recordTag(reference, digest(1));
        const auto tag = index.tag(reference);
        CPPUNIT_ASSERT(tag && tag->digest == digest(1));
        CPPUNIT_ASSERT(tag->validatedAt >= before && tag->validatedAt <= SystemClock::now());
        CPPUNIT_ASSERT_EQUAL(std::string("ghcr.io/team/app:v1"), index.tagsOf(digest(1)).at(0));

        index.recordModule(record(1, 9), repository);
        CPPUNIT_ASSERT(index.module(digest(1))->module == digest(9));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.moduleCount());
        for (const int linked : {1, 2, 3, 9})
            CPPUNIT_ASSERT(index.linked(digest(linked), repository));
        CPPUNIT_ASSERT(!index.linked(digest(9), Repository("ghcr.io", "other/app")));
        CPPUNIT_ASSERT(!index.linked(digest(4), repository));
        index.link(digest(9), Repository("ghcr.io", "other/app"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), index.links(digest(9)).size());

        index.recordContent(digest(9), 100);
        index.recordContent(digest(8), 11);
        index.recordContent(digest(9), 50);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(61), index.contentBytes());
        index.forgetContent(digest(8));
        index.forgetContent(digest(7));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(50), index.contentBytes());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.contentsByAge().size());
    }

    void tagsMove() {
        DigestIndex index(settings(_path));
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        index.recordTag(reference, digest(1));
        index.recordTag(Reference::parse("ghcr.io/team/app:v2"), digest(1));
        index.recordTag(reference, digest(2));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.tagsOf(digest(1)).size());
        CPPUNIT_ASSERT_EQUAL(std::string("ghcr.io/team/app:v1"), index.tagsOf(digest(2)).at(0));
        index.forgetTag(reference);
        index.forgetTag(reference);
        CPPUNIT_ASSERT(!index.tag(reference) && index.tagsOf(digest(2)).empty());
    }

    void whatATagMeantBeforeSurvivesRestart() {
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        const auto other = Reference::parse("ghcr.io/team/app:v2");
        {
            DigestIndex index(settings(_path));
            index.recordTag(reference, digest(1));
            index.recordTag(other, digest(1));
            index.recordTag(reference, digest(2));
            index.recordTag(reference, digest(2));
            CPPUNIT_ASSERT(index.tag(reference)->previous == digest(1));
        }
        const auto check = [&] {
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT(index.tag(reference)->digest == digest(2) && index.tag(reference)->previous == digest(1));
            CPPUNIT_ASSERT(index.tag(other)->digest == digest(1) && index.tag(other)->previous.empty());
        };
        check();
        std::filesystem::remove(_path); // and from the copy
        check();
        { // what an older program moves, it moves in one table
            Poco::Data::Session session("SQLite", _path);
            session << "DELETE FROM tags WHERE reference = 'ghcr.io/team/app:v1'", Poco::Data::Keywords::now;
        }
        DigestIndex index(settings(_path));
        index.recordTag(reference, digest(3));
        CPPUNIT_ASSERT(index.tag(reference)->previous.empty());
    }

    void pinnedReferencesSayNothingOfTags() {
        DigestIndex index(settings(_path));
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        index.recordTag(reference.pinned(digest(6)), digest(6));
        index.recordTag(Reference::parse("ghcr.io/team/app@" + digest(6).str()), digest(6));
        CPPUNIT_ASSERT(!index.tag(reference) && index.tagsOf(digest(6)).empty());
        index.recordTag(reference, digest(5));
        CPPUNIT_ASSERT(index.tag(reference.pinned(digest(6)))->digest == digest(5));
        CPPUNIT_ASSERT(!index.tag(Reference::parse("ghcr.io/team/app@" + digest(6).str())));
    }

    void modulesOfOneDigest() {
        DigestIndex index(settings(_path));
        const Repository repository("a.io", "x");
        const auto now = SystemClock::now();
        index.recordModule(record(10, 1, now - 2h), repository);
        index.recordModule(record(20, 1, now), repository);
        index.recordModule(record(30, 1, now - 1h), repository);
        index.recordModule(record(40, 2, now - 3h), repository);
        const auto same = index.modulesBySha256(digest(1));
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), same.size());
        CPPUNIT_ASSERT(same[0].manifest == digest(20) && same[1].manifest == digest(30));
        CPPUNIT_ASSERT(index.modules()[3].manifest == digest(40));
        index.recordModule(record(20, 2, now), repository); // the same manifest, unpacked anew
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), index.modulesBySha256(digest(1)).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), index.modulesBySha256(digest(2)).size());
        CPPUNIT_ASSERT(index.modulesBySha256(digest(99)).empty());
    }

    void contentsAgeByAccess() {
        {
            DigestIndex index(settings(_path));
            for (const int n : {1, 2, 3})
                index.recordContent(digest(n), 1);
            CPPUNIT_ASSERT(index.contentsByAge()[0].digest == digest(1));
            index.recordAccess({digest(1), "a.io/x:v1", "10.0.0.1", SystemClock::now() + 1s});
            index.recordAccess({digest(77), "a.io/x:v1", "10.0.0.1", SystemClock::now()}); // no such content
            CPPUNIT_ASSERT(eventually([&] { return index.contentsByAge()[0].digest == digest(2); }));
            index.recordAccess({digest(2), "a.io/x:v1", "10.0.0.1", SystemClock::now() - 1h}); // never back in time
            index.accesses(1);
            CPPUNIT_ASSERT(index.contentsByAge()[0].digest == digest(2));
        }
        DigestIndex index(settings(_path));
        const auto contents = index.contentsByAge();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), contents.size());
        CPPUNIT_ASSERT(contents[2].digest == digest(1));
    }

    void survivesRestart() {
        const Repository repository("[::1]:5000", "team/app");
        const auto reference = Reference::parse("[::1]:5000/team/app:v1");
        auto module = record(1, 9);
        auto bare = record(4, 8);
        bare.layer = Digest();
        bare.proxyAbi.clear();
        std::optional<TagRecord> tag;
        {
            DigestIndex index(settings(_path));
            index.recordTag(reference, digest(1));
            index.recordTag(Reference::parse("a.io/gone:v1"), digest(1));
            index.forgetTag(Reference::parse("a.io/gone:v1"));
            index.recordModule(module, repository);
            index.recordModule(bare, repository);
            index.recordContent(digest(9), 5);
            index.recordContent(digest(10), 6);
            index.forgetContent(digest(10));
            for (int i = 0; i < 20; ++i)
                index.recordAccess({digest(9), reference.str(), "10.0.0." + std::to_string(i), SystemClock::now()});
            tag = index.tag(reference);
        }
        CPPUNIT_ASSERT(!std::filesystem::exists(_path + "-wal")); // closed properly
        const auto begin = std::chrono::steady_clock::now();
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < 1s);
        CPPUNIT_ASSERT(index.setAside().empty());
        CPPUNIT_ASSERT(index.tag(reference)->digest == digest(1));
        CPPUNIT_ASSERT(tag->validatedAt - index.tag(reference)->validatedAt < 1us);
        CPPUNIT_ASSERT(!index.tag(Reference::parse("a.io/gone:v1")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.tagsOf(digest(1)).size());
        const auto loaded = *index.module(digest(1));
        CPPUNIT_ASSERT(loaded.selectedManifest == module.selectedManifest && loaded.layer == module.layer);
        CPPUNIT_ASSERT(loaded.size == module.size && loaded.pulledAt == module.pulledAt);
        CPPUNIT_ASSERT_EQUAL(module.layout + module.entry + module.proxyAbi,
                             loaded.layout + loaded.entry + loaded.proxyAbi);
        CPPUNIT_ASSERT(index.module(digest(4))->layer.empty() && index.module(digest(4))->proxyAbi.empty());
        CPPUNIT_ASSERT(index.linked(digest(9), repository) && index.linked(digest(2), repository));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(5), index.contentBytes());
        const auto accesses = index.accesses(3);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), accesses.size());
        CPPUNIT_ASSERT_EQUAL(std::string("10.0.0.19"), accesses[0].caller);
        CPPUNIT_ASSERT_EQUAL(reference.str(), accesses[0].reference);
        CPPUNIT_ASSERT_EQUAL(std::size_t(20), index.accesses(1000).size());
        CPPUNIT_ASSERT((std::filesystem::status(_path).permissions() & std::filesystem::perms::all) ==
                       (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    }

    /// What record*() has returned from is there after a SIGKILL.
    void survivesKill() {
        for (int round = 0; round < 5; ++round) {
            const auto child = ::fork();
            CPPUNIT_ASSERT(child >= 0);
            if (child == 0) {
                DigestIndex index(settings(_path));
                for (int i = 0; i <= round; ++i)
                    index.recordTag(Reference::parse("a.io/x:r" + std::to_string(round) + "-" + std::to_string(i)),
                                    digest(i));
                index.recordModule(record(round * 10, 1000 + round), Repository("a.io", "x"));
                ::kill(::getpid(), SIGKILL);
            }
            int status = 0;
            ::waitpid(child, &status, 0);
            CPPUNIT_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty());
        for (int round = 0; round < 5; ++round) {
            for (int i = 0; i <= round; ++i) {
                const auto tag =
                    index.tag(Reference::parse("a.io/x:r" + std::to_string(round) + "-" + std::to_string(i)));
                CPPUNIT_ASSERT(tag && tag->digest == digest(i));
            }
            CPPUNIT_ASSERT(index.module(digest(round * 10)));
            CPPUNIT_ASSERT(index.linked(digest(1000 + round), Repository("a.io", "x")));
        }
    }

    void hostileTextIsOnlyText() {
        const std::string texts[] = {"'\";--", "%_%", "\x1b[2J\r\n", "\xff\xfe", "'); DROP TABLE accesses;--"};
        {
            DigestIndex index(settings(_path));
            for (const auto& text : texts) {
                auto module = record(1, 1);
                module.entry = text;
                index.recordModule(module, Repository("a.io", "x"));
                index.recordAccess({digest(1), text, text, SystemClock::now()});
                CPPUNIT_ASSERT_EQUAL(text, index.accesses(1).at(0).reference);
            }
            index.recordAccess({digest(1), std::string(1000000, 'x'), std::string(1000000, 'y'), SystemClock::now()});
            CPPUNIT_ASSERT(index.accesses(1).at(0).reference.size() <= 1024);
        }
        DigestIndex index(settings(_path));
        auto nul = record(8, 8);
        nul.entry = std::string("a\0b", 3);
        index.recordModule(nul, Repository("a.io", "x"));
        CPPUNIT_ASSERT_EQUAL(std::string("a?b"), index.module(digest(8))->entry);
        CPPUNIT_ASSERT_EQUAL(std::size_t(6), index.accesses(100).size());
        CPPUNIT_ASSERT_EQUAL(texts[4], index.module(digest(1))->entry);
        for (std::size_t i = 0; i < 5; ++i)
            CPPUNIT_ASSERT_EQUAL(texts[4 - i], index.accesses(6)[i + 1].caller);
    }

    void accessesAreBatchedAndTrimmed() {
        auto limited = settings(_path);
        const auto now = SystemClock::now();
        {
            DigestIndex index(limited);
            for (int i = 0; i < 6000; ++i)
                index.recordAccess({digest(1), "old" + std::to_string(i), "c", now - 2h});
            for (int i = 0; i < 700; ++i)
                index.recordAccess({digest(1), "new" + std::to_string(i), "c", now});
            CPPUNIT_ASSERT_EQUAL(std::size_t(6700), index.accesses(100000).size());
            CPPUNIT_ASSERT_EQUAL(std::string("new699"), index.accesses(1).at(0).reference);
        }
        limited.accessRetention = std::chrono::hours(1);
        {
            DigestIndex index(limited); // deletes at start
            CPPUNIT_ASSERT(eventually([&] { return index.accesses(100000).size() == 700; }));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), index.droppedAccesses());
        }
        limited.accessLimit = 100;
        DigestIndex index(limited);
        CPPUNIT_ASSERT(eventually([&] { return index.accesses(100000).size() == 100; }));
    }

    void accessesBeyondTheBoundAreCounted() {
        DigestIndex index(settings(_path));
        constexpr std::uint64_t Sent = 400000;
        const auto begin = std::chrono::steady_clock::now();
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                AccessRecord access{digest(1), "a.io/x:v1", "10.0.0.1", SystemClock::now()};
                for (std::uint64_t i = 0; i < Sent / 4; ++i) {
                    access.reference = "a.io/x:v" + std::to_string(i);
                    index.recordAccess(access);
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < 20s);
        CPPUNIT_ASSERT_EQUAL(Sent, index.accesses(Sent).size() + index.droppedAccesses());
    }

    void oneWhoAsksAgainAndAgainLeavesFewRowsAndTheRightCount() {
        DigestIndex index(settings(_path));
        const auto second = std::chrono::time_point_cast<std::chrono::seconds>(SystemClock::now());
        for (int i = 0; i < 5000; ++i)
            index.recordAccess({digest(1), "a.io/x:v1", "10.0.0.1", second});
        index.recordAccess({digest(1), "a.io/x:v1", "10.0.0.2", second});
        AccessQuery query;
        query.limit = 10000;
        query.caller = "10.0.0.1";
        const auto rows = index.accesses(query).rows.size();
        CPPUNIT_ASSERT(rows > 32 && rows < 300); // a row more for each batch that was written meanwhile
        query.caller = "10.0.0.2";
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.accesses(query).rows.size());
        AccessCountQuery counts;
        counts.caller = "10.0.0.1";
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(5000), index.accessCounts(counts).at(0).count);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), index.droppedAccesses());
    }

    void accessesAreFoundByModuleCallerAndTime() {
        DigestIndex index(settings(_path));
        const auto start = SystemClock::now() - std::chrono::hours(1);
        for (int i = 0; i < 30; ++i)
            index.recordAccess({digest(i % 3), "r.example.com/a:v" + std::to_string(i),
                                i % 2 == 0 ? "10.0.0.1" : "10.0.0.2", start + std::chrono::seconds(i)});
        AccessQuery query;
        query.module = digest(1);
        query.caller = "10.0.0.2";
        query.limit = 3;
        std::vector<std::string> found;
        for (;;) {
            const auto page = index.accesses(query);
            CPPUNIT_ASSERT(page.rows.size() <= 3);
            for (const auto& row : page.rows)
                found.push_back(row.reference.substr(row.reference.find(":v") + 2));
            if (page.next == 0) break;
            query.before = page.next;
        }
        const std::vector<std::string> expected{"25", "19", "13", "7", "1"};
        CPPUNIT_ASSERT(expected == found);

        AccessQuery window;
        window.from = start + 10s;
        window.until = start + 13s;
        const auto page = index.accesses(window);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), page.rows.size());
        CPPUNIT_ASSERT_EQUAL(std::string("r.example.com/a:v12"), page.rows.front().reference);
        CPPUNIT_ASSERT(page.rows.front().id > page.rows.back().id);
        window.caller = "nobody";
        CPPUNIT_ASSERT(index.accesses(window).rows.empty());
    }

    void accessesAreCountedByDay() {
        const auto day = SystemClock::from_time_t(19000 * 86400);
        {
            auto keepNone = settings(_path);
            keepNone.accessRetention = std::chrono::hours(1);
            DigestIndex index(keepNone);
            for (int i = 0; i < 5; ++i)
                index.recordAccess({digest(1), "r.example.com/a:v1", "10.0.0.1", day + std::chrono::hours(i)});
            index.recordAccess({digest(2), "r.example.com/a:v1", "10.0.0.2", day + std::chrono::hours(24)});
            CPPUNIT_ASSERT_EQUAL(std::size_t(2), index.accessCounts({}).size());
        }
        // Trimmed at the next start, as older than the retention; their counts stay, and go on.
        auto keepNone = settings(_path);
        keepNone.accessRetention = std::chrono::hours(1);
        DigestIndex index(keepNone);
        CPPUNIT_ASSERT(eventually([&] { return index.accesses(10).empty(); }));
        index.recordAccess({digest(1), "r.example.com/a:v1", "10.0.0.1", day});
        AccessCountQuery query;
        query.limit = 1;
        const auto newest = index.accessCounts(query);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), newest.size());
        CPPUNIT_ASSERT(newest[0].day == 19001 && newest[0].module == digest(2) && newest[0].caller == "10.0.0.2");
        query.after = newest[0];
        const auto next = index.accessCounts(query);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), next.size());
        CPPUNIT_ASSERT(next[0].day == 19000 && next[0].module == digest(1));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(6), next[0].count);
        query.after = next[0];
        CPPUNIT_ASSERT(index.accessCounts(query).empty());
        AccessCountQuery one;
        one.module = digest(2);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.accessCounts(one).size());
        one.untilDay = 19000;
        CPPUNIT_ASSERT(index.accessCounts(one).empty());
    }

    void manyThreads() {
        constexpr int Threads = 8;
        constexpr int Rounds = 50;
        {
            DigestIndex index(settings(_path));
            std::atomic<int> wrong{0};
            std::vector<std::thread> threads;
            for (int t = 0; t < Threads; ++t)
                threads.emplace_back([&, t] {
                    const Repository repository("a.io", "team" + std::to_string(t));
                    for (int i = 0; i < Rounds; ++i) {
                        const Reference mine(repository, "v" + std::to_string(i));
                        index.recordTag(mine, digest(t * 1000 + i));
                        const auto tag = index.tag(mine);
                        if (!tag || tag->digest != digest(t * 1000 + i)) ++wrong;
                        index.recordTag(Reference::parse("a.io/shared:v1"), digest(-1 - t));
                        index.recordContent(digest(t * 1000 + i), 1);
                        index.recordAccess({digest(t * 1000 + i), mine.str(), "c", SystemClock::now()});
                        if (i % 10 == 0) {
                            index.recordModule(record(t * 1000 + i, 5), repository);
                            if (!index.linked(digest(5), repository)) ++wrong;
                            if (index.modulesBySha256(digest(5)).empty() || index.modules().empty()) ++wrong;
                            index.accesses(10);
                        }
                        if (!index.tag(Reference::parse("a.io/shared:v1"))) ++wrong;
                        index.contentsByAge();
                        index.tagsOf(digest(t));
                        if (i % 2 == 1) index.forgetContent(digest(t * 1000 + i));
                    }
                });
            for (auto& thread : threads)
                thread.join();
            CPPUNIT_ASSERT_EQUAL(0, wrong.load());
            CPPUNIT_ASSERT_EQUAL(std::uint64_t(Threads * Rounds / 2), index.contentBytes());
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(Threads * Rounds / 2), index.contentBytes());
        CPPUNIT_ASSERT_EQUAL(std::size_t(Threads * Rounds), index.accesses(100000).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(Threads), index.links(digest(5)).size());
        const auto shared = index.tag(Reference::parse("a.io/shared:v1"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.tagsOf(shared->digest).size());
    }

    /// Many at once must not pay an fsync each; generous, since a busy machine is no defect.
    void commitsAreCoalesced() {
        DigestIndex index(settings(_path));
        constexpr int Threads = 32;
        constexpr int Each = 50;
        const auto begin = std::chrono::steady_clock::now();
        std::vector<std::thread> threads;
        for (int t = 0; t < Threads; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < Each; ++i)
                    index.recordTag(Reference(Repository("a.io", "x"), std::to_string(t) + "-" + std::to_string(i)),
                                    digest(i));
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < 10s);
        CPPUNIT_ASSERT_EQUAL(std::size_t(Threads), index.tagsOf(digest(3)).size());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DigestIndexTest);
