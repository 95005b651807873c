// SPDX-License-Identifier: Apache-2.0
// When a registry is asked again what a tag means, and what answers while it cannot be.
#include "PullRooms.h"

#include "pull/Prefetch.h"
#include "support/TemporaryFolder.h"

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
namespace faults = wasmproxy::testing::faults;
using Clock = std::chrono::steady_clock;

namespace {

const std::string Tag = "r.example.com/team/authz:v1";

testing::FakeRegistry::Change failure(ErrorCode code) {
    return [code](const auto&, auto&) { throw Error(code, "as the transport says it"); };
}

} // namespace

class FreshnessPullTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FreshnessPullTest);
    CPPUNIT_TEST(whoAsksNeverWaitsForARevalidation);
    CPPUNIT_TEST(whatNobodyAsksForIsLeftAlone);
    CPPUNIT_TEST(aMoveIsSeenInTimeAndIsAnEvent);
    CPPUNIT_TEST(everyFailureIsServedStaleAndCounted);
    CPPUNIT_TEST(anOutageIsOverForThoseWhoAskWithoutAWait);
    CPPUNIT_TEST(whoWaitsHurriesTheRevalidation);
    CPPUNIT_TEST(whatCountsDoesNotWaitForOne);
    CPPUNIT_TEST(aRevalidationInTheFutureCountsAsExpired);
    CPPUNIT_TEST(anAnswerCountsFromWhenItWasAskedFor);
    CPPUNIT_TEST(whoCameTooLateForAnAnswerGetsTheNext);
    CPPUNIT_TEST(alwaysAsksOncePerSecond);
    CPPUNIT_TEST(aReloadEndsWhatWasScheduled);
    CPPUNIT_TEST(whatIsScheduledHoldsNoConfiguration);
    CPPUNIT_TEST(prefetchPullsAndTriesAgain);
    CPPUNIT_TEST(prefetchWaitsNoLongerThanItMay);
    CPPUNIT_TEST_SUITE_END();

    wasmproxy::test::TemporaryFolder _folder;
    testing::FakeRegistry _registry;
    ChangingSource _source;
    std::string _module = moduleBytes("one");
    Digest _manifest;

public:
    void setUp() override {
        servePrivate(_registry);
        _manifest = pushModule(_registry, "team/authz", "v1", _module);
    }

