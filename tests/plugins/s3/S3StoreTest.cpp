// SPDX-License-Identifier: Apache-2.0
#include "S3Fixture.h"

#include "wasmproxy/testing/CacheStoreSuite.h"

namespace wasmproxy::s3::test {
namespace {

std::string patterned(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i / 1000 + i) % 26);
    return text;
}

class S3StoreTest : public S3Fixture {
    CPPUNIT_TEST_SUITE(S3StoreTest);
    CPPUNIT_TEST(keepsTheContract);
    CPPUNIT_TEST(keepsTheContractInADirectory);
    CPPUNIT_TEST(aSpoolThatCannotBe);
    CPPUNIT_TEST(fetchesInPieces);
    CPPUNIT_TEST(storesOnceAndSigned);
    CPPUNIT_TEST(largerThanTheLimit);
    CPPUNIT_TEST(listsPageByPage);
    CPPUNIT_TEST(answersThatLie);
    CPPUNIT_TEST(whereTheBucketIs);
    CPPUNIT_TEST(ownAuthorities);
    CPPUNIT_TEST_SUITE_END();

public:
    void conform(const std::vector<KeyValue>& more) {
        bucket.pageSize = 7;
        testing::CacheStoreOptions options;
        options.bigBlob = 20u << 20;
        const auto findings = testing::checkCacheStore(
            [&](HostServices& services) { return std::make_unique<S3Store>(services, settings(more), environment()); },
            host, options);
        CPPUNIT_ASSERT(findings.size() > 15);
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }
    void keepsTheContract() { conform({}); }
    void keepsTheContractInADirectory() {
        conform({{"spool-directory", directory.path(), ""}, {"prefix", "team/a-b_c.d/", ""}});
        bucket.ranges = false; // some stores give the whole
        conform({{"spool-directory", directory.path(), ""}});
    }

    void aSpoolThatCannotBe() {
        expectError("none", ErrorCode::StorageFault, "spool-directory /nowhere/at/all: No such file", [&] {
            make({{"spool-directory", "/nowhere/at/all", ""}});
        });
    }

