// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Manifest.h"
#include "wasmproxy/oci/MediaType.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;

namespace {

std::string digestOf(char c) {
    return "sha256:" + std::string(64, c);
}

std::string descriptor(char c, const std::string& size = "3", const std::string& more = "") {
    return R"({"mediaType":"application/x","digest":")" + digestOf(c) + R"(","size":)" + size + more + "}";
}

/// A document with schemaVersion 2 and these members.
std::string document(const std::string& members) {
    return R"({"schemaVersion":2,)" + members + "}";
}

std::string quoted(const char* key, const char* value) {
    return std::string("\"") + key + "\":\"" + value + "\"";
}

const std::string Config = "\"config\":" + descriptor('c');
const std::string Layers = "\"layers\":[" + descriptor('a') + "]";
const std::string Children = "\"manifests\":[" + descriptor('b') + "]";

} // namespace

class ManifestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ManifestTest);
    CPPUNIT_TEST(readsManifest);
    CPPUNIT_TEST(readsImageIndex);
    CPPUNIT_TEST(classifies);
    CPPUNIT_TEST(refusesAmbiguous);
    CPPUNIT_TEST(refusesSchema1);
    CPPUNIT_TEST(refusesWhatIsNoManifest);
    CPPUNIT_TEST(refusesSizes);
    CPPUNIT_TEST(refusesDescriptors);
    CPPUNIT_TEST(readsData);
    CPPUNIT_TEST(bounds);
    CPPUNIT_TEST_SUITE_END();

    void readsManifest() {
        const auto parsed = parseManifest(
            document(quoted("mediaType", media::OciManifest) + "," + quoted("artifactType", "application/w") + "," +
                     Config + ",\"layers\":[" + descriptor('a', "0") + "," +
                     descriptor('b', "9007199254740992",
                                R"(,"urls":["http://evil/"],"annotations":{"k":"v"},"artifactType":"t")") +
                     "],\"subject\":" + descriptor('d') + R"(,"annotations":{"a":"1","b":null},"unknown":[1.5])"),
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8");
        const auto& manifest = std::get<Manifest>(parsed);
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciManifest), manifest.mediaType);
        CPPUNIT_ASSERT_EQUAL(std::string("application/w"), manifest.artifactType);
        CPPUNIT_ASSERT_EQUAL(digestOf('c'), manifest.config.digest.str());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), manifest.layers.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), manifest.layers[0].size);
        CPPUNIT_ASSERT(!manifest.layers[0].foreign && manifest.layers[1].foreign);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1) << 53, manifest.layers[1].size);
        CPPUNIT_ASSERT_EQUAL(std::string("v"), manifest.layers[1].annotations.at("k"));
        CPPUNIT_ASSERT_EQUAL(std::string("t"), manifest.layers[1].artifactType);
        CPPUNIT_ASSERT_EQUAL(digestOf('d'), manifest.subject->digest.str());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), manifest.annotations.size());
    }

    void readsImageIndex() {
        const auto parsed = parseManifest(
            document("\"manifests\":[" +
                     descriptor('a', "5", R"(,"platform":{"os":"wasip1","architecture":"wasm","variant":"v8"})") + "," +
                     descriptor('b') + "]"),
            "");
        const auto& index = std::get<ImageIndex>(parsed);
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciIndex), index.mediaType);
        CPPUNIT_ASSERT_EQUAL(std::string("wasm"), index.manifests[0].platform->architecture);
        CPPUNIT_ASSERT_EQUAL(std::string("wasip1"), index.manifests[0].platform->os);
        CPPUNIT_ASSERT_EQUAL(std::string("v8"), index.manifests[0].platform->variant);
        CPPUNIT_ASSERT(!index.manifests[1].platform);
    }

    void classifies() {
        const struct {
            std::string body;
            const char* contentType;
            const char* expected;
        } rows[] = {
            {Config + "," + Layers, "", media::OciManifest},
            {Config + "," + Layers, "application/json", media::OciManifest},
            {Config + "," + Layers, "text/plain; charset=utf-8", media::OciManifest},
            {Config + "," + Layers, media::DockerManifest, media::DockerManifest},
            {Config + ",\"layers\":[]", "", media::OciManifest},
            {Config + ",\"layers\":null", "", media::OciManifest},
            {Children, "", media::OciIndex},
            {Children, media::DockerManifestList, media::DockerManifestList},
            {"\"manifests\":[]", "APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON", media::OciIndex},
            {quoted("mediaType", media::DockerManifest) + "," + Config + "," + Layers, "application/octet-stream",
             media::DockerManifest},
            {quoted("mediaType", media::OciIndex) + "," + Children, "", media::OciIndex},
        };
        for (const auto& row : rows) {
            const auto parsed = parseManifest(document(row.body), row.contentType);
            const auto type = std::visit([](const auto& value) { return value.mediaType; }, parsed);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.body, std::string(row.expected), type);
            CPPUNIT_ASSERT_EQUAL(media::isImageIndex(type), std::holds_alternative<ImageIndex>(parsed));
        }
    }

    // Each of these is one document to one reader and another to the next (CVE-2021-41190 and its kin).
    void refusesAmbiguous() {
        const struct {
            std::string body;
            const char* contentType;
            const char* words;
        } rows[] = {
            {Config + "," + Layers + "," + Children, "", "also has"},
            {Config + "," + Layers + "," + Children, media::OciManifest, "also has manifests"},
            {Config + "," + Layers + "," + Children, media::OciIndex, "also has layers"},
            {quoted("mediaType", media::OciManifest) + "," + Config + "," + Layers, media::OciIndex, "differs"},
            {quoted("mediaType", media::OciIndex) + "," + Children, media::OciManifest, "differs"},
            {quoted("mediaType", media::OciManifest) + "," + Config + "," + Layers, media::DockerManifest, "differs"},
            {quoted("mediaType", media::OciManifest) + "," + Children, "", "also has manifests"},
            {quoted("mediaType", media::OciIndex) + "," + Config + "," + Layers, "", "also has layers"},
            {Config + "," + Layers, media::OciIndex, "also has layers"},
            {Children, media::OciManifest, "also has manifests"},
            {Config + "," + Layers + ",\"manifests\":null", "", "also has"},
            {Config + "," + Layers + ",\"manifests\":[]", "", "also has"},
            {Children + "," + Config, "", "also has layers or config"},
            {Children + ",\"layers\":null", "", "also has layers"},
            {Config + "," + Layers + ",\"layers\":[]", "", "stands twice"},
            {Config + "," + Layers + ",\"Layers\":[]", "", "'Layers'"},
            {Config + "," + Layers + ",\"MANIFESTS\":[]", "", "'MANIFESTS'"},
            {Config + "," + Layers + ",\"layer\xC5\xBF\":[]", "", "take for 'layers'"},
            {quoted("mediaType", media::OciManifest) + "," + quoted("mediatype", media::OciIndex) + "," + Config + "," +
                 Layers,
             "", "'mediatype'"},
            {quoted("mediaType", media::OciManifest) + "," + quoted("mediaType", media::OciManifest) + "," + Config +
                 "," + Layers,
             "", "stands twice"},
        };
        for (const auto& row : rows)
            test::expectError(row.body, ErrorCode::UpstreamInvalid, row.words,
                              [&] { parseManifest(document(row.body), row.contentType); });
    }

    void refusesSchema1() {
        const std::pair<std::string, const char*> rows[] = {
            {R"({"schemaVersion":1,"name":"x","tag":"y","fsLayers":[],"history":[],"signatures":[]})", ""},
            {R"({"schemaVersion":1})", ""},
            {document(Config + "," + Layers), media::DockerSchema1},
            {document(Config + "," + Layers), media::DockerSchema1Signed},
            {document(quoted("mediaType", media::DockerSchema1) + "," + Config + "," + Layers), ""},
            {document(Config + "," + Layers + ",\"fsLayers\":[]"), ""},
        };
        for (const auto& [body, type] : rows)
            test::expectError(body, ErrorCode::UpstreamInvalid, "schema 1 is not supported",
                              [&body = body, &type = type] { parseManifest(body, type); });
    }

    void refusesWhatIsNoManifest() {
        const std::pair<std::string, const char*> rows[] = {
            {"", "empty"},
            {"<!DOCTYPE html><html></html>", "HTML"},
            {"not json", "not valid JSON"},
            {"[]", "must be an object"},
            {"\"x\"", "must be an object"},
            {"null", "must be an object"},
            {"{}", "neither layers nor manifests"},
            {R"({"errors":[{"code":"DENIED"}]})", "neither layers nor manifests"},
            {R"({"schemaVersion":3,)" + Config + "," + Layers + "}", "schemaVersion must be 2"},
            {R"({"schemaVersion":"2",)" + Config + "," + Layers + "}", "schemaVersion must be an integer"},
            {R"({"schemaVersion":2.0,)" + Config + "," + Layers + "}", "schemaVersion must be an integer"},
            {document(Layers), "'config'"},
            {document("\"config\":null," + Layers), "'config'"},
            {document(Config + ",\"layers\":{}"), "layers must be an array"},
            {document(Config + ",\"layers\":[null]"), "layers[0] must be a descriptor object"},
            {document("\"manifests\":\"x\""), "manifests must be an array"},
            {document(quoted("mediaType", "application/json") + "," + Config + "," + Layers), "is neither"},
            {document(quoted("mediaType", "") + "," + Config + "," + Layers), "mediaType must be"},
            {document("\"mediaType\":7," + Config + "," + Layers), "mediaType must be a string"},
            {document(Config + "," + Layers + ",\"annotations\":[]"), "annotations must be an object"},
            {document(Config + "," + Layers + ",\"annotations\":{\"a\":1}"), "annotations.a must be a string"},
            {document(Config + "," + Layers).substr(0, 100), "not valid JSON"},
            {document(Config + "," + Layers) + "x", "not valid JSON"},
        };
        for (const auto& [body, words] : rows)
            test::expectError(body, ErrorCode::UpstreamInvalid, words,
                              [&body = body] { parseManifest(body, "application/json"); });
        test::expectError("typed, no layers", ErrorCode::UpstreamInvalid, "without layers",
                          [] { parseManifest(document(Config), media::OciManifest); });
        test::expectError("typed, no manifests", ErrorCode::UpstreamInvalid, "without manifests",
                          [] { parseManifest(R"({"schemaVersion":2})", media::OciIndex); });
    }

    void refusesSizes() {
        for (const char* size : {"9007199254740993", "1.5", "1.0", "1e2", "\"1\"", "true", "-1", "-0", "[3]",
                                 "18446744073709551616", "18446744073709551615", "9223372036854775808"})
            test::expectError(size, ErrorCode::UpstreamInvalid, "layers[0].size must be an integer from 0", [&] {
                parseManifest(document(Config + ",\"layers\":[" + descriptor('a', size) + "]"), "");
            });
        test::expectError("null", ErrorCode::UpstreamInvalid, "'size'", [] {
            parseManifest(document(Config + ",\"layers\":[" + descriptor('a', "null") + "]"), "");
        });
    }

    void refusesDescriptors() {
        const std::pair<std::string, const char*> rows[] = {
            {R"({"size":1})", "'digest'"},
            {R"({"size":1,"digest":7})", "digest must be a string"},
            {R"({"size":1,"digest":"sha256:../../x"})", "layers[0].digest must be a sha256"},
            {R"({"size":1,"digest":"md5:d41d8cd98f00b204e9800998ecf8427e"})", "digest must be"},
            {R"({"size":1,"digest":"sha256:)" + std::string(64, 'A') + "\"}", "digest must be"},
            {R"({"digest":")" + digestOf('a') + "\"}", "'size'"},
            {descriptor('a', "1", R"(,"size":2)"), "stands twice"},
            {descriptor('a', "1", R"(,"Size":2)"), "'Size'"},
            {descriptor('a', "1", R"(,"Digest":"x")"), "'Digest'"},
            {descriptor('a', "1", R"(,"urls":"http://x")"), "urls must be an array"},
            {descriptor('a', "1", R"(,"platform":"linux")"), "platform must be an object"},
            {descriptor('a', "1", R"(,"platform":{"os":1})"), "platform.os must be a string"},
            {descriptor('a', "1", R"(,"data":7)"), "data must be a string"},
        };
        for (const auto& [text, words] : rows)
            test::expectError(text, ErrorCode::UpstreamInvalid, words,
                              [&text = text] { parseManifest(document(Config + ",\"layers\":[" + text + "]"), ""); });
    }

    static std::optional<std::string> dataOf(const std::string& base64) {
        const auto parsed = parseManifest(
            document(Config + ",\"layers\":[" + descriptor('a', "1", ",\"data\":\"" + base64 + "\"") + "]"), "");
        return std::get<Manifest>(parsed).layers[0].data;
    }

    void readsData() {
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), *dataOf("e30="));
        CPPUNIT_ASSERT_EQUAL(std::string("a"), *dataOf("YQ=="));
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), *dataOf("YWJj"));
        CPPUNIT_ASSERT_EQUAL(std::string("\0as", 3), *dataOf("AGFz"));
        CPPUNIT_ASSERT_EQUAL(std::string(), *dataOf(""));
        for (const char* bad :
             {"e30", "e30=x", "e3-_", "=", "====", "A===", "e3 0=", "=AAA", "AA=A", "e30=\\n", " e30="})
            test::expectError(bad, ErrorCode::UpstreamInvalid, "data must be base64", [&] { dataOf(bad); });
    }

    void bounds() {
        ManifestLimits limits;
        limits.descriptors = 2;
        const auto layers = [](int count) {
            std::string text = "\"layers\":[";
            for (int i = 0; i < count; ++i)
                text += (i ? "," : "") + descriptor('a');
            return document(Config + "," + text + "]");
        };
        parseManifest(layers(2), "", limits);
        test::expectError("3", ErrorCode::UpstreamInvalid, "at most 2", [&] { parseManifest(layers(3), "", limits); });
        limits.bytes = 50;
        test::expectError("bytes", ErrorCode::UpstreamInvalid, "larger than 50",
                          [&] { parseManifest(layers(1), "", limits); });
        const std::string deep = document("\"x\":" + std::string(100000, '[') + std::string(100000, ']'));
        test::expectError("depth", ErrorCode::UpstreamInvalid, "nested deeper", [&] { parseManifest(deep, ""); });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ManifestTest);
