// SPDX-License-Identifier: Apache-2.0
#include "IndexFixture.h"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;

/// What an operator claims, takes back and makes forgotten.
class PinTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PinTest);
    CPPUNIT_TEST(pinsSurviveRestart);
    CPPUNIT_TEST(pinsSurviveALostDatabase);
    CPPUNIT_TEST(anOlderDatabaseGetsTheTable);
    CPPUNIT_TEST(modulesAndLinksAreForgotten);
    CPPUNIT_TEST_SUITE_END();

    TemporaryFolder _folder;
    std::string _path = _folder / "index.db";

    void pinsSurviveRestart() {
        std::chrono::system_clock::time_point since;
        {
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT(!index.pinned(digest(1)) && index.pins().empty());
            index.pin(digest(1));
            index.pin(digest(2));
            since = index.pinned(digest(1))->since;
            index.pin(digest(1));
            CPPUNIT_ASSERT(index.pinned(digest(1))->since == since);
            index.unpin(digest(2));
            index.unpin(digest(3));
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.pins().size());
        const auto apart = since - index.pins().front().since;
        CPPUNIT_ASSERT(apart >= apart.zero() && apart < std::chrono::milliseconds(1));
        CPPUNIT_ASSERT(index.pins().front().digest == digest(1));
    }

    void pinsSurviveALostDatabase() {
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        {
            DigestIndex index(settings(_path));
            index.pin(digest(1));
            index.recordTag(reference, digest(4));
        } // writes the copy
        writeFile(_path, "no database");
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(!index.setAside().empty());
        CPPUNIT_ASSERT(index.pinned(digest(1)) && index.tag(reference));
    }

    void anOlderDatabaseGetsTheTable() {
        const auto reference = Reference::parse("ghcr.io/team/app:v1");
        {
            DigestIndex index(settings(_path));
            index.recordTag(reference, digest(4));
        }
        {
            Poco::Data::Session session("SQLite", _path);
            session << "DROP TABLE pins", Poco::Data::Keywords::now;
        }
        {
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT(index.setAside().empty());
            CPPUNIT_ASSERT(index.tag(reference) && index.pins().empty());
            index.pin(digest(4));
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty() && index.pinned(digest(4)));
    }

    void modulesAndLinksAreForgotten() {
        const Repository one("ghcr.io", "team/app");
        const Repository other("ghcr.io", "team/other");
        ModuleRecord record;
        record.manifest = record.selectedManifest = digest(1);
        record.module = record.layer = digest(2);
        record.size = 8;
        {
            DigestIndex index(settings(_path));
            index.recordModule(record, one);
            index.link(digest(2), other);
            index.recordTag(Reference(one, "v2"), digest(1));
            index.recordTag(Reference(one, "v1"), digest(1));
            index.recordTag(Reference(other, "v1"), digest(1));
            CPPUNIT_ASSERT((std::vector<std::string>{"ghcr.io/team/app:v1", "ghcr.io/team/app:v2"}) ==
                           index.tagsIn(one));
            CPPUNIT_ASSERT_EQUAL(std::size_t(2), index.linkedTo(one).size());
            index.unlink(digest(2), one);
            index.forgetModule(digest(1));
            index.forgetModule(digest(9));
            CPPUNIT_ASSERT(index.modulesBySha256(digest(2)).empty() && index.modules().empty());
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(!index.linked(digest(2), one) && index.linked(digest(2), other));
        CPPUNIT_ASSERT(index.linked(digest(1), one));
        CPPUNIT_ASSERT(!index.module(digest(1)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PinTest);
