// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/MediaType.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

using namespace wasmproxy;

class ErrorCodeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ErrorCodeTest);
    CPPUNIT_TEST(everyCodeHasItsRow);
    CPPUNIT_TEST(unknownNumbersAreInternal);
    CPPUNIT_TEST(row24NoAnswerOfOursIsAChallenge);
    CPPUNIT_TEST(statusAndRetryAgree);
    CPPUNIT_TEST_SUITE_END();

    void everyCodeHasItsRow() {
        const struct {
            ErrorCode code;
            const char* name;
            int status;
        } rows[] = {{ErrorCode::Internal, "INTERNAL", 500},
                    {ErrorCode::ReferenceInvalid, "NAME_INVALID", 400},
                    {ErrorCode::DigestInvalid, "DIGEST_INVALID", 400},
                    {ErrorCode::RouteUnknown, "NAME_UNKNOWN", 404},
                    {ErrorCode::CallerRefused, "DENIED", 403},
                    {ErrorCode::ManifestUnknown, "MANIFEST_UNKNOWN", 404},
                    {ErrorCode::ModuleUnknown, "BLOB_UNKNOWN", 404},
                    {ErrorCode::ModuleUnusable, "MODULE_UNUSABLE", 422},
                    {ErrorCode::CredentialRefused, "CREDENTIAL_REFUSED", 502},
                    {ErrorCode::RepositoryDenied, "REPOSITORY_DENIED", 502},
                    {ErrorCode::UpstreamInvalid, "UPSTREAM_INVALID", 502},
                    {ErrorCode::UpstreamUnavailable, "UNAVAILABLE", 503},
                    {ErrorCode::TooManyRequests, "TOOMANYREQUESTS", 503},
                    {ErrorCode::AddressRefused, "ADDRESS_REFUSED", 502},
                    {ErrorCode::DeadlineExceeded, "UNAVAILABLE", 503},
                    {ErrorCode::Busy, "BUSY", 503},
                    {ErrorCode::StorageFault, "STORAGE_FAULT", 503},
                    {ErrorCode::CredentialSourceFault, "CREDENTIAL_SOURCE_FAULT", 502},
                    {ErrorCode::PluginFault, "PLUGIN_FAULT", 502},
                    {ErrorCode::SettingsInvalid, "SETTINGS_INVALID", 500},
                    {ErrorCode::MethodUnsupported, "UNSUPPORTED", 405},
                    {ErrorCode::RangeInvalid, "RANGE_INVALID", 416},
                    {ErrorCode::Blocked, "BLOCKED", 503}};
        int number = 0;
        for (const auto& row : rows) {
            CPPUNIT_ASSERT_EQUAL(number++, static_cast<int>(row.code)); // the ABI: never renumbered
            const auto& traits = traitsOf(row.code);
            CPPUNIT_ASSERT_EQUAL(static_cast<int>(row.code), static_cast<int>(traits.code));
            CPPUNIT_ASSERT_EQUAL(std::string(row.name), std::string(traits.name));
            CPPUNIT_ASSERT_EQUAL(row.status, traits.status);
            CPPUNIT_ASSERT(std::string(traits.clientText).size() > 5);
        }
    }

    void unknownNumbersAreInternal() {
        for (const int number : {-1, 23, 1000, -2147483647})
            CPPUNIT_ASSERT_EQUAL(500, traitsOf(static_cast<ErrorCode>(number)).status);
    }

    /// istio-agent refuses a 401 whose realm is not the URL of a DNS host; it never gets one. The admin port's own
    /// challenge is for operators.
    void row24NoAnswerOfOursIsAChallenge() {
        for (int number = -1; number <= static_cast<int>(ErrorCode::Blocked) + 1; ++number) {
            const int status = traitsOf(static_cast<ErrorCode>(number)).status;
            CPPUNIT_ASSERT(status != 401 && status != 407);
        }
    }

    void statusAndRetryAgree() {
        for (int number = 0; number <= static_cast<int>(ErrorCode::Blocked); ++number) {
            const auto& traits = traitsOf(static_cast<ErrorCode>(number));
            CPPUNIT_ASSERT_MESSAGE("a client gives up on 429", traits.status != 429);
            CPPUNIT_ASSERT_MESSAGE(traits.name, !(traits.retryable && traits.status < 500));
        }
        CPPUNIT_ASSERT(Error(ErrorCode::Busy, "x").retryable());
        CPPUNIT_ASSERT(!Error(ErrorCode::ManifestUnknown, "x").retryable());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ErrorCodeTest);

class DigestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DigestTest);
    CPPUNIT_TEST(parses);
    CPPUNIT_TEST(refuses);
    CPPUNIT_TEST(hashes);
    CPPUNIT_TEST(streams);
    CPPUNIT_TEST_SUITE_END();

    void parses() {
        const std::string sha256 = "sha256:" + std::string(64, 'a');
        const std::string sha512 = "sha512:" + std::string(128, '0');
        CPPUNIT_ASSERT_EQUAL(sha256, Digest::parse(sha256).str());
        CPPUNIT_ASSERT_EQUAL(std::string("sha512"), std::string(Digest::parse(sha512).algorithm()));
        CPPUNIT_ASSERT_EQUAL(std::string(128, '0'), std::string(Digest::parse(sha512).hex()));
        CPPUNIT_ASSERT(Digest().empty());
        CPPUNIT_ASSERT(Digest().hex().empty() && Digest().algorithm().empty());
        CPPUNIT_ASSERT(Digest::parse(sha256) != Digest::parse(sha512));
    }

    void refuses() {
        const std::string hex(64, 'a');
        const std::string texts[] = {"",
                                     ":",
                                     "sha256",
                                     "sha256:",
                                     hex,
                                     "sha256:" + hex.substr(1),
                                     "sha256:" + hex + "a",
                                     "sha256:" + std::string(64, 'A'),
                                     "sha256:" + hex.substr(1) + "g",
                                     "SHA256:" + hex,
                                     "sha256:" + hex + "\n",
                                     " sha256:" + hex,
                                     "sha256:" + hex.substr(1) + std::string(1, '\0'),
                                     "sha256:" + std::string(1, '\0'),
                                     "sha256:../../../../etc/passwd",
                                     "sha256:" + std::string(58, 'a') + "/../..",
                                     "md5:" + std::string(32, 'a'),
                                     "sha512:" + hex,
                                     "sha384:" + std::string(96, 'a'),
                                     "sha256::" + hex,
                                     std::string(10240, 'a')};
        for (const auto& text : texts) {
            CPPUNIT_ASSERT_MESSAGE(text, !Digest::tryParse(text));
            test::expectError(text, ErrorCode::DigestInvalid, "is not a digest", [&] { Digest::parse(text); });
        }
        try {
            Digest::parse("sha256:\x1b[31m\n" + std::string(5000, 'x'));
        } catch (const Error& e) {
            const std::string what = e.what();
            CPPUNIT_ASSERT(what.size() < 200 && what.find('\x1b') == what.npos && what.find('\n') == what.npos);
        }
    }

    void hashes() {
        CPPUNIT_ASSERT_EQUAL(std::string("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                             Digest::of("").str());
        CPPUNIT_ASSERT_EQUAL(std::string("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
                             Digest::of("{}").str());
    }

    void streams() {
        DigestStream stream("sha256");
        stream.update("{", 1);
        DigestStream moved = std::move(stream);
        moved.update("}", 1);
        CPPUNIT_ASSERT_EQUAL(Digest::of("{}").str(), moved.finish().str());
        test::expectError("spent", ErrorCode::Internal, "after finish", [&] { moved.update("x", 1); });
        test::expectError("spent", ErrorCode::Internal, "after finish", [&] { moved.finish(); });
        test::expectError("md5", ErrorCode::DigestInvalid, "use sha256", [] { DigestStream("md5"); });
        DigestStream longer("sha512");
        longer.update("abc", 3);
        CPPUNIT_ASSERT_EQUAL(std::string("ddaf35a193617aba"), std::string(longer.finish().hex().substr(0, 16)));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DigestTest);

class MediaTypeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MediaTypeTest);
    CPPUNIT_TEST(essences);
    CPPUNIT_TEST(kinds);
    CPPUNIT_TEST_SUITE_END();

    void essences() {
        CPPUNIT_ASSERT_EQUAL(std::string("a/b"), media::essence(" A/B ; charset=utf-8"));
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciIndex), media::essence(media::OciIndex));
        CPPUNIT_ASSERT_EQUAL(std::string(), media::essence(""));
        CPPUNIT_ASSERT_EQUAL(std::string(), media::essence(";x=y"));
    }

    void kinds() {
        CPPUNIT_ASSERT(media::isManifest(media::OciManifest) && media::isManifest(media::DockerManifest));
        CPPUNIT_ASSERT(media::isImageIndex(media::OciIndex) && media::isImageIndex(media::DockerManifestList));
        CPPUNIT_ASSERT(!media::isManifest(media::OciIndex) && !media::isImageIndex(media::OciManifest));
        CPPUNIT_ASSERT(media::isSchema1(media::DockerSchema1) && media::isSchema1(media::DockerSchema1Signed));
        const auto& accept = media::manifestAccept();
        for (const char* type : {media::OciIndex, media::OciManifest, media::DockerManifestList, media::DockerManifest})
            CPPUNIT_ASSERT_MESSAGE(type, accept.find(type) != accept.npos);
        CPPUNIT_ASSERT(accept.find(media::OciIndex) < accept.find(media::OciManifest));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MediaTypeTest);
