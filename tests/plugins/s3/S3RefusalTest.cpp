// SPDX-License-Identifier: Apache-2.0
#include "S3Fixture.h"

#include <atomic>

namespace wasmproxy::s3::test {
namespace {

std::string refusal(const std::string& code, const std::string& message = "no", const std::string& more = "") {
    return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message + "</Message>" + more +
           "</Error>";
}

/// What a store says when it does not do what it is asked, and what becomes of it.
class S3RefusalTest : public S3Fixture {
    CPPUNIT_TEST_SUITE(S3RefusalTest);
    CPPUNIT_TEST(eachIsNamedWithItsRemedy);
    CPPUNIT_TEST(theClock);
    CPPUNIT_TEST(absenceAndAMissingBucket);
    CPPUNIT_TEST(renewedCredentialsAreUsedAtOnce);
    CPPUNIT_TEST(aKeyFileIsReadAgain);
    CPPUNIT_TEST(noIdentity);
    CPPUNIT_TEST(isLeftAloneAfterThreeFailures);
    CPPUNIT_TEST(aRefusalLeavesItInUse);
    CPPUNIT_TEST(silenceEndsByTheTimeout);
    CPPUNIT_TEST(theCallersEndIsNobodysFault);
    CPPUNIT_TEST_SUITE_END();

public:
    void eachIsNamedWithItsRemedy() {
        struct Row {
            int status;
            std::string body;
            std::vector<HttpHeader> headers;
            std::string words;
            std::string hint;
        };
        const Row rows[] = {
            {403,
             refusal("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: s3:GetObject"),
             {},
             "403 AccessDenied: User: arn:aws:iam::1:user/x",
             "allow the identity s3:ListBucket on arn:aws:s3:::modules, and s3:GetObject, s3:PutObject and "
             "s3:DeleteObject on arn:aws:s3:::modules/wasm-proxy/*"},
            {403,
             refusal("SignatureDoesNotMatch", "The request signature " + SecretKey),
             {},
             "403 SignatureDoesNotMatch (access key AKIDEXAMPLE of the environment)",
             "secret access key does not belong"},
            {400,
             refusal("ExpiredToken", "The provided token " + SessionToken + " has expired"),
             {},
             "400 ExpiredToken: The provided token <redacted> has expired",
             "newer ones"},
            {403, refusal("InvalidAccessKeyId"), {}, "InvalidAccessKeyId", "does not know this access key"},
            {301,
             refusal("PermanentRedirect", "must be addressed", "<Endpoint>modules.s3.amazonaws.com</Endpoint>"),
             {{"x-amz-bucket-region", "ap-south-1"}},
             "301 PermanentRedirect",
             "the bucket is in ap-south-1: set region = "},
            {400,
             refusal("AuthorizationHeaderMalformed", "the region 'eu-west-1' is wrong", "<Region>us-east-2</Region>"),
             {},
             "400 AuthorizationHeaderMalformed",
             "set region = us-east-2"},
            {307,
             "",
             {{"Location", "https://modules.s3-us-west-2.amazonaws.com/"}},
             "answered 307",
             "set `region` and `endpoint`"},
            {503, refusal("SlowDown", "Please reduce your request rate."), {}, "503 SlowDown", ""},
            {200, "<html>hello</html>", {}, "no usable Content-", ""},
            {501, refusal("NotImplemented"), {}, "501 NotImplemented", "speaks S3"},
            {502, "<html>Bad gateway</html>", {}, "answered 502", ""},
        };
        for (const auto& row : rows) {
            const auto store = make();
            const auto error = refusedWith(*store, row.status, row.body, row.headers);
            CPPUNIT_ASSERT_EQUAL(static_cast<int>(ErrorCode::StorageFault), static_cast<int>(error.code()));
            assertHas(error.what(), "S3 bucket modules at modules.s3.eu-west-1.amazonaws.com: ");
            assertHas(error.what(), row.words);
            assertHas(error.hint(), row.hint);
            if (row.hint.empty()) CPPUNIT_ASSERT_EQUAL(std::string(), error.hint());
            assertSilent(error.what() + error.hint());
        }
        for (const auto& line : host.lines())
            assertSilent(line.text);
    }

    void theClock() {
        host.clock.advance(std::chrono::hours(1)); // 2026-01-01T01:00:00Z here
        const auto error =
            refusedWith(*make(), 403, refusal("RequestTimeTooSkewed"), {{"Date", "Thu, 01 Jan 2026 00:00:00 GMT"}});
        assertHas(error.what(), "403 RequestTimeTooSkewed");
        assertHas(error.hint(), "the clock of this machine is 3600 s ahead of AWS's");
    }

    void absenceAndAMissingBucket() {
        const auto store = make();
        CPPUNIT_ASSERT(!open(*store, Digest::of("absent")));
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply = {404, ""}; // some stores say no more
            return true;
        });
        CPPUNIT_ASSERT(!open(*store, Digest::of("absent")));
        const auto error = refusedWith(*store, 404, refusal("NoSuchBucket"));
        assertHas(error.what(), "404 NoSuchBucket");
        assertHas(error.hint(), "create the bucket");
    }

