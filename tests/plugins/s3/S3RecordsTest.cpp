// SPDX-License-Identifier: Apache-2.0
#include "ObjectList.h"
#include "S3Fixture.h"
#include "XmlReader.h"

namespace wasmproxy::s3::test {
namespace {

class S3RecordsTest : public S3Fixture {
    CPPUNIT_TEST_SUITE(S3RecordsTest);
    CPPUNIT_TEST(comeAndGo);
    CPPUNIT_TEST(endWithTheirLifetime);
    CPPUNIT_TEST(whatIsNoRecordIsAbsent);
    CPPUNIT_TEST(theirBounds);
    CPPUNIT_TEST(xmlIsReadStrictly);
    CPPUNIT_TEST(listsAreReadStrictly);
    CPPUNIT_TEST(settingsThatMakeNoSense);
    CPPUNIT_TEST_SUITE_END();

    SharedStore& shared(S3Store& store) {
        auto* found = static_cast<SharedStore*>(store.ability(SharedStore::Id));
        CPPUNIT_ASSERT(found);
        return *found;
    }
    static std::string nameOf(const std::string& key) {
        return "wasm-proxy/records/" + std::string(Digest::of(key).hex());
    }

public:
    void comeAndGo() {
        const auto store = make();
        auto& records = shared(*store);
        Call work = call();
        const std::string key = "tag/ghcr.io/team/authz:v1/../x";
        CPPUNIT_ASSERT(!records.record(work, key));
        records.removeRecord(work, key);
        records.putRecord(work, key, "{\"a\":1}\n\n", 60s);
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}\n\n"), records.record(work, key).value());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), bucket.objects().count(nameOf(key)));
        records.putRecord(work, key, "", 60s);
        CPPUNIT_ASSERT_EQUAL(std::string(), records.record(work, key).value());
        const auto second = make();
        CPPUNIT_ASSERT(shared(*second).record(work, key));
        CPPUNIT_ASSERT(!shared(*second).record(work, "another"));
        records.removeRecord(work, key);
        CPPUNIT_ASSERT(!records.record(work, key));
        CPPUNIT_ASSERT(!records.canLock());
        CPPUNIT_ASSERT(!records.tryLock(work, key, 1s));
        CPPUNIT_ASSERT(!store->ability("shared-store/2"));
        std::size_t blobs = 0;
        store->visit(work, [&](const StoredBlob&) { ++blobs; });
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), blobs);
    }

    void endWithTheirLifetime() {
        const auto store = make();
        auto& records = shared(*store);
        Call work = call();
        records.putRecord(work, "k", "v", 60s);
        host.clock.advance(59s);
        CPPUNIT_ASSERT(records.record(work, "k"));
        host.clock.advance(1s);
        CPPUNIT_ASSERT(!records.record(work, "k"));
        records.putRecord(work, "k", "v", 0s);
        CPPUNIT_ASSERT(bucket.objects().empty());
        records.putRecord(work, "k", "v", std::chrono::seconds::max());
        CPPUNIT_ASSERT(records.record(work, "k"));
    }

    void whatIsNoRecordIsAbsent() {
        const auto store = make();
        auto& records = shared(*store);
        Call work = call();
        for (const std::string& bytes :
             {std::string(""), std::string("wasm-proxy record 1\n"),
              std::string("wasm-proxy record 2\nk\n9999999999\nv"),
              std::string("wasm-proxy record 1\nother\n9999999999\nv"), std::string("wasm-proxy record 1\nk\n-1\nv"),
              std::string("wasm-proxy record 1\nk\n99999999999999999999\nv"),
              std::string("wasm-proxy record 1\nk\n\nv"),
              "wasm-proxy record 1\nk\n9999999999\n" + std::string(SharedStore::MaxRecord + 1, 'v')}) {
            bucket.put(nameOf("k"), bytes);
            CPPUNIT_ASSERT_MESSAGE(bytes.substr(0, 50), !records.record(work, "k"));
        }
        bucket.put(nameOf("k"), "wasm-proxy record 1\nk\n9999999999\nv");
        CPPUNIT_ASSERT_EQUAL(std::string("v"), records.record(work, "k").value());
        bucket.put(nameOf("k"), std::string(200000, 'x'));
        expectError("huge", ErrorCode::StorageFault, "record", [&] { records.record(work, "k"); });
    }

    void theirBounds() {
        const auto store = make();
        auto& records = shared(*store);
        Call work = call();
        const std::string key(SharedStore::MaxKey, 'k');
        const std::string value(SharedStore::MaxRecord, 'v');
        records.putRecord(work, key, value, 60s);
        CPPUNIT_ASSERT(records.record(work, key) == value);
        expectError("value", ErrorCode::Internal, "64 KiB", [&] { records.putRecord(work, "k", value + "v", 60s); });
        for (const std::string& bad : {std::string(), key + "k", std::string("a b"), std::string("a\nb")})
            expectError(bad, ErrorCode::Internal, "key", [&] { records.record(work, bad); });
    }

    void xmlIsReadStrictly() {
        const auto read = [](const std::string& xml) {
            std::string seen;
            XmlReader::read(xml,
                            [&](const std::string& path, const std::string& text) { seen += path + "=" + text + ";"; });
            return seen;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("a/b=1 < \"2\";a/c=;a/d/e=x;a/d=;a=;"),
                             read("\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a x=\"y\"> <b>1 &lt; &quot;2&quot;</b>\n"
                                  "<c/><d><e >x</e ></d>rest</a>\n"));
        const std::string deep = std::string("<a>") + "<b><c><d><e><f><g><h><i><j><k><l><m><n><o><p><q>";
        for (const std::string& bad : {std::string(""),
                                       std::string("text"),
                                       std::string("<a>"),
                                       std::string("<a></b>"),
                                       std::string("</a>"),
                                       std::string("<a></a><b></b>"),
                                       std::string("<a/>text"),
                                       std::string("<a><!-- x --></a>"),
                                       std::string("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
                                       std::string("<a>&b;</a>"),
                                       std::string("<a>&#0;</a>"),
                                       std::string("<a><![CDATA[x]]></a>"),
                                       std::string("<a><?pi x?></a>"),
                                       std::string("<a b=\"<\"/>"),
                                       std::string("<a b=\">\"/>"),
                                       std::string("<a"),
                                       std::string("<>"),
                                       deep,
                                       std::string("<?xml version"),
                                       std::string("<a><b></a></b>")})
            expectError(bad, ErrorCode::StorageFault, "not the XML of a store", [&] { read(bad); });
    }

    void listsAreReadStrictly() {
        const auto list = [](const std::string& inner) {
            return ObjectList::parse("<ListBucketResult>" + inner + "</ListBucketResult>");
        };
        const std::string end = "<IsTruncated>false</IsTruncated>";
        CPPUNIT_ASSERT(list(end).objects.empty());
        const auto one = list("<Contents><Size>7</Size><Key>a&amp;b</Key><Owner><ID>o</ID></Owner></Contents>" + end);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), one.objects.size());
        CPPUNIT_ASSERT_EQUAL(std::string("a&b"), one.objects[0].key);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(7), one.objects[0].size);
        CPPUNIT_ASSERT(list("<NextContinuationToken>x</NextContinuationToken>" + end).continuation.empty());
        for (const std::string& bad :
             {std::string(), std::string("<IsTruncated>maybe</IsTruncated>"),
              std::string("<IsTruncated>true</IsTruncated>"), "<Contents><Key>k</Key></Contents>" + end,
              "<Contents><Size>1</Size></Contents>" + end, "<Contents><Key>k</Key><Size>-1</Size></Contents>" + end,
              "<Contents><Key>k</Key><Size>18446744073709551616</Size></Contents>" + end,
              "<Contents><Key>k</Key><Size>1</Size></Contents><Contents><Key>k</Key></Contents>" + end})
            expectError(bad, ErrorCode::StorageFault, "no list of objects", [&] { list(bad); });
        expectError("other", ErrorCode::StorageFault, "it is a Error/Code",
                    [] { ObjectList::parse("<Error><Code>x</Code></Error>"); });
    }

    void settingsThatMakeNoSense() {
        const auto problem = [](std::vector<KeyValue> values) {
            values.insert(values.begin(), {"region", "eu-west-1", ""});
            if (values.back().key != "bucket") values.push_back({"bucket", "modules", ""});
            S3Settings settings;
            std::vector<SettingsProblem> problems;
            settings.apply(values, "cache.s3.", problems);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(values[1].value, std::size_t(1), problems.size());
            return problems.front().key.substr(9);
        };
        for (const char* bad : {"", "ab", "Modules", "a_b", "-ab", "ab-", "a..b", "a/b", "a b"})
            CPPUNIT_ASSERT_EQUAL(std::string("bucket"), problem({{"bucket", bad, ""}}));
        for (const char* bad : {"/", "a", "/a/", "a//", "a/../b/", "./", "a b/", "a%20/", "\xc3\xa4/"})
            CPPUNIT_ASSERT_EQUAL(std::string("prefix"), problem({{"prefix", bad, ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("endpoint"), problem({{"endpoint", "https://minio/x", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("endpoint"), problem({{"endpoint", "ftp://minio", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("addressing"), problem({{"addressing", "host", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("ca-file"), problem({{"ca-file", "ca.pem", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("access-key-id"), problem({{"access-key-id", "AKID", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("secret-access-key-file"), problem({{"secret-access-key-file", "/k", ""}}));
        CPPUNIT_ASSERT_EQUAL(
            std::string("access-key-id"),
            problem({{"access-key-id", "AKID", ""}, {"secret-access-key-file", "/k", ""}, {"profile", "x", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("max-size"), problem({{"max-size", "6GiB", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("timeout"), problem({{"timeout", "1ms", ""}}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(S3RecordsTest);

} // namespace
} // namespace wasmproxy::s3::test
