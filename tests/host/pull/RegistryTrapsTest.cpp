// SPDX-License-Identifier: Apache-2.0
// What registries are known for, as far as it takes the whole of a pull to meet it.
#include "PullRooms.h"

#include "support/TemporaryFolder.h"

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using wasmproxy::test::TemporaryFolder;
namespace faults = wasmproxy::testing::faults;

namespace {

constexpr const char* Wrong = "Basic cm9ib3Q6d3Jvbmc="; // robot:wrong
constexpr const char* Right = "Basic cm9ib3Q6cmlnaHQ="; // robot:right

/// Two entries of a keyring match.
class TwoCredentials : public ChangingSource {
public:
    std::vector<Credential> find(Call&, const CredentialQuery&) override {
        return {{Credential::Kind::Basic, "first", "robot", Secret("wrong")},
                {Credential::Kind::Basic, "second", "robot", Secret("right")}};
    }
};

} // namespace

class RegistryTrapsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RegistryTrapsTest);
    CPPUNIT_TEST(row13NothingWrongIsCached);
    CPPUNIT_TEST(row18TwoCredentialsTheFirstRefused);
    CPPUNIT_TEST_SUITE_END();

    std::size_t shown(const testing::FakeRegistry& registry, const std::string& authorization) const {
        std::size_t count = 0;
        for (const auto& seen : registry.seen())
            count += seen.header("Authorization") == authorization ? 1 : 0;
        return count;
    }

    void row13NothingWrongIsCached() {
        const std::string module = moduleBytes("trap");
        const auto damage = [](const auto&, auto& reply) {
            if (reply.status == 200 && !reply.body.empty()) reply.body.back() ^= 1;
        };
        struct Case {
            const char* name;
            const char* tag;
            const char* where;
            testing::FakeRegistry::Change change;
            ErrorCode code;
        };
        for (const Case& each : std::vector<Case>{
                 {"a manifest of 4 MiB and 1", "big", "", nullptr, ErrorCode::UpstreamInvalid},
                 {"another length", "v1", "/blobs/", faults::header("Content-Length", "7"), ErrorCode::UpstreamInvalid},
                 {"cut for good", "v1", "/blobs/", faults::cutAfter(0), ErrorCode::UpstreamUnavailable},
                 {"another blob", "v1", "/blobs/", damage, ErrorCode::UpstreamInvalid},
                 {"another manifest", "v1", "/manifests/", damage, ErrorCode::UpstreamInvalid}}) {
            testing::FakeRegistry registry;
            const TemporaryFolder folder;
            ChangingSource source;
            servePrivate(registry);
            const auto manifest = pushModule(registry, "team/authz", "v1", module);
            registry.push(Registry, "team/authz", "big", std::string((4u << 20) + 1, ' '));
            if (each.change) registry.inject("GET", each.where, each.change);
            auto options = quickOptions();
            options.hold = milliseconds(800);
            Rooms rooms(registry, folder.path(), source, seconds(60), options);
            const auto got = wait(ask(rooms.pulls, std::string("r.example.com/team/authz:") + each.tag));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(each.name, static_cast<int>(each.code), static_cast<int>(got.code()));
            Call call("test", Call::Clock::now() + seconds(5));
            rooms.store.visit(call, [&](const StoredBlob& blob) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(each.name, manifest.str(), blob.digest.str()); // which was right
            });
        }
    }

    void row18TwoCredentialsTheFirstRefused() {
        testing::FakeRegistry registry;
        const TemporaryFolder folder;
        TwoCredentials source;
        servePrivate(registry);
        for (const char* path : {"team/authz", "team/other"})
            pushModule(registry, path, "v1", moduleBytes(path));
        Rooms rooms(registry, folder.path(), source, seconds(60));
        const auto got = wait(ask(rooms.pulls, "r.example.com/team/authz:v1"));
        CPPUNIT_ASSERT_EQUAL(moduleBytes("team/authz"), contentOf(got.module()));
        CPPUNIT_ASSERT(got.after < milliseconds(3000)); // at once, not after a wait
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), shown(registry, Wrong));
        CPPUNIT_ASSERT(shown(registry, Right) > 0);
        // What was refused is not shown again for another repository there.
        CPPUNIT_ASSERT_EQUAL(moduleBytes("team/other"),
                             contentOf(wait(ask(rooms.pulls, "r.example.com/team/other:v1")).module()));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), shown(registry, Wrong));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistryTrapsTest);