private:
    std::size_t checks() const { return _registry.count("HEAD", "/manifests/v1"); }

    /// Asks all the time; returns how many had to wait. `each` is shown each answer.
    template <class Each>
    static int askFor(PullService& pulls, milliseconds time, Each each) {
        int waited = 0;
        for (const auto end = Clock::now() + time; Clock::now() < end;) {
            auto answer = ask(pulls, Tag);
            if (answer.wait_for(seconds(0)) != std::future_status::ready) ++waited;
            each(wait(std::move(answer)).module());
            std::this_thread::sleep_for(milliseconds(5));
        }
        return waited;
    }

    void whoAsksNeverWaitsForARevalidation() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(2));
        wait(ask(rooms.pulls, Tag)).module();
        _registry.forgetSeen();
        std::atomic<int> waited{0};
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&] {
                waited += askFor(rooms.pulls, milliseconds(2600),
                                 [](const ServedModule& module) { CPPUNIT_ASSERT(module.cache == CacheResult::Hit); });
            });
        for (auto& client : clients)
            client.join();
        CPPUNIT_ASSERT_EQUAL(0, waited.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks()); // at 1.6 to 1.9 s; the next comes after 3.2
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), _registry.count("GET", "/manifests/"));
        CPPUNIT_ASSERT(rooms.metrics.text().find("revalidations_total{result=\"unchanged\"} 1") != std::string::npos);
    }

    void whatNobodyAsksForIsLeftAlone() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(300));
        wait(ask(rooms.pulls, Tag)).module();
        _registry.forgetSeen();
        std::this_thread::sleep_for(milliseconds(600));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), checks());
        wait(ask(rooms.pulls, Tag)).module(); // that waits for its check
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks());
        wait(ask(rooms.pulls, Tag)).module(); // and a hit is worth one more
        std::this_thread::sleep_for(milliseconds(1000));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), checks());
    }

    void aMoveIsSeenInTimeAndIsAnEvent() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(1500));
        wait(ask(rooms.pulls, Tag)).module();
        const auto moved = pushModule(_registry, "team/authz", "v1", moduleBytes("moved"));
        const auto at = Clock::now();
        bool seen = false;
        for (auto asked = at; asked < at + milliseconds(2500); asked = Clock::now()) {
            const auto module = wait(ask(rooms.pulls, Tag)).module();
            const bool is = contentOf(module) == moduleBytes("moved");
            CPPUNIT_ASSERT_EQUAL((is ? moved : _manifest).str(), module.manifest.str());
            CPPUNIT_ASSERT(is || !seen); // never back
            CPPUNIT_ASSERT(is || asked - at < milliseconds(1500));
            seen = is;
            std::this_thread::sleep_for(milliseconds(5));
        }
        CPPUNIT_ASSERT(seen);
        const auto events = rooms.pulls.tagMoves().newestFirst();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), events.size());
        CPPUNIT_ASSERT_EQUAL(Tag, events[0].reference);
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), events[0].from.str());
        CPPUNIT_ASSERT_EQUAL(moved.str(), events[0].to.str());
        CPPUNIT_ASSERT_EQUAL(std::string("revalidation"), events[0].requestId);
    }

    void everyFailureIsServedStaleAndCounted() {
        struct Row {
            const char* name;
            testing::FakeRegistry::Change change;
            const char* reason;
        };
        auto options = quickOptions();
        options.remember = milliseconds(1);
        options.deadline = milliseconds(1500);
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(0), options);
        wait(ask(rooms.pulls, Tag)).module();
        const std::vector<Row> rows{
            {"429", faults::status(429, "", {{"Retry-After", "0"}}), "TOOMANYREQUESTS"},
            {"500", faults::status(500), "UNAVAILABLE"},
            {"501", faults::status(501), nullptr},
            {"502", faults::status(502), "UNAVAILABLE"},
            {"503", faults::status(503), "UNAVAILABLE"},
            {"504", faults::status(504), "UNAVAILABLE"},
            {"599", faults::status(599), nullptr},
            {"DNS, connection, TLS", failure(ErrorCode::UpstreamUnavailable), "UNAVAILABLE"},
            {"a timeout of the transport", failure(ErrorCode::DeadlineExceeded), "UNAVAILABLE"},
            {"silence", faults::silence(), "SLOW"},
            {"a name that leads inside", failure(ErrorCode::AddressRefused), "ADDRESS_REFUSED"},
            {"a plugin's fault", failure(ErrorCode::PluginFault), "PLUGIN_FAULT"},
            {"an internal fault", failure(ErrorCode::Internal), "INTERNAL"},
            {"a login page", faults::webPage(), "UPSTREAM_INVALID"},
            {"401", faults::status(401), "CREDENTIAL_REFUSED"},
            {"403", faults::status(403), "REPOSITORY_DENIED"},
        };
        const auto stale = [&] { return rooms.metrics.text(); };
        for (const auto& row : rows) {
            std::this_thread::sleep_for(milliseconds(5));           // what the one before left is forgotten
            _source.set(std::string("as of the case ") + row.name); // or a refusal would be remembered
            const auto before = row.reason ? figure(stale(), row.reason) : 0;
            _registry.inject("", Registry, row.change);
            const auto got = wait(ask(rooms.pulls, Tag));
            CPPUNIT_ASSERT_MESSAGE(row.name, std::holds_alternative<ServedModule>(got.result));
            CPPUNIT_ASSERT_MESSAGE(row.name, got.module().cache == CacheResult::Stale);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.name, _module, contentOf(got.module()));
            CPPUNIT_ASSERT_MESSAGE(row.name, got.after < milliseconds(1400));
            if (row.reason) CPPUNIT_ASSERT_EQUAL_MESSAGE(row.name, before + 1, figure(stale(), row.reason));
            _registry.heal();
            _source.set("right");
            for (int i = 0; i < 200 && rooms.pulls.flights() != 0; ++i)
                std::this_thread::sleep_for(milliseconds(20));
        }
    }

    static int figure(const std::string& text, const std::string& reason) {
        const std::string name = "wasm_proxy_stale_answers_total{reason=\"" + reason + "\"} ";
        const auto at = text.find(name);
        return at == std::string::npos ? 0 : std::stoi(text.substr(at + name.size()));
    }

    void anOutageIsOverForThoseWhoAskWithoutAWait() {
        auto options = quickOptions();
        options.remember = milliseconds(400);
        Rooms rooms(_registry, _folder.path(), _source, seconds(1), options);
        wait(ask(rooms.pulls, Tag)).module();
        _registry.inject("", Registry, faults::status(503));
        int stale = 0;
        const auto count = [&](const ServedModule& module) { stale += module.cache == CacheResult::Stale; };
        // The first check, at 800 to 950 ms, fails, and the one after: from then on there is one each 400 ms, nobody's.
        CPPUNIT_ASSERT(askFor(rooms.pulls, milliseconds(3200), count) <= 5); // where two of these moments meet
        CPPUNIT_ASSERT(stale > 20);
        _registry.heal();
        askFor(rooms.pulls, milliseconds(700), [](const ServedModule&) {});
        CPPUNIT_ASSERT_EQUAL(0, askFor(rooms.pulls, milliseconds(300), [](const ServedModule& module) {
                                 CPPUNIT_ASSERT(module.cache == CacheResult::Hit);
                             }));
    }

    /// Somebody comes when the time is over and the check is still on its way: there is no second one.
    void whoWaitsHurriesTheRevalidation() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(500));
        wait(ask(rooms.pulls, Tag)).module();
        _registry.forgetSeen();
        wait(ask(rooms.pulls, Tag)).module();
        _registry.inject("HEAD", Registry, [](const auto&, auto&) { std::this_thread::sleep_for(milliseconds(300)); });
        std::this_thread::sleep_for(milliseconds(550));
        const auto got = wait(ask(rooms.pulls, Tag));
        CPPUNIT_ASSERT(got.module().cache == CacheResult::Hit);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks());
    }

    /// A module that is not among the open ones is opened, not held until the registry has answered.
    void whatCountsDoesNotWaitForOne() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(2));
        wait(ask(rooms.pulls, Tag)).module();
        wait(ask(rooms.pulls, Tag)).module();
        _registry.inject("HEAD", Registry, faults::silence());
        for (int i = 0; i < 400 && rooms.pulls.flights() == 0; ++i)
            std::this_thread::sleep_for(milliseconds(5));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), rooms.pulls.flights());
        const auto tag = rooms.index.tag(Reference::parse(Tag));
        if (std::chrono::system_clock::now() - tag->validatedAt < milliseconds(1950)) {
            rooms.pulls.forgetHot(Digest::of(_module));
            const auto got = wait(ask(rooms.pulls, Tag));
            CPPUNIT_ASSERT(got.module().cache == CacheResult::Hit);
            CPPUNIT_ASSERT(got.after < milliseconds(400));
        }
        _registry.heal();
    }

    void aRevalidationInTheFutureCountsAsExpired() {
        Rooms rooms(_registry, _folder.path(), _source, std::chrono::hours(1));
        const auto manifest = wait(ask(rooms.pulls, Tag)).module().manifest;
        const auto reference = Reference::parse(Tag);
        rooms.index.recordTag(reference, manifest, std::chrono::system_clock::now() + std::chrono::hours(24));
        _registry.forgetSeen();
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, Tag)).module().cache == CacheResult::Hit);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks());
        CPPUNIT_ASSERT(rooms.index.tag(reference)->validatedAt <= std::chrono::system_clock::now()); // mended
        rooms.index.recordTag(reference, manifest, std::chrono::system_clock::now() + std::chrono::hours(24));
        _registry.inject("", Registry, faults::status(503));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, Tag)).module().cache == CacheResult::Stale);
    }

    void anAnswerCountsFromWhenItWasAskedFor() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        _registry.inject("GET", "/blobs/", [](const auto&, auto&) { std::this_thread::sleep_for(milliseconds(600)); });
        const auto begun = std::chrono::system_clock::now();
        wait(ask(rooms.pulls, Tag)).module();
        const auto reference = Reference::parse(Tag);
        const auto recorded = rooms.index.tag(reference)->validatedAt;
        CPPUNIT_ASSERT(recorded - begun < milliseconds(500));
        // And what has been heard since is not taken back by who took longer.
        rooms.index.recordTag(reference, Digest::of("older"), recorded - seconds(1));
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), rooms.index.tag(reference)->digest.str());
    }

    /// A pull takes longer than an answer about its tag counts.
    void whoCameTooLateForAnAnswerGetsTheNext() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(400));
        _registry.inject(
            "GET", "/blobs/", [](const auto&, auto&) { std::this_thread::sleep_for(milliseconds(1200)); }, 1);
        auto first = ask(rooms.pulls, Tag);
        auto early = ask(rooms.pulls, Tag);
        std::this_thread::sleep_for(milliseconds(800));
        const auto asked = checks();
        auto late = ask(rooms.pulls, Tag);
        CPPUNIT_ASSERT(wait(std::move(first)).module().cache == CacheResult::Miss);
        CPPUNIT_ASSERT(wait(std::move(early)).module().cache == CacheResult::Miss);
        CPPUNIT_ASSERT(wait(std::move(late)).module().cache == CacheResult::Hit);
        CPPUNIT_ASSERT_EQUAL(asked + 1, checks());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/blobs/" + Digest::of(_module).str()));
    }

    void alwaysAsksOncePerSecond() {
        Rooms rooms(_registry, _folder.path(), _source, std::chrono::hours(1));
        auto routes = Rooms::routesTo(rooms.backend, std::chrono::hours(1));
        routes[0].alwaysAsk = true;
        const RouteTable table(routes);
        rooms.pulls.use(std::shared_ptr<PullSetup>(
            new PullSetup{2, PullTargets(table, rooms.extensions, nullptr),
                          ModulePuller(rooms.cache, rooms.index, rooms.keychain, rooms.memory, {}),
                          HttpSource(rooms.cache, rooms.index, {}, [this](const std::string&) {
                              return std::shared_ptr<HttpTransport>(std::shared_ptr<void>(), &_registry);
                          })}));
        wait(ask(rooms.pulls, Tag)).module();
        _registry.forgetSeen();
        std::this_thread::sleep_for(milliseconds(1050));
        wait(ask(rooms.pulls, Tag)).module();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks());
        for (int i = 0; i < 20; ++i)
            wait(ask(rooms.pulls, Tag)).module();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), checks());
        rooms.pulls.stop(); // the table goes first
    }

    void aReloadEndsWhatWasScheduled() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(500));
        wait(ask(rooms.pulls, Tag)).module();
        wait(ask(rooms.pulls, Tag)).module();
        _registry.forgetSeen();
        rooms.pulls.use(nullptr);
        std::this_thread::sleep_for(milliseconds(600));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), checks());
    }

    void whatIsScheduledHoldsNoConfiguration() {
        Rooms rooms(_registry, _folder.path(), _source, std::chrono::hours(1));
        wait(ask(rooms.pulls, Tag)).module();
        wait(ask(rooms.pulls, Tag)).module();
        const std::weak_ptr<PullSetup> before = rooms.setup;
        rooms.pulls.use(nullptr);
        rooms.setup.reset();
        // The worker that gave the answer may be about to let go of it.
        for (int i = 0; i < 500 && !before.expired(); ++i)
            std::this_thread::sleep_for(milliseconds(20));
        CPPUNIT_ASSERT(before.expired());
    }

    void prefetchPullsAndTriesAgain() {
        auto options = quickOptions();
        options.hold = milliseconds(800);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60), options);
        Prefetch prefetch(rooms.pulls);
        _registry.inject("", "/team/late/", faults::status(503));
        pushModule(_registry, "team/late", "v1", moduleBytes("late"));
        prefetch.use({{"oci://" + Tag, Tag, "r.example.com/team/late:v1", "r.example.com/other/x:v1"},
                      seconds(60),
                      seconds(30)});
        const auto until = [&](auto holds) {
            for (int i = 0; i < 600 && !holds(prefetch.state()); ++i) {
                std::this_thread::sleep_for(milliseconds(20));
                prefetch.tick();
            }
            CPPUNIT_ASSERT(holds(prefetch.state()));
        };
        until([](const Prefetch::State& state) { return state.pulled() == 1 && state.failed() == 2; });
        auto state = prefetch.state();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), state.items.size()); // one was there twice
        CPPUNIT_ASSERT_EQUAL(std::string("r.example.com/other/x:v1"), state.items[0].reference);
        CPPUNIT_ASSERT(state.items[0].error->code() == ErrorCode::RouteUnknown);
        CPPUNIT_ASSERT_EQUAL(_manifest.str(), state.items[1].manifest->str());
        CPPUNIT_ASSERT_EQUAL(std::string("prefetching 2 of 3"), prefetch.waiting()); // no route will come of waiting
        _registry.heal();
        until([](const Prefetch::State& now) { return now.pulled() == 2; });
        CPPUNIT_ASSERT_EQUAL(std::string(), prefetch.waiting());
        CPPUNIT_ASSERT(ask(rooms.pulls, Tag).get().module().cache == CacheResult::Hit);
        // Another list: what was there stays, nothing waits any more.
        _registry.forgetSeen();
        prefetch.use({{Tag}, seconds(0), seconds(30)});
        state = prefetch.state();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), state.items.size());
        CPPUNIT_ASSERT(state.items[0].pulled());
        CPPUNIT_ASSERT_EQUAL(std::string(), prefetch.waiting());
        CPPUNIT_ASSERT(_registry.seen().empty());
        rooms.pulls.stop();
    }

    void prefetchWaitsNoLongerThanItMay() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        Prefetch prefetch(rooms.pulls);
        _registry.inject("", Registry, faults::silence());
        prefetch.use({{Tag}, seconds(60), milliseconds(300)});
        CPPUNIT_ASSERT_EQUAL(std::string("prefetching 0 of 1"), prefetch.waiting());
        std::this_thread::sleep_for(milliseconds(350));
        CPPUNIT_ASSERT_EQUAL(std::string(), prefetch.waiting());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), prefetch.state().pulled());
        _registry.heal();
        rooms.pulls.stop();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FreshnessPullTest);
