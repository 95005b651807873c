// SPDX-License-Identifier: Apache-2.0
#include "PullRooms.h"

#include "eviction/Evictor.h"
#include "support/TemporaryFolder.h"

#include <atomic>
#include <thread>

using namespace wasmproxy::host::test;
using namespace wasmproxy;
using namespace wasmproxy::host;
namespace faults = wasmproxy::testing::faults;
using std::chrono::milliseconds;
using std::chrono::seconds;

class PullServiceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PullServiceTest);
    CPPUNIT_TEST(oneChainForAllWhoAsk);
    CPPUNIT_TEST(whatIsKnownIsAnsweredAtOnce);
    CPPUNIT_TEST(noRouteIsAnsweredAtOnce);
    CPPUNIT_TEST(aWrongPasswordIsHeldAndTriedOnce);
    CPPUNIT_TEST(aCorrectedPasswordWakesTheFlight);
    CPPUNIT_TEST(absenceTakesTwoLooks);
    CPPUNIT_TEST(aTagThatAppearsBetweenTheLooksIsServed);
    CPPUNIT_TEST(anOutageWithinTheHoldIsNotSeen);
    CPPUNIT_TEST(anOutageBeyondTheHoldIsUnavailable);
    CPPUNIT_TEST(wrongBytesAreNeitherServedNorKept);
    CPPUNIT_TEST(aCutBodyGoesOnWhereItStopped);
    CPPUNIT_TEST(aComponentIsRefusedAndRemembered);
    CPPUNIT_TEST(staleRatherThanNothing);
    CPPUNIT_TEST(whatIsBlockedIsNotServedStale);
    CPPUNIT_TEST(aRestartNeedsNoRegistry);
    CPPUNIT_TEST(aMovedTagIsSeenAfterItsTime);
    CPPUNIT_TEST(bitRotIsFetchedAgain);
    CPPUNIT_TEST(cacheIsNotPermission);
    CPPUNIT_TEST(stricterSettingsReachWhatIsCached);
    CPPUNIT_TEST(contentComesFromMirrorsFirst);
    CPPUNIT_TEST(aModuleByItsDigest);
    CPPUNIT_TEST(evictionKeepsWithinCapacity);
    CPPUNIT_TEST(stoppingAnswersEverybody);
    CPPUNIT_TEST_SUITE_END();

    wasmproxy::test::TemporaryFolder _folder;
    testing::FakeRegistry _registry;
    ChangingSource _source;
    std::string _module = moduleBytes("one");

public:
    void setUp() override {
        servePrivate(_registry);
        push("team/authz", "v1", _module);
    }

