// SPDX-License-Identifier: Apache-2.0
#include "PullRooms.h"

#include "eviction/Purge.h"
#include "support/TemporaryFolder.h"

#include <thread>

using namespace wasmproxy::host::test;
using namespace wasmproxy;
using namespace wasmproxy::host;
namespace faults = wasmproxy::testing::faults;

/// Several PullServices with caches and indexes of their own, one registry and one shared store.
class ReplicaSharingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplicaSharingTest);
    CPPUNIT_TEST(threeColdReplicasMakeOneChain);
    CPPUNIT_TEST(aColdReplicaAsksNobody);
    CPPUNIT_TEST(storesWithoutLocksShareToo);
    CPPUNIT_TEST(aRecordIsOfOneRepository);
    CPPUNIT_TEST(aPinnedDigestIsShared);
    CPPUNIT_TEST(aMovedTagIsAskedForOnce);
    CPPUNIT_TEST(aRefreshAsksAndTellsTheOthers);
    CPPUNIT_TEST(staleRecordsHelpWhereTheRegistryCannot);
    CPPUNIT_TEST(damagedRecordsAreAsIfThereWereNone);
    CPPUNIT_TEST(aRecordCannotChangeWhatIsKnownHere);
    CPPUNIT_TEST(lostContentsAreSharedAgain);
    CPPUNIT_TEST(aChainThatTakesLongIsStillOne);
    CPPUNIT_TEST(whoNeverComesBackIsWaitedForNoLongerThanItsLock);
    CPPUNIT_TEST(aStoreThatComesAndGoesFailsNobody);
    CPPUNIT_TEST(whatTheRegistryTookBackIsNobodysToGive);
    CPPUNIT_TEST(aPurgeRemovesWhatIsShared);
    CPPUNIT_TEST(whatIsPurgedIsNotTakenOverAgain);
    CPPUNIT_TEST(aPurgeFetchesNothing);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* V1 = "r.example.com/team/authz:v1";
    wasmproxy::test::TemporaryFolder _folders[3];
    testing::FakeRegistry _registry;
    ChangingSource _source;
    FakeSharedStore _shared;
    std::string _module = moduleBytes("one");
    Digest _manifest;

public:
    void setUp() override {
        servePrivate(_registry);
        _manifest = pushModule(_registry, "team/authz", "v1", _module);
    }