    void fetchesInPieces() {
        const auto store = make();
        const auto bytes = patterned((20u << 20) + 3);
        const auto digest = put(*store, bytes);
        bucket.takeSeen();
        const auto blob = open(*store, digest);
        CPPUNIT_ASSERT(blob && textOf(*blob) == bytes);
        CPPUNIT_ASSERT(blob->descriptor() >= 0);
        const auto seen = bucket.takeSeen();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), seen.size());
        CPPUNIT_ASSERT_EQUAL(std::string("bytes=0-8388607"), seen[0].range);
        CPPUNIT_ASSERT_EQUAL(std::string("bytes=16777216-25165823"), seen[2].range);
    }

    void storesOnceAndSigned() {
        const auto store = make();
        const auto digest = put(*store, "module");
        const auto seen = bucket.takeSeen();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), seen.size());
        CPPUNIT_ASSERT_EQUAL(std::string("PUT"), seen[0].method);
        CPPUNIT_ASSERT_EQUAL(Bucket + "/wasm-proxy/blobs/sha256/" + std::string(digest.hex()), seen[0].url);
        CPPUNIT_ASSERT_EQUAL(std::string("eu-west-1"), seen[0].signature.region);
        CPPUNIT_ASSERT_EQUAL(std::string("AKIDEXAMPLE"), seen[0].signature.accessKeyId);
        CPPUNIT_ASSERT(seen[0].signature.secretAccessKey == Secret(SecretKey));
        CPPUNIT_ASSERT(seen[0].signature.sessionToken == Secret(SessionToken));
        CPPUNIT_ASSERT(!seen[0].ownTls);
        Call work = call();
        const auto ingest = store->ingest(work, 3);
        ingest->write("abc", 3);
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply = {500, ""};
            return true;
        });
        expectError("no store", ErrorCode::StorageFault, "PUT of https://modules",
                    [&] { ingest->commit(Digest::of("abc")); });
        bucket.set(nullptr);
        expectError("again", ErrorCode::StorageFault, "failed before", [&] { ingest->commit(Digest::of("abc")); });
        expectError("again", ErrorCode::StorageFault, "failed before", [&] { ingest->write("d", 1); });
        CPPUNIT_ASSERT(!open(*store, Digest::of("abc")));
    }

    void largerThanTheLimit() {
        const auto bytes = patterned(2000);
        const auto digest = put(*make(), bytes);
        const auto store = make({{"max-size", "1KiB", ""}});
        CPPUNIT_ASSERT(!open(*store, digest));
        CPPUNIT_ASSERT(host.logged("is larger than max-size"));
        Call work = call();
        const auto ingest = store->ingest(work, 2000);
        expectError("too large", ErrorCode::StorageFault, "larger than 1024 bytes",
                    [&] { ingest->write(bytes.data(), bytes.size()); });
    }

    void listsPageByPage() {
        const auto store = make();
        bucket.pageSize = 3;
        for (int i = 0; i < 10; ++i)
            put(*store, "module " + std::to_string(i));
        bucket.put("wasm-proxy/blobs/sha256/notes.txt", "x");
        bucket.put("wasm-proxy/blobs/readme", "x");
        bucket.put("wasm-proxy/records/0", "x");
        bucket.put("other/blobs/sha256/" + std::string(Digest::of("other").hex()), "x");
        bucket.takeSeen();
        std::map<Digest, std::uint64_t> found;
        Call work = call();
        store->visit(work, [&](const StoredBlob& blob) { found[blob.digest] = blob.size; });
        CPPUNIT_ASSERT_EQUAL(std::size_t(10), found.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(8), found[Digest::of("module 4")]);
        const auto seen = bucket.takeSeen();
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), seen.size());
        CPPUNIT_ASSERT_EQUAL(Bucket + "/?list-type=2&max-keys=1000&prefix=wasm-proxy%2Fblobs%2F", seen[0].url);
        assertHas(seen[1].url, "/?continuation-token=%2B%3Dwasm-proxy%2Fblobs%2F");
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply = {200, "<ListBucketResult><IsTruncated>true</IsTruncated>"
                          "<NextContinuationToken>same</NextContinuationToken></ListBucketResult>"};
            return true;
        });
        expectError("a circle", ErrorCode::StorageFault, "in a circle",
                    [&] { store->visit(work, [](const StoredBlob&) {}); });
    }

    void answersThatLie() {
        const auto digest = put(*make(), "module");
        const auto lie = [&](const std::string& what, const FakeS3::Reply& as) {
            const auto store = make(); // each with a breaker of its own
            bucket.set([&](const HttpRequest&, FakeS3::Reply& reply) {
                reply = as;
                return true;
            });
            expectError(what, ErrorCode::StorageFault, what, [&] { open(*store, digest); });
            bucket.set(nullptr);
        };
        lie("less than it said", {206, "mod", {{"Content-Range", "bytes 0-5/6"}}});
        lie("more than it said", {206, "module and more", {{"Content-Range", "bytes 0-5/6"}}});
        lie("another range", {206, "dule", {{"Content-Range", "bytes 2-5/6"}}});
        lie("no usable Content-Range", {206, "module", {{"Content-Range", "bytes 0-5/*"}}});
        lie("another range", {206, "module"});
        lie("no usable Content-Range", {200, "module"});
        lie("cut the body", {206, "module", {{"Content-Range", "bytes 0-5/6"}}, 3});
        CPPUNIT_ASSERT_EQUAL(std::string("module"), textOf(*open(*make(), digest)));
    }

    void whereTheBucketIs() {
        const auto urlOf = [&](const std::vector<KeyValue>& more) {
            return S3Address(*settings(more), environment()).urlOf("k");
        };
        CPPUNIT_ASSERT_EQUAL(Bucket + "/wasm-proxy/k", urlOf({}));
        CPPUNIT_ASSERT_EQUAL(Bucket + "/k", urlOf({{"prefix", "", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("https://s3.eu-west-1.amazonaws.com/modules/wasm-proxy/k"),
                             urlOf({{"addressing", "path", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("https://s3.eu-west-1.amazonaws.com/mo.dules/wasm-proxy/k"),
                             urlOf({{"bucket", "mo.dules", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("https://modules.s3.cn-north-1.amazonaws.com.cn/wasm-proxy/k"),
                             urlOf({{"region", "cn-north-1", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("http://minio.minio.svc:9000/modules/wasm-proxy/k"),
                             urlOf({{"endpoint", "http://minio.minio.svc:9000", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("https://modules.store.example/wasm-proxy/k"),
                             urlOf({{"endpoint", "store.example", ""}, {"addressing", "virtual", ""}}));
        const auto regionOf = [&](const std::vector<KeyValue>& more) {
            return S3Address(*settings(more), environment()).region();
        };
        expectError("no region", ErrorCode::SettingsInvalid, "region of bucket modules", [&] {
            regionOf({{"region", "", ""}});
        });
        CPPUNIT_ASSERT_EQUAL(std::string("us-east-1"), regionOf({{"region", "", ""}, {"endpoint", "minio:9000", ""}}));
        variables["AWS_DEFAULT_REGION"] = "eu-north-1";
        CPPUNIT_ASSERT_EQUAL(std::string("eu-north-1"), regionOf({{"region", "", ""}}));
        variables["AWS_REGION"] = "eu-south-1";
        CPPUNIT_ASSERT_EQUAL(std::string("eu-south-1"), regionOf({{"region", "", ""}}));
        variables["AWS_REGION"] = "EU:1";
        expectError("bad region", ErrorCode::SettingsInvalid, "AWS_REGION", [&] { regionOf({{"region", "", ""}}); });
    }

    void ownAuthorities() {
        const auto path = write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
        const auto store = make({{"ca-file", path, ""}});
        put(*store, "module");
        put(*store, "module 2");
        CPPUNIT_ASSERT(bucket.takeSeen().back().ownTls);
        const auto none = make({{"ca-file", directory.path() + "/none", ""}});
        expectError("no file", ErrorCode::StorageFault, "none is missing", [&] { put(*none, "module"); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(S3StoreTest);

} // namespace
} // namespace wasmproxy::s3::test
