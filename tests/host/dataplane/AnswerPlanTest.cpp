// SPDX-License-Identifier: Apache-2.0
#include "dataplane/AnswerPlan.h"
#include "dataplane/ByteRange.h"
#include "dataplane/JsonText.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::host::test {

namespace {

const std::string Hex(64, 'a');
const std::string ETag = "\"sha256:" + Hex + "\"";

Representation tenBytes() {
    Representation module;
    module.size = 10;
    module.sha256 = Hex;
    module.manifest = "sha256:" + std::string(64, 'b');
    return module;
}

bool has(const AnswerPlan& plan, const std::string& line) {
    return plan.headers.find(line + "\r\n") != std::string::npos;
}

} // namespace

class AnswerPlanTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AnswerPlanTest);
    CPPUNIT_TEST(statusAndRangeByTable);
    CPPUNIT_TEST(headersOfAModule);
    CPPUNIT_TEST(errorsTellOnlyWhatAClientMayKnow);
    CPPUNIT_TEST(hugeRangesDoNotOverflow);
    CPPUNIT_TEST(jsonTextIsAlwaysValid);
    CPPUNIT_TEST_SUITE_END();

    void statusAndRangeByTable() {
        struct Row {
            const char* method;
            std::string ifNoneMatch, range, ifRange;
            int status;
            std::uint64_t offset, length;
        };
        const Row rows[] = {
            {"GET", "", "", "", 200, 0, 10},
            {"HEAD", "", "", "", 200, 0, 0},
            {"GET", ETag, "", "", 304, 0, 0},
            {"HEAD", ETag, "", "", 304, 0, 0},
            {"GET", "W/" + ETag, "", "", 304, 0, 0},
            {"GET", "*", "", "", 304, 0, 0},
            {"GET", " * ", "", "", 304, 0, 0},
            {"GET", "\"x\", W/\"y,\" ,, " + ETag, "", "", 304, 0, 0},
            {"GET", "\"x,\"," + ETag, "bytes=0-1", "", 304, 0, 0},
            {"GET", "\"x\"", "", "", 200, 0, 10},
            {"GET", "\"x", "", "", 200, 0, 10},
            {"GET", "\"x\"" + ETag, "", "", 200, 0, 10},
            {"GET", "*x", "", "", 200, 0, 10},
            {"GET", "w/" + ETag, "", "", 200, 0, 10},
            {"GET", "sha256:" + Hex, "", "", 200, 0, 10},
            {"GET", "\"x" + ETag.substr(1), "", "", 200, 0, 10},
            {"GET", "", "bytes=0-0", "", 206, 0, 1},
            {"GET", "", "bytes=2-5", "", 206, 2, 4},
            {"GET", "", "BYTES= 2-5", "", 206, 2, 4},
            {"GET", "", "bytes=2-", "", 206, 2, 8},
            {"GET", "", "bytes=9-99", "", 206, 9, 1},
            {"GET", "", "bytes=-3", "", 206, 7, 3},
            {"GET", "", "bytes=-30", "", 206, 0, 10},
            {"GET", "", "bytes=10-", "", 416, 0, 0},
            {"GET", "", "bytes=10-12", "", 416, 0, 0},
            {"GET", "", "bytes=-0", "", 416, 0, 0},
            {"GET", "", "bytes=18446744073709551616-", "", 416, 0, 0},
            {"GET", "", "bytes=5-2", "", 200, 0, 10},
            {"GET", "", "bytes=0-1,3-4", "", 200, 0, 10},
            {"GET", "", "bytes=-", "", 200, 0, 10},
            {"GET", "", "bytes=", "", 200, 0, 10},
            {"GET", "", "bytes=a-b", "", 200, 0, 10},
            {"GET", "", "bytes=+1-2", "", 200, 0, 10},
            {"GET", "", "bytes=1 -2", "", 200, 0, 10},
            {"GET", "", "bytes=--1", "", 200, 0, 10},
            {"GET", "", "items=0-1", "", 200, 0, 10},
            {"GET", "", "bytes", "", 200, 0, 10},
            {"HEAD", "", "bytes=2-5", "", 200, 0, 0},
            {"HEAD", "", "bytes=10-", "", 200, 0, 0},
            {"GET", "", "bytes=2-5", ETag, 206, 2, 4},
            {"GET", "", "bytes=2-5", "W/" + ETag, 200, 0, 10},
            {"GET", "", "bytes=2-5", "\"x\"", 200, 0, 10},
            {"GET", "", "bytes=2-5", "Tue, 01 Jan 2030 00:00:00 GMT", 200, 0, 10},
            {"GET", "", "bytes=10-", "\"x\"", 200, 0, 10},
        };
        for (const Row& row : rows) {
            RequestHead head;
            head.method = row.method[0] == 'G' ? RequestHead::Method::Get : RequestHead::Method::Head;
            head.ifNoneMatch = row.ifNoneMatch;
            head.range = row.range;
            head.ifRange = row.ifRange;
            const AnswerPlan plan = planAnswer(head, tenBytes(), "id");
            const std::string name =
                std::string(row.method) + " " + row.ifNoneMatch + " " + row.range + " " + row.ifRange;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, row.status, plan.status);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, row.offset, plan.offset);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, row.length, plan.length);
            if (row.status == 416) CPPUNIT_ASSERT_MESSAGE(name, has(plan, "Content-Range: bytes */10"));
            if (row.status == 206)
                CPPUNIT_ASSERT_MESSAGE(name, has(plan, "Content-Range: bytes " + std::to_string(row.offset) + "-" +
                                                           std::to_string(row.offset + row.length - 1) + "/10"));
            if (row.status == 200) CPPUNIT_ASSERT_MESSAGE(name, has(plan, "Content-Length: 10"));
            if (row.status == 304)
                CPPUNIT_ASSERT_MESSAGE(name, plan.headers.find("Content-Length") == std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(name, row.status == 416 || has(plan, "ETag: " + ETag));
        }
    }

    void headersOfAModule() {
        RequestHead head;
        head.method = RequestHead::Method::Get;
        Representation module = tenBytes();
        AnswerPlan plan = planAnswer(head, module, "id");
        for (const char* line :
             {"Content-Type: application/wasm", "Accept-Ranges: bytes", "X-Cache: HIT", "Cache-Control: no-cache"})
            CPPUNIT_ASSERT_MESSAGE(line, has(plan, line));
        CPPUNIT_ASSERT(has(plan, "X-Wasm-Sha256: " + Hex));
        CPPUNIT_ASSERT(has(plan, "Docker-Content-Digest: sha256:" + std::string(64, 'b')));
        CPPUNIT_ASSERT(plan.headers.find("Warning") == std::string::npos);

        module.immutable = true;
        module.cache = CacheResult::Stale;
        plan = planAnswer(head, module, "id");
        CPPUNIT_ASSERT(has(plan, "Cache-Control: public, max-age=31536000, immutable"));
        CPPUNIT_ASSERT(has(plan, "X-Cache: STALE"));
        CPPUNIT_ASSERT(plan.headers.find("Warning: 110 ") != std::string::npos);
        CPPUNIT_ASSERT(plan.headers.find("Warning: 299 - \"") != std::string::npos);
    }

    void errorsTellOnlyWhatAClientMayKnow() {
        struct Row {
            ErrorCode code;
            bool told;
        };
        for (const Row row : {Row{ErrorCode::ReferenceInvalid, true}, Row{ErrorCode::DigestInvalid, true},
                              Row{ErrorCode::RouteUnknown, true}, Row{ErrorCode::ModuleUnusable, true},
                              Row{ErrorCode::Blocked, true}, Row{ErrorCode::ManifestUnknown, false},
                              Row{ErrorCode::CredentialRefused, false}, Row{ErrorCode::UpstreamUnavailable, false},
                              Row{ErrorCode::Internal, false}, Row{ErrorCode::CallerRefused, false}}) {
            RequestHead head;
            head.method = RequestHead::Method::Get;
            const AnswerPlan plan = planError(head, Error(row.code, "words \"inside\""), "id-1");
            const ErrorTraits& traits = traitsOf(row.code);
            CPPUNIT_ASSERT_EQUAL(traits.status, plan.status);
            CPPUNIT_ASSERT_EQUAL(row.told, plan.text.find("words \\\"inside\\\"") != std::string::npos);
            CPPUNIT_ASSERT_EQUAL(!row.told, plan.text.find(traits.clientText) != std::string::npos);
            CPPUNIT_ASSERT(plan.text.find("\"requestId\":\"id-1\"") != std::string::npos);
            CPPUNIT_ASSERT(plan.text.find(std::string("\"code\":\"") + traits.name + "\"") != std::string::npos);
            CPPUNIT_ASSERT_EQUAL(plan.status == 503, plan.headers.find("Retry-After: 2\r\n") != std::string::npos);
            CPPUNIT_ASSERT_EQUAL(plan.status == 400, plan.mustClose);
        }
        Error busy(ErrorCode::Busy, "");
        busy.withRetryAfter(std::chrono::seconds(7));
        CPPUNIT_ASSERT(has(planError({}, busy, "x"), "Retry-After: 7"));
        const AnswerPlan method = planError({}, Error(ErrorCode::MethodUnsupported, ""), "x");
        CPPUNIT_ASSERT(has(method, "Allow: GET, HEAD") && method.mustClose);
        RequestHead head;
        head.method = RequestHead::Method::Head;
        CPPUNIT_ASSERT(planError(head, busy, "x").text.empty());
    }

    void hugeRangesDoNotOverflow() {
        const ByteRange range = ByteRange::parse("bytes=1-18446744073709551615", UINT64_MAX);
        CPPUNIT_ASSERT(range.kind == ByteRange::Kind::Part);
        CPPUNIT_ASSERT_EQUAL(UINT64_MAX - 1, range.length);
        CPPUNIT_ASSERT(ByteRange::parse("bytes=0-0", 0).kind == ByteRange::Kind::Unsatisfiable);
        CPPUNIT_ASSERT(ByteRange::parse("bytes=-1", 0).kind == ByteRange::Kind::Unsatisfiable);
    }

    void jsonTextIsAlwaysValid() {
        const std::pair<std::string, std::string> rows[] = {
            {"plain", "\"plain\""},
            {"a\"b\\c\n\x01", "\"a\\\"b\\\\c\\u000a\\u0001\""},
            {"\x7f", "\"\\u007f\""},
            {"\xc3\xa9", "\"\\u00e9\""},
            {"\xe2\x80\xae", "\"\\u202e\""},
            {"\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\""},
            {"\xff\xc0\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
            {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
            {"\xe2\x80", "\"\\ufffd\\ufffd\""},
        };
        for (const auto& [text, json] : rows)
            CPPUNIT_ASSERT_EQUAL(json, jsonText(text));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AnswerPlanTest);

} // namespace wasmproxy::host::test