    void renewedCredentialsAreUsedAtOnce() {
        const auto store = make();
        const auto digest = put(*store, "module");
        bucket.know("AKIDNEW");
        variables["AWS_ACCESS_KEY_ID"] = "AKIDNEW"; // not looked for again for a minute, unless it is refused
        bucket.takeSeen();
        CPPUNIT_ASSERT_EQUAL(std::string("module"), textOf(*open(*store, digest)));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), bucket.takeSeen().size());
        bucket.know("AKIDOTHER");
        expectError("refused", ErrorCode::StorageFault, "InvalidAccessKeyId", [&] { open(*store, digest); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), bucket.takeSeen().size()); // the same is not shown twice
    }

    void aKeyFileIsReadAgain() {
        const auto path = write("key", SecretKey + "\n");
        const auto store = make({{"access-key-id", "AKIDEXAMPLE", ""}, {"secret-access-key-file", path, ""}});
        const auto digest = put(*store, "module");
        CPPUNIT_ASSERT(bucket.takeSeen().back().signature.secretAccessKey == Secret(SecretKey));
        CPPUNIT_ASSERT(!open(*store, Digest::of("absent")));
        write("key", "new");
        bucket.set([](const HttpRequest& request, FakeS3::Reply& reply) {
            if (request.signature->secretAccessKey == Secret("new")) return false;
            reply = {403, refusal("SignatureDoesNotMatch")};
            return true;
        });
        CPPUNIT_ASSERT_EQUAL(std::string("module"), textOf(*open(*store, digest)));
        for (const char* bad : {"", "\n", "two words"}) {
            write("bad", bad);
            const auto other =
                make({{"access-key-id", "AKIDEXAMPLE", ""}, {"secret-access-key-file", directory.path() + "/bad", ""}});
            expectError(bad, ErrorCode::StorageFault, "/bad ", [&] { open(*other, digest); });
        }
    }

    void noIdentity() {
        variables = {{"AWS_EC2_METADATA_DISABLED", "true"}};
        const auto store = make();
        expectError("nobody", ErrorCode::StorageFault, "this process has no AWS identity",
                    [&] { open(*store, Digest::of("x")); });
        CPPUNIT_ASSERT(bucket.takeSeen().empty());
    }

    void isLeftAloneAfterThreeFailures() {
        const auto store = make();
        const auto digest = put(*store, "module");
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply = {503, refusal("SlowDown")};
            return true;
        });
        for (int i = 0; i < 3; ++i)
            expectError("down", ErrorCode::StorageFault, "503 SlowDown", [&] { open(*store, digest); });
        bucket.takeSeen();
        expectError("alone", ErrorCode::StorageFault, "is left alone for a while: ", [&] { open(*store, digest); });
        CPPUNIT_ASSERT(bucket.takeSeen().empty());
        CPPUNIT_ASSERT(host.logged("is left alone for 0.5 s"));
        bucket.set(nullptr);
        const auto end = Call::Clock::now() + 5s;
        std::unique_ptr<Blob> found;
        while (!found && Call::Clock::now() < end) {
            try {
                found = open(*store, digest);
            } catch (const Error&) {
            }
        }
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT(host.logged("answers again"));
    }

    void aRefusalLeavesItInUse() {
        const auto store = make();
        const auto digest = put(*store, "module");
        bucket.set([](const HttpRequest& request, FakeS3::Reply& reply) {
            if (request.method != "PUT") return false;
            reply = {403, refusal("AccessDenied")};
            return true;
        });
        for (int i = 0; i < 6; ++i)
            expectError("may not write", ErrorCode::StorageFault, "AccessDenied", [&] { put(*store, "other"); });
        CPPUNIT_ASSERT(open(*store, digest)); // who may only read goes on reading
    }

    void silenceEndsByTheTimeout() {
        const auto store = make({{"timeout", "100ms", ""}});
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply.silent = true;
            return true;
        });
        const auto begin = Call::Clock::now();
        for (int i = 0; i < 4; ++i)
            expectError("silent", ErrorCode::StorageFault, "", [&] { open(*store, Digest::of("x")); });
        CPPUNIT_ASSERT(Call::Clock::now() - begin < 2s);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), bucket.takeSeen().size());
    }

    void theCallersEndIsNobodysFault() {
        const auto store = make();
        bucket.set([](const HttpRequest&, FakeS3::Reply& reply) {
            reply.silent = true;
            return true;
        });
        for (int i = 0; i < 4; ++i)
            expectError("over", ErrorCode::DeadlineExceeded, "", [&] { open(*store, Digest::of("x"), 30ms); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), bucket.takeSeen().size()); // it was asked each time
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(S3RefusalTest);

} // namespace
} // namespace wasmproxy::s3::test