private:
    static PullOptions options() {
        auto options = quickOptions();
        options.replicaPoll = milliseconds(30);
        return options;
    }
    std::unique_ptr<Rooms> replica(int number, milliseconds tagTtl = seconds(60), const PullOptions& with = options()) {
        return std::make_unique<Rooms>(_registry, _folders[number].path(), _source, tagTtl, with, PullLimits(),
                                       &_shared);
    }
    static std::string served(Rooms& rooms, const std::string& reference = V1) {
        return contentOf(wait(ask(rooms.pulls, reference)).module());
    }
    std::string tagRecord() { return _shared.records().at("tag/" + std::string(V1)); }
    /// Publishing ends after the answers.
    template <class Condition>
    static void eventually(const char* what, Condition condition) {
        for (int i = 0; i < 500 && !condition(); ++i)
            std::this_thread::sleep_for(milliseconds(10));
        CPPUNIT_ASSERT_MESSAGE(what, condition());
    }
    void published() {
        eventually("nothing was published",
                   [&] { return _shared.records().count("tag/" + std::string(V1)) == 1 && _shared.claims() == 0; });
    }

    void threeColdReplicasMakeOneChain() {
        _registry.inject("", Registry, [](const auto&, auto&) { std::this_thread::sleep_for(milliseconds(50)); });
        std::vector<std::unique_ptr<Rooms>> replicas;
        for (int i = 0; i < 3; ++i)
            replicas.push_back(replica(i));
        std::vector<std::future<Answer>> answers;
        for (int i = 0; i < 20; ++i)
            for (auto& each : replicas)
                answers.push_back(ask(each->pulls, V1));
        for (auto& answer : answers)
            CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(std::move(answer)).module()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/manifests/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/blobs/" + Digest::of(_module).str()));
        std::uint64_t left = 0, learned = 0;
        for (auto& each : replicas) {
            left += each->pulls.sharing().figures().left;
            learned += each->pulls.sharing().figures().learned;
            CPPUNIT_ASSERT(each->index.contentBytes() > 0); // what came from the shared store counts
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), each->pulls.flights());
        }
        CPPUNIT_ASSERT(left > 0);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(2), learned);
        published();
    }

    void aColdReplicaAsksNobody() {
        auto first = replica(0);
        served(*first);
        published();
        _registry.forgetSeen();
        auto second = replica(1);
        const auto got = wait(ask(second->pulls, V1));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), got.module().manifest.str());
        CPPUNIT_ASSERT(_registry.seen().empty());
        // It counts from when it was validated, not from when it was learned.
        const auto there = first->index.tag(Reference::parse(V1))->validatedAt;
        const auto here = second->index.tag(Reference::parse(V1))->validatedAt;
        CPPUNIT_ASSERT(here <= there && there - here < milliseconds(2));
        _shared.fail(true); // from here on it stands alone
        CPPUNIT_ASSERT_EQUAL(_module, served(*second));
    }

    void storesWithoutLocksShareToo() {
        FakeSharedStore bucket(false);
        Rooms first(_registry, _folders[0].path(), _source, seconds(60), options(), {}, &bucket);
        served(first);
        eventually("nothing was published", [&] { return bucket.records().size() == 2; });
        _registry.forgetSeen();
        Rooms second(_registry, _folders[1].path(), _source, seconds(60), options(), {}, &bucket);
        CPPUNIT_ASSERT_EQUAL(_module, served(second));
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void aRecordIsOfOneRepository() {
        auto first = replica(0);
        served(*first);
        published();
        auto second = replica(1);
        // Neither the manifest nor the module is another repository's, though both are in the shared store.
        CPPUNIT_ASSERT(wait(ask(second->pulls, "r.example.com/team/other@" + _manifest.str())).code() ==
                       ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(wait(ask(second->pulls, "r.example.com/elsewhere/authz:v1")).code() == ErrorCode::RouteUnknown);
        // Nor if the record lies about whose it is.
        _shared.setRecord("tag/r.example.com/team/other:v1", tagRecord());
        CPPUNIT_ASSERT(wait(ask(second->pulls, "r.example.com/team/other:v1")).code() == ErrorCode::ManifestUnknown);
    }

    void aPinnedDigestIsShared() {
        const auto pinned = "r.example.com/team/authz@" + _manifest.str();
        auto first = replica(0);
        served(*first, pinned);
        eventually("nothing was published", [&] { return _shared.records().size() == 1 && _shared.claims() == 0; });
        _registry.forgetSeen();
        auto second = replica(1);
        CPPUNIT_ASSERT_EQUAL(_module, served(*second, pinned));
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void aMovedTagIsAskedForOnce() {
        constexpr milliseconds Ttl{1500};
        auto first = replica(0, Ttl), second = replica(1, Ttl);
        served(*first);
        published();
        served(*second);
        const auto next = moduleBytes("two");
        pushModule(_registry, "team/authz", "v1", next);
        _registry.forgetSeen();
        const auto moved = std::chrono::steady_clock::now();
        // Whoever's time is up first asks; nobody serves the old one for longer than a tag-ttl.
        bool firstHas = false, secondHas = false;
        while (!firstHas || !secondHas) {
            CPPUNIT_ASSERT(std::chrono::steady_clock::now() - moved < 4 * Ttl);
            firstHas = firstHas || served(*first) == next;
            secondHas = secondHas || served(*second) == next;
            if (firstHas != secondHas) std::this_thread::sleep_for(milliseconds(20));
            std::this_thread::sleep_for(milliseconds(20));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/manifests/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/blobs/" + Digest::of(next).str()));
    }

    void aRefreshAsksAndTellsTheOthers() {
        auto first = replica(0);
        served(*first);
        published();
        const auto next = moduleBytes("two");
        pushModule(_registry, "team/authz", "v1", next);
        const auto before = tagRecord();
        std::promise<std::string> promise;
        first->pulls.byReference(Reference::parse(V1), {}, {"req", "10.0.0.1", {}, true}, [&](ModuleResult result) {
            promise.set_value(contentOf(std::get<ServedModule>(result)));
        });
        CPPUNIT_ASSERT_EQUAL(next, promise.get_future().get());
        eventually("the new digest was not published", [&] { return tagRecord() != before; });
        auto second = replica(1);
        CPPUNIT_ASSERT_EQUAL(next, served(*second));
    }

    void staleRecordsHelpWhereTheRegistryCannot() {
        auto first = replica(0, milliseconds(1));
        served(*first);
        published();
        _registry.inject("", Registry, faults::status(503));
        auto second = replica(1, milliseconds(1));
        const auto got = wait(ask(second->pulls, V1));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
        CPPUNIT_ASSERT(got.module().cache == CacheResult::Stale);
    }

    void damagedRecordsAreAsIfThereWereNone() {
        auto first = replica(0);
        served(*first);
        published();
        const auto good = tagRecord();
        const auto other = Digest::of("other").str();
        const auto swap = [&](const std::string& from, const std::string& to) {
            auto text = good;
            const auto at = text.find(from);
            CPPUNIT_ASSERT_MESSAGE(from, at != std::string::npos);
            return text.replace(at, from.size(), to);
        };
        const std::vector<std::string> damaged = {
            "",
            "{}",
            "null",
            "[]",
            good.substr(0, good.size() / 2),
            good + "x",
            std::string(SharedStore::MaxRecord + 1, ' '),
            swap("\"version\":1", "\"version\":2"),
            swap("\"version\":1", "\"version\":\"1\""),
            swap("\"version\":1", "\"version\":1,\"version\":1"),
            swap("\"version\":1", "\"version\":1,\"more\":1"),
            swap("team/authz", "team/other"),
            swap("\"tag\":\"v1\"", "\"tag\":\"v2\""),
            swap(_manifest.str(), other.substr(0, 30)),
            swap("\"validatedAt\":", "\"validatedAt\":9"), // centuries ahead
            swap("\"validatedAt\":", "\"validatedAt\":-"),
        };
        for (const auto& each : damaged) {
            _shared.setRecord("tag/" + std::string(V1), each);
            wasmproxy::test::TemporaryFolder folder;
            Rooms cold(_registry, folder.path(), _source, seconds(60), options(), {}, &_shared);
            _registry.forgetSeen();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(each, _module, served(cold));
            CPPUNIT_ASSERT_MESSAGE(each, !_registry.seen().empty()); // it was asked, and what it says is written
            eventually(each.c_str(), [&] { return tagRecord() != each && _shared.claims() == 0; });
        }
    }

    void aRecordCannotChangeWhatIsKnownHere() {
        auto first = replica(0);
        served(*first);
        published();
        // Somebody who can write the store says that the same manifest, in another repository, is something else.
        const auto evil = moduleBytes("evil");
        _shared.put(evil);
        auto record = _shared.records().at("module/r.example.com/team/authz@" + _manifest.str());
        const auto replace = [&](const std::string& from, const std::string& to) {
            for (auto at = record.find(from); at != std::string::npos; at = record.find(from, at + to.size()))
                record.replace(at, from.size(), to);
        };
        replace("team/authz", "team/copy");
        replace(Digest::of(_module).str(), Digest::of(evil).str());
        _shared.setRecord("module/r.example.com/team/copy@" + _manifest.str(), record);
        pushModule(_registry, "team/copy", "v1", _module);
        CPPUNIT_ASSERT_EQUAL(_module, served(*first, "r.example.com/team/copy@" + _manifest.str()));
        CPPUNIT_ASSERT_EQUAL(_module, served(*first));
    }

    void lostContentsAreSharedAgain() {
        auto first = replica(0);
        served(*first);
        published();
        _shared.clear(); // evicted there; the records are not
        auto second = replica(1);
        CPPUNIT_ASSERT_EQUAL(_module, served(*second));
        eventually("the content was not shared again", [&] { return _shared.has(Digest::of(_module)); });
        _shared.spoil(Digest::of(_module), moduleBytes("two"));
        auto third = replica(2);
        CPPUNIT_ASSERT_EQUAL(_module, served(*third));
        eventually("the right content was not shared again", [&] {
            return _shared.has(Digest::of(_module)) && *_shared.contents().at(Digest::of(_module)) == _module;
        });
    }

    void aChainThatTakesLongIsStillOne() {
        auto with = options();
        with.replicaLock = milliseconds(300);
        _registry.inject("GET", "/blobs/", [](const auto&, auto&) { std::this_thread::sleep_for(milliseconds(1500)); });
        std::vector<std::unique_ptr<Rooms>> replicas;
        std::vector<std::future<Answer>> answers;
        for (int i = 0; i < 3; ++i) {
            replicas.push_back(replica(i, seconds(60), with));
            answers.push_back(ask(replicas.back()->pulls, V1));
        }
        for (auto& answer : answers)
            CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(std::move(answer)).module()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/blobs/" + Digest::of(_module).str()));
        eventually("a lock stayed", [&] { return _shared.claims() == 0; });
    }

    void whoNeverComesBackIsWaitedForNoLongerThanItsLock() {
        auto with = options();
        with.replicaLock = with.replicaPatience = milliseconds(700);
        const auto key = "flight/" + std::string(Digest::of(V1).hex());
        Call call("dead", Call::Clock::now() + seconds(60));
        // The store forgets it in time, or it does not: the other replica's bound is the same.
        for (const auto lifetime : {milliseconds(700), milliseconds(60000)}) {
            auto dead = _shared.tryLock(call, key, lifetime);
            CPPUNIT_ASSERT(dead);
            wasmproxy::test::TemporaryFolder folder;
            Rooms alive(_registry, folder.path(), _source, seconds(60), with, {}, &_shared);
            const auto got = wait(ask(alive.pulls, V1));
            CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
            CPPUNIT_ASSERT_MESSAGE(std::to_string(got.after.count()),
                                   got.after > milliseconds(500) && got.after < milliseconds(2500));
            CPPUNIT_ASSERT(alive.pulls.sharing().figures().left > 3);
            eventually("nothing was published", [&] { return _shared.records().size() == 2; });
            dead.reset();
            for (const auto& [name, value] : _shared.records())
                _shared.removeRecord(call, name);
        }
    }
    void aStoreThatComesAndGoesFailsNobody() {
        std::vector<std::unique_ptr<Rooms>> replicas;
        for (int i = 0; i < 3; ++i)
            replicas.push_back(replica(i, milliseconds(20)));
        std::atomic<bool> done{false};
        std::thread trouble([&] {
            for (bool down = true; !done; down = !down) {
                _shared.fail(down);
                std::this_thread::sleep_for(milliseconds(7));
            }
            _shared.fail(false);
        });
        std::size_t failed = 0;
        for (int round = 0; round < 40; ++round) {
            std::vector<std::future<Answer>> answers;
            for (auto& each : replicas)
                for (int i = 0; i < 3; ++i)
                    answers.push_back(ask(each->pulls, V1));
            for (auto& answer : answers) {
                const auto got = wait(std::move(answer));
                const auto* module = std::get_if<ServedModule>(&got.result);
                failed += !module || contentOf(*module) != _module;
            }
        }
        done = true;
        trouble.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), failed);
    }

    void whatTheRegistryTookBackIsNobodysToGive() {
        auto first = replica(0, milliseconds(1));
        served(*first);
        published();
        const auto record = tagRecord();
        _registry.inject("", Registry, faults::status(412));
        CPPUNIT_ASSERT(wait(ask(first->pulls, V1)).code() == ErrorCode::Blocked);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), _shared.records().count("tag/" + std::string(V1)));
        _shared.setRecord("tag/" + std::string(V1), record); // of a replica that has not heard of it
        _registry.inject("", Registry, faults::status(503));
        const auto held = wait(ask(first->pulls, V1));
        CPPUNIT_ASSERT(std::holds_alternative<Error>(held.result));
    }

    void aPurgeRemovesWhatIsShared() {
        auto first = replica(0);
        const auto distrust = [&](const Reference& tag) { first->pulls.distrust(tag); };
        const auto forgetHot = [&](const Digest& digest) { first->pulls.forgetHot(digest); };
        Purge purge(first->cache, first->index, {forgetHot, distrust}, 1 << 20);
        const auto reference = Reference::parse(V1);
        const std::function<Purge::Plan()> forms[] = {[&] { return purge.reference(reference); },
                                                      [&] { return purge.digest(Digest::of(_module)); },
                                                      [&] { return purge.repository(reference.repository()); }};
        Call call("purge", Call::Clock::now() + seconds(20));
        for (const auto& form : forms) {
            served(*first);
            published();
            _shared.fail(true);
            auto purged = purge.run(call, form());
            CPPUNIT_ASSERT(std::set<std::string>{"shared"} == purged.unreached);
            CPPUNIT_ASSERT(purged.contents > 0 && first->index.contentsByAge().empty()); // here all the same
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), purged.tags + purged.links + purged.modules);
            _shared.fail(false);
            purged = purge.run(call, form()); // as the API's text says
            CPPUNIT_ASSERT(purged.unreached.empty());
            CPPUNIT_ASSERT(purged.tags == 1 && purged.modules == 1 && purged.links > 0);
            CPPUNIT_ASSERT(_shared.records().empty());
            CPPUNIT_ASSERT(_shared.contents().empty());
            CPPUNIT_ASSERT(form().nothing());
        }
    }

    void whatIsPurgedIsNotTakenOverAgain() {
        auto first = replica(0);
        served(*first);
        published();
        Purge purge(first->cache, first->index,
                    {[&](const Digest& digest) { first->pulls.forgetHot(digest); },
                     [&](const Reference& tag) { first->pulls.distrust(tag); }},
                    1 << 20);
        Call call("purge", Call::Clock::now() + seconds(5));
        _shared.fail(true);
        purge.run(call, purge.reference(Reference::parse(V1)));
        _shared.fail(false); // it still says what the tag meant
        const auto moved = moduleBytes("two");
        pushModule(_registry, "team/authz", "v1", moved);
        CPPUNIT_ASSERT_EQUAL(moved, served(*first));
    }

    void aPurgeFetchesNothing() {
        auto first = replica(0);
        served(*first);
        published();
        const auto other = pushModule(_registry, "team/authz", "v2", moduleBytes("two"));
        served(*first, "r.example.com/team/authz:v2");
        eventually("v2 was not shared", [&] { return _shared.has(other); });
        Call call("purge", Call::Clock::now() + seconds(5));
        CPPUNIT_ASSERT(first->cache.remove(call, other)); // evicted here
        Purge purge(first->cache, first->index, {}, 1 << 20);
        CPPUNIT_ASSERT(purge.run(call, purge.reference(Reference::parse(V1))).contents > 0);
        CPPUNIT_ASSERT(!first->cache.openTrusted(call, other));
        CPPUNIT_ASSERT(_shared.has(other));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplicaSharingTest);