private:
    Digest push(const std::string& path, const std::string& tag, const std::string& module, bool withBlob = true) {
        return pushModule(_registry, path, tag, module, withBlob);
    }

    void oneChainForAllWhoAsk() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        std::vector<std::future<Answer>> answers;
        for (int i = 0; i < 200; ++i)
            answers.push_back(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        for (auto& answer : answers) {
            const auto got = wait(std::move(answer));
            CPPUNIT_ASSERT_EQUAL(Digest::of(_module).str(), got.module().module.str());
            CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
            CPPUNIT_ASSERT(got.module().content->descriptor() >= 0);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/manifests/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", "/blobs/" + Digest::of(_module).str()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), rooms.pulls.flights());
    }

    void whatIsKnownIsAnsweredAtOnce() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Miss);
        _registry.forgetSeen();
        auto second = ask(rooms.pulls, "r.example.com/team/authz:v1");
        CPPUNIT_ASSERT(second.wait_for(seconds(0)) == std::future_status::ready); // on the asking thread
        CPPUNIT_ASSERT(second.get().module().cache == CacheResult::Hit);
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void noRouteIsAnsweredAtOnce() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        auto answer = ask(rooms.pulls, "r.example.com/other/authz:v1");
        CPPUNIT_ASSERT(answer.wait_for(seconds(0)) == std::future_status::ready);
        CPPUNIT_ASSERT(answer.get().code() == ErrorCode::RouteUnknown);
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void aWrongPasswordIsHeldAndTriedOnce() {
        _source.set("wrong");
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        std::vector<std::future<Answer>> answers;
        for (int i = 0; i < 20; ++i)
            answers.push_back(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        for (auto& answer : answers) {
            const auto got = wait(std::move(answer));
            CPPUNIT_ASSERT(got.code() == ErrorCode::CredentialRefused);
            CPPUNIT_ASSERT(got.after >= milliseconds(3900));
        }
        std::size_t authorized = 0;
        for (const auto& seen : _registry.seen())
            authorized += seen.authorized();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized);
    }

    void aCorrectedPasswordWakesTheFlight() {
        _source.set("wrong");
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        auto answer = ask(rooms.pulls, "r.example.com/team/authz:v1");
        CPPUNIT_ASSERT(answer.wait_for(milliseconds(800)) == std::future_status::timeout);
        _source.set("right");
        const auto got = wait(std::move(answer));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
        CPPUNIT_ASSERT(got.after < milliseconds(3500));
    }

    void absenceTakesTwoLooks() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v2"));
        CPPUNIT_ASSERT(got.code() == ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(got.after >= milliseconds(300));
        CPPUNIT_ASSERT(_registry.count("HEAD", "/manifests/v2") >= 2);
        _registry.forgetSeen(); // remembered for a while
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v2")).code() == ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void aTagThatAppearsBetweenTheLooksIsServed() {
        auto options = quickOptions();
        options.secondLook = seconds(1);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60), options);
        auto answer = ask(rooms.pulls, "r.example.com/team/authz:v2");
        CPPUNIT_ASSERT(answer.wait_for(milliseconds(400)) == std::future_status::timeout);
        push("team/authz", "v2", moduleBytes("two"));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("two"), contentOf(wait(std::move(answer)).module()));
    }

    void anOutageWithinTheHoldIsNotSeen() {
        _registry.inject("", Registry, faults::status(503), 1);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module()));
    }

    void anOutageBeyondTheHoldIsUnavailable() {
        _registry.inject("", Registry, faults::status(503));
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        CPPUNIT_ASSERT(got.code() == ErrorCode::UpstreamUnavailable);
        CPPUNIT_ASSERT(got.after >= milliseconds(3900));
        CPPUNIT_ASSERT(_registry.seen().size() <= 4);
        _registry.heal(); // the Flight is still there for the agent's next attempt
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module()));
    }

    void wrongBytesAreNeitherServedNorKept() {
        _registry.inject("GET", "/blobs/", [](const auto&, auto& reply) {
            if (reply.status == 200 && !reply.body.empty()) reply.body[reply.body.size() - 1] ^= 1;
        });
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).code() == ErrorCode::UpstreamInvalid);
        Call call("test", Call::Clock::now() + seconds(5));
        CPPUNIT_ASSERT(!rooms.store.open(call, Digest::of(_module)));
        rooms.store.visit(call, [&](const StoredBlob& blob) {
            CPPUNIT_ASSERT(blob.size != _module.size()); // only the manifest is there
        });
    }

    void aCutBodyGoesOnWhereItStopped() {
        _registry.inject("GET", "/blobs/", faults::cutAfter(5), 1);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
        bool ranged = false;
        for (const auto& seen : _registry.seen())
            ranged = ranged || seen.header("Range") == "bytes=5-";
        CPPUNIT_ASSERT(ranged);
    }

    void aComponentIsRefusedAndRemembered() {
        std::string component = moduleBytes("component", 0x0d);
        component[6] = 1;
        push("team/component", "v1", component);
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/component:v1"));
        CPPUNIT_ASSERT(got.code() == ErrorCode::ModuleUnusable);
        CPPUNIT_ASSERT(std::string(std::get<Error>(got.result).what()).find("component") != std::string::npos);
        _registry.forgetSeen();
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/component:v1")).code() == ErrorCode::ModuleUnusable);
        CPPUNIT_ASSERT(_registry.seen().empty());
    }

    void staleRatherThanNothing() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(0)); // every answer must be validated
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Miss);
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Hit);
        _registry.inject("", Registry, faults::status(502));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Stale);
        _registry.forgetSeen(); // asked again only after a while
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Stale);
        CPPUNIT_ASSERT(_registry.seen().empty());
        _source.set("rotated away"); // a refused credential is an outage to who has the module
        _registry.heal();
        std::this_thread::sleep_for(milliseconds(3100));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module().cache == CacheResult::Stale);
    }

    void whatIsBlockedIsNotServedStale() {
        const std::string reference = "r.example.com/team/authz:v1";
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(0));
        wait(ask(rooms.pulls, reference)).module();
        _registry.inject("", Registry, faults::status(412));
        const auto held = wait(ask(rooms.pulls, reference));
        CPPUNIT_ASSERT_EQUAL(int(ErrorCode::Blocked), int(held.code()));
        CPPUNIT_ASSERT(held.after > milliseconds(3500) && held.after < milliseconds(4800)); // the whole hold
        _registry.inject("", Registry, faults::status(503)); // nor when it cannot be asked any more
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, reference)).code() == ErrorCode::UpstreamUnavailable);
        _registry.heal();
        auto healed = wait(ask(rooms.pulls, reference));
        // Where the Flight's next try comes after the hold, the retry meets it.
        if (std::holds_alternative<Error>(healed.result)) healed = wait(ask(rooms.pulls, reference));
        CPPUNIT_ASSERT(healed.module().cache == CacheResult::Hit);
    }

    void aRestartNeedsNoRegistry() {
        {
            Rooms rooms(_registry, _folder.path(), _source, seconds(60));
            wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module();
        }
        _registry.inject("", Registry, faults::status(503));
        {
            Rooms rooms(_registry, _folder.path(), _source, seconds(60));
            const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v1"));
            CPPUNIT_ASSERT(got.module().cache == CacheResult::Hit);
            CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
        }
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(0));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        CPPUNIT_ASSERT(got.module().cache == CacheResult::Stale);
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(got.module()));
    }

    void aMovedTagIsSeenAfterItsTime() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(400));
        wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module();
        push("team/authz", "v1", moduleBytes("moved"));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module()));
        std::this_thread::sleep_for(milliseconds(500));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("moved"),
                             contentOf(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module()));
    }

    void bitRotIsFetchedAgain() {
        {
            Rooms rooms(_registry, _folder.path(), _source, seconds(60));
            wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module();
        }
        const auto hex = std::string(Digest::of(_module).hex());
        _folder.write("blobs/blobs/sha256/" + hex.substr(0, 2) + "/" + hex, moduleBytes("rot"));
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module()));
    }

    void cacheIsNotPermission() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module();
        // A manifest in another repository that merely names the private module's digest.
        push("team/thief", "v1", _module, false);
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/thief:v1"));
        CPPUNIT_ASSERT(got.code() == ErrorCode::UpstreamInvalid);
        // That the thief's repository really holds the manifest (its bytes are the same) opens nothing either.
        const auto manifest = rooms.index.tag(Reference::parse("r.example.com/team/authz:v1"))->digest;
        CPPUNIT_ASSERT(rooms.index.linked(manifest, Repository("r.example.com", "team/thief")));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/thief@" + manifest.str())).code() ==
                       ErrorCode::UpstreamInvalid);
        rooms.pulls.bySha256(Digest::of(_module), {"req", "10.0.0.1"}, [](const ModuleResult& result) {
            CPPUNIT_ASSERT(std::holds_alternative<ServedModule>(result)); // through team/authz, which holds it
        });
    }

    void stricterSettingsReachWhatIsCached() {
        const std::string reference = "r.example.com/team/authz:v1"; // its module exports no ABI
        const auto with = [&](const PullLimits& limits) {
            Rooms rooms(_registry, _folder.path(), _source, seconds(60), quickOptions(), limits);
            return wait(ask(rooms.pulls, reference));
        };
        PullLimits limits;
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(with(limits).module()));
        limits.requireProxyWasm = RequireProxyWasm::Yes;
        CPPUNIT_ASSERT(with(limits).code() == ErrorCode::ModuleUnusable);
        limits = {};
        limits.module.moduleBytes = 5;
        CPPUNIT_ASSERT(with(limits).code() == ErrorCode::ModuleUnusable);
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(with({}).module()));
    }

    void contentComesFromMirrorsFirst() {
        const std::string dead = "https://dead.example.com", liar = "https://liar.example.com",
                          good = "https://good.example.com";
        _registry.serve(liar);
        _registry.pushBlob(liar, "team/authz", "something else");
        _registry.inject("GET", liar + "/v2/team/authz", faults::status(200, std::string(_module.size(), 'x')));
        _registry.serve(good);
        const auto layer = _registry.pushBlob(good, "team/authz", _module);
        testing::TestServices services(_registry);
        const auto mirror = [&](const std::string& origin) {
            auto settings = std::make_unique<DistributionSettings>();
            std::vector<SettingsProblem> problems;
            settings->apply({{"endpoint", origin, "test"}}, "backend.mirror.", problems);
            CPPUNIT_ASSERT(problems.empty());
            return std::make_unique<DistributionBackend>(services, std::move(settings),
                                                         std::make_unique<RegistryDialect>());
        };
        const auto first = mirror(dead), second = mirror(liar), third = mirror(good);

        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        auto routes = Rooms::routesTo(rooms.backend, seconds(60));
        routes[0].mirrors = {{"dead", "dead.example.com", first.get()},
                             {"liar", "liar.example.com", second.get()},
                             {"good", "good.example.com", third.get()}};
        const RouteTable table(routes);
        PullService& pulls = rooms.pulls;
        pulls.use(std::shared_ptr<PullSetup>(
            new PullSetup{2, PullTargets(table, rooms.extensions, nullptr),
                          ModulePuller(rooms.cache, rooms.index, rooms.keychain, rooms.memory, {}),
                          HttpSource(rooms.cache, rooms.index, {}, [this](const std::string&) {
                              return std::shared_ptr<HttpTransport>(std::shared_ptr<void>(), &_registry);
                          })}));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(wait(ask(pulls, "r.example.com/team/authz:v1")).module()));
        // The layer came from the good mirror, what the tag means from the registry, and its password went nowhere
        // else.
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), _registry.count("GET", good + "/v2/team/authz/blobs/" + layer.str()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), _registry.count("GET", Registry + "/v2/team/authz/blobs/"));
        CPPUNIT_ASSERT(_registry.count("HEAD", Registry + "/v2/team/authz/manifests/v1") >= 1);
        CPPUNIT_ASSERT(_registry.leaks({"right"}, {Registry}).empty());
        // A mirror that failed is left alone for a while.
        const auto asked = _registry.seenAt(liar).size();
        push("team/other", "v1", moduleBytes("other"));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("other"), contentOf(wait(ask(pulls, "r.example.com/team/other:v1")).module()));
        CPPUNIT_ASSERT_EQUAL(asked, _registry.seenAt(liar).size());
    }

    void aModuleByItsDigest() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).module();
        const auto by = [&](const Digest& digest) {
            auto promise = std::make_shared<std::promise<Answer>>();
            rooms.pulls.bySha256(digest, {"req", "10.0.0.1"}, [promise](ModuleResult result) {
                promise->set_value({std::move(result), {}});
            });
            return wait(promise->get_future());
        };
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(by(Digest::of(_module)).module()));
        CPPUNIT_ASSERT(by(Digest::of("nobody has this")).code() == ErrorCode::ModuleUnknown);
        // Evicted content comes again through its link.
        Call call("test", Call::Clock::now() + seconds(5));
        rooms.pulls.forgetHot(Digest::of(_module));
        rooms.cache.remove(call, Digest::of(_module));
        CPPUNIT_ASSERT_EQUAL(_module, contentOf(by(Digest::of(_module)).module()));
    }

    void evictionKeepsWithinCapacity() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        for (int i = 0; i < 8; ++i) {
            const auto name = std::to_string(i);
            push("team/m" + name, "v1", moduleBytes(std::string(100, char('a' + i))));
            wait(ask(rooms.pulls, "r.example.com/team/m" + name + ":v1")).module();
        }
        const auto before = rooms.index.contentBytes();
        Evictor::Options options;
        options.capacity = before / 2;
        options.every = std::chrono::hours(1);
        options.grace = milliseconds(0);
        options.forgetHot = [&](const Digest& digest) { rooms.pulls.forgetHot(digest); };
        const auto leased = wait(ask(rooms.pulls, "r.example.com/team/m0:v1"));
        Evictor evictor(rooms.cache, rooms.index, options);
        CPPUNIT_ASSERT(evictor.sweep() > 0);
        CPPUNIT_ASSERT(rooms.index.contentBytes() <= options.capacity);
        CPPUNIT_ASSERT_EQUAL(moduleBytes(std::string(100, 'a')), contentOf(leased.module())); // still readable
        for (int i = 0; i < 8; ++i) // and what went comes back
            CPPUNIT_ASSERT_EQUAL(
                moduleBytes(std::string(100, char('a' + i))),
                contentOf(wait(ask(rooms.pulls, "r.example.com/team/m" + std::to_string(i) + ":v1")).module()));
    }

    void stoppingAnswersEverybody() {
        _registry.inject("", Registry, faults::silence());
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        auto answer = ask(rooms.pulls, "r.example.com/team/authz:v1");
        CPPUNIT_ASSERT(answer.wait_for(milliseconds(200)) == std::future_status::timeout);
        std::thread stopper([&] { rooms.pulls.stop(); });
        CPPUNIT_ASSERT(wait(std::move(answer)).code() == ErrorCode::Busy);
        _registry.heal();
        stopper.join();
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/authz:v1")).code() == ErrorCode::Busy);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PullServiceTest);
