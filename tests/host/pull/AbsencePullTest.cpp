// SPDX-License-Identifier: Apache-2.0
// A tag that was there and is gone: by mistake, for a moment, or for good.
#include "PullRooms.h"

#include "support/TemporaryFolder.h"

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
namespace faults = wasmproxy::testing::faults;

class AbsencePullTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AbsencePullTest);
    CPPUNIT_TEST(aTagThatIsGoneForAMomentStopsNobody);
    CPPUNIT_TEST(oneThatStaysAwayIsGone);
    CPPUNIT_TEST(oneThatWasNeverThereIsGoneAtOnce);
    CPPUNIT_TEST_SUITE_END();

    static constexpr milliseconds TagTtl{50};
    static constexpr milliseconds Believed{1500};
    const std::string _tag = "r.example.com/team/authz:v1";

    wasmproxy::test::TemporaryFolder _folder;
    testing::FakeRegistry _registry;
    ChangingSource _source;

    static PullOptions options() {
        PullOptions options = quickOptions();
        options.believeAbsent = Believed;
        return options;
    }
    void removeTag() { _registry.inject("", "/manifests/v1", faults::status(404)); }

public:
    void setUp() override {
        servePrivate(_registry);
        pushModule(_registry, "team/authz", "v1", moduleBytes("one"));
    }

private:
    void aTagThatIsGoneForAMomentStopsNobody() {
        Rooms rooms(_registry, _folder.path(), _source, TagTtl, options());
        wait(ask(rooms.pulls, _tag)).module();
        for (int round = 0; round < 2; ++round) {
            removeTag();
            std::this_thread::sleep_for(2 * TagTtl);
            for (const auto end = Clock::now() + Believed / 2; Clock::now() < end;) {
                CPPUNIT_ASSERT(wait(ask(rooms.pulls, _tag)).module().cache == CacheResult::Stale);
                std::this_thread::sleep_for(milliseconds(20));
            }
            // There again: the time that it was gone does not add up.
            _registry.heal();
            for (const auto end = Clock::now() + seconds(20);
                 wait(ask(rooms.pulls, _tag)).module().cache == CacheResult::Stale;) {
                CPPUNIT_ASSERT(Clock::now() < end);
                std::this_thread::sleep_for(milliseconds(50));
            }
        }
    }

    void oneThatStaysAwayIsGone() {
        Rooms rooms(_registry, _folder.path(), _source, TagTtl, options());
        wait(ask(rooms.pulls, _tag)).module();
        removeTag();
        std::this_thread::sleep_for(2 * TagTtl);
        const auto gone = Clock::now();
        auto got = wait(ask(rooms.pulls, _tag));
        CPPUNIT_ASSERT(got.module().cache == CacheResult::Stale);
        while (std::holds_alternative<ServedModule>(got.result)) {
            CPPUNIT_ASSERT(Clock::now() < gone + seconds(30));
            std::this_thread::sleep_for(milliseconds(50));
            got = wait(ask(rooms.pulls, _tag));
        }
        CPPUNIT_ASSERT(Clock::now() - gone >= Believed);
        CPPUNIT_ASSERT(got.code() == ErrorCode::ManifestUnknown);
    }

    void oneThatWasNeverThereIsGoneAtOnce() {
        Rooms rooms(_registry, _folder.path(), _source, TagTtl, options());
        removeTag();
        const auto asked = Clock::now();
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, _tag)).code() == ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(Clock::now() - asked < Believed);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), _registry.count("HEAD", "/manifests/v1"));
    }

    using Clock = std::chrono::steady_clock;
};

CPPUNIT_TEST_SUITE_REGISTRATION(AbsencePullTest);
