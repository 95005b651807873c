// SPDX-License-Identifier: Apache-2.0
// An answer from memory may be given again only while everything that it rests on is as it was.
#include "PullRooms.h"

#include "support/TemporaryFolder.h"

#include <functional>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;

class AnswerTermsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AnswerTermsTest);
    CPPUNIT_TEST(eachChangeEndsThem);
    CPPUNIT_TEST(timeEndsThem);
    CPPUNIT_TEST(eachUseIsAnAccess);
    CPPUNIT_TEST_SUITE_END();

    wasmproxy::test::TemporaryFolder _folder;
    testing::FakeRegistry _registry;
    ChangingSource _source;
    const std::string _reference = "r.example.com/team/authz:v1";

public:
    void setUp() override {
        servePrivate(_registry);
        pushModule(_registry, "team/authz", "v1", moduleBytes("one"));
    }

private:
    /// Of an answer from memory; asked until there is time to use them.
    std::shared_ptr<const AnswerTerms> terms(Rooms& rooms) {
        wait(ask(rooms.pulls, _reference)).module();
        auto found = wait(ask(rooms.pulls, _reference)).module().terms;
        CPPUNIT_ASSERT(found);
        return found;
    }

    void eachChangeEndsThem() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(60000));
        const auto reference = Reference::parse(_reference);
        const auto other = Reference::parse("r.example.com/team/other:v1");
        const auto module = terms(rooms)->module;
        const std::vector<std::pair<const char*, std::function<void()>>> changes{
            {"another configuration", [&] { rooms.pulls.use(rooms.setup); }},
            {"extensions", [&] { rooms.extensions.replace("test", {}); }},
            {"extensions switched off", [&] { rooms.extensions.enable(false); }},
            {"a tag", [&] { rooms.index.recordTag(other, module); }},
            {"a link", [&] { rooms.index.link(module, other.repository()); }},
            {"a link less", [&] { rooms.index.unlink(module, other.repository()); }},
            {"not hot any more", [&] { rooms.pulls.forgetHot(module); }},
            {"a tag less", [&] { rooms.index.forgetTag(reference); }},
        };
        for (const auto& [what, change] : changes) {
            // A moment is soon over where others work, too.
            bool held = false;
            for (int i = 0; i < 50 && !held; ++i) {
                const auto found = terms(rooms);
                held = rooms.pulls.again(*found, "10.0.0.1");
                if (!held) continue;
                change();
                CPPUNIT_ASSERT_MESSAGE(what, !rooms.pulls.again(*found, "10.0.0.1"));
            }
            CPPUNIT_ASSERT_MESSAGE(what, held);
        }
        // What does not decide does not disturb.
        rooms.index.recordContent(module, 10);
        rooms.index.pin(module);
        const auto found = terms(rooms);
        const auto version = rooms.index.version();
        rooms.index.unpin(module);
        CPPUNIT_ASSERT_EQUAL(version, rooms.index.version());
        CPPUNIT_ASSERT_EQUAL(version, found->index);
    }

    void timeEndsThem() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(60000));
        AnswerTerms found = *terms(rooms);
        CPPUNIT_ASSERT(found.until - found.from == milliseconds(100));
        found.until = std::chrono::system_clock::now() - milliseconds(1);
        CPPUNIT_ASSERT(!rooms.pulls.again(found, "10.0.0.1"));
        found.from = std::chrono::system_clock::now() + std::chrono::hours(1); // the clock was set back
        found.until = found.from + milliseconds(100);
        CPPUNIT_ASSERT(!rooms.pulls.again(found, "10.0.0.1"));
        // A tag that is about to be asked for again is looked at each time.
        wasmproxy::test::TemporaryFolder folder;
        Rooms brief(_registry, folder.path(), _source, milliseconds(90));
        wait(ask(brief.pulls, _reference)).module();
        CPPUNIT_ASSERT(!wait(ask(brief.pulls, _reference)).module().terms);
    }

    void eachUseIsAnAccess() {
        Rooms rooms(_registry, _folder.path(), _source, milliseconds(60000));
        int used = 0;
        for (int i = 0; i < 50 && used < 3; ++i)
            if (rooms.pulls.again(*terms(rooms), "10.9.9.9")) ++used;
        CPPUNIT_ASSERT_EQUAL(3, used);
        AccessQuery query;
        query.caller = "10.9.9.9";
        const auto rows = rooms.index.accesses(query).rows;
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), rows.size());
        CPPUNIT_ASSERT_EQUAL(_reference, rows[0].reference);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AnswerTermsTest);
