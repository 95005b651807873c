// SPDX-License-Identifier: Apache-2.0
#include "EcrFixture.h"

#include "wasmproxy/oci/Reference.h"

namespace wasmproxy::ecr::test {
namespace {

const std::string Origin = "https://" + Registry;
const std::string Manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                             R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:)"
                             R"(44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},)"
                             R"("layers":[]})";
const std::string Expired = R"({"errors":[{"code":"DENIED","message":"Your authorization token has expired. )"
                            R"(Reauthenticate and try again."}]})";

class EcrBackendTest : public EcrFixture {
    CPPUNIT_TEST_SUITE(EcrBackendTest);
    CPPUNIT_TEST(signsForPrivate);
    CPPUNIT_TEST(signsForPublic);
    CPPUNIT_TEST(renewsAtHalfLife);
    CPPUNIT_TEST(keepsTheOldTokenWhileItLives);
    CPPUNIT_TEST(lifeDoesNotDependOnOurClock);
    CPPUNIT_TEST(mapsRefusals);
    CPPUNIT_TEST(refusesBrokenAnswers);
    CPPUNIT_TEST(namesAWrongClock);
    CPPUNIT_TEST(nobodyIsAValueForAWhile);
    CPPUNIT_TEST(isForItsHostsOnly);
    CPPUNIT_TEST(settingsAreChecked);
    CPPUNIT_TEST(expiredTokenIsRenewedOnce);
    CPPUNIT_TEST(foreignCredentialIsNotTriedTwice);
    CPPUNIT_TEST(publicBadRequestRenewsTheBearerOnce);
    CPPUNIT_TEST(blobsGoToStorageWithoutAuthorization);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        haveKeys();
        world.put(Api + "/", privateAnswer("canary-password-1"));
        world.put(PublicApi + "/", R"({"authorizationData":)" + authorization("canary-public") + "}");
        make();
    }

    void make(const std::vector<KeyValue>& values = {}) {
        backend = std::make_unique<EcrBackend>(host, settings(values), environment());
    }
    CredentialSource* source() { return static_cast<CredentialSource*>(backend->ability(CredentialSource::Seam)); }
    std::vector<Credential> find(const std::string& registry = Registry) {
        return source()->find(call, {Repository(registry, "team/authz"), ""});
    }
    Error failure() {
        try {
            find();
        } catch (const Error& error) {
            assertSilent(std::string(error.what()) + error.hint());
            for (const auto& line : host.lines())
                assertSilent(line.text);
            return error;
        }
        CPPUNIT_FAIL("an Error was expected");
        throw 0;
    }
    void assertPassword(const std::string& password) {
        const auto found = find();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
        CPPUNIT_ASSERT_EQUAL(password, std::string(found[0].secret.reveal()));
    }

    void signsForPrivate() {
        const auto found = find();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
        CPPUNIT_ASSERT(found[0].kind == Credential::Kind::Basic);
        CPPUNIT_ASSERT_EQUAL(std::string("AWS"), found[0].username);
        CPPUNIT_ASSERT_EQUAL(std::string("canary-password-1"), std::string(found[0].secret.reveal()));
        CPPUNIT_ASSERT_EQUAL(std::string("ecr: identity of this process in us-west-2"), found[0].name);
        const auto seen = world.seen().front();
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), seen.method);
        CPPUNIT_ASSERT_EQUAL(Api, seen.origin);
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), seen.body);
        CPPUNIT_ASSERT_EQUAL(std::string("application/x-amz-json-1.1"), seen.header("Content-Type"));
        CPPUNIT_ASSERT_EQUAL(std::string("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
                             seen.header("X-Amz-Target"));
        CPPUNIT_ASSERT_EQUAL(std::string(), seen.header("X-Amz-Date"));
        CPPUNIT_ASSERT_EQUAL(std::string("us-west-2 ecr AKIDEXAMPLE"), seen.signature->region + " " +
                                                                           seen.signature->service + " " +
                                                                           seen.signature->accessKeyId);
        CPPUNIT_ASSERT(seen.signature->sessionToken == Secret(SessionToken));
        find("210987654321.dkr.ecr.us-west-2.amazonaws.com"); // one token for all accounts of the region
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seen().size());
    }

    void signsForPublic() {
        CPPUNIT_ASSERT_EQUAL(std::string("canary-public"), std::string(find("public.ecr.aws").front().secret.reveal()));
        const auto seen = world.seen().front();
        CPPUNIT_ASSERT_EQUAL(PublicApi, seen.origin);
        CPPUNIT_ASSERT_EQUAL(std::string("SpencerFrontendService.GetAuthorizationToken"), seen.header("X-Amz-Target"));
        CPPUNIT_ASSERT_EQUAL(std::string("us-east-1 ecr-public"),
                             seen.signature->region + " " + seen.signature->service);
    }

    void renewsAtHalfLife() {
        assertPassword("canary-password-1");
        world.put(Api + "/", privateAnswer("canary-password-2", Now + 80000));
        host.clock.advance(21500s);
        assertPassword("canary-password-1");
        host.clock.advance(200s);
        assertPassword("canary-password-2");
    }

    void keepsTheOldTokenWhileItLives() {
        assertPassword("canary-password-1");
        host.clock.advance(22000s);
        world.inject("", Api, faults::status(400, R"({"__type":"AccessDeniedException","Message":"no"})"));
        assertPassword("canary-password-1");
        world.heal();
        world.inject("", Api, faults::status(0)); // no such host
        host.clock.advance(20000s);
        assertPassword("canary-password-1");
        host.clock.advance(2000s);
        CPPUNIT_ASSERT_EQUAL(ErrorCode::UpstreamUnavailable, failure().code());
        variables.clear(); // gone is a fault, not "ask without"
        CPPUNIT_ASSERT_EQUAL(ErrorCode::CredentialSourceFault, failure().code());
    }

    void lifeDoesNotDependOnOurClock() {
        host.clock.advance(36000s); // ten hours ahead: the token would seem to live for two
        world.inject("", Api, faults::header("Date", "Thu, 01 Jan 2026 00:00:00 GMT"));
        assertPassword("canary-password-1");
        host.clock.advance(20000s);
        assertPassword("canary-password-1");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seen().size());
    }

    void mapsRefusals() {
        struct Row {
            int status;
            const char* body;
            ErrorCode code;
            const char* words;
        };
        const Row rows[] = {
            {400, R"({"__type":"AccessDeniedException","Message":"User x is not authorized"})",
             ErrorCode::CredentialSourceFault, "AccessDeniedException: User x is not authorized"},
            {400, R"({"__type":"com.amazon.coral.service#ExpiredTokenException","message":"canary-session-token"})",
             ErrorCode::CredentialSourceFault, "ExpiredTokenException: <redacted>"},
            {400, R"({"__type":"UnrecognizedClientException","message":"invalid"})", ErrorCode::CredentialSourceFault,
             "UnrecognizedClientException"},
            {400, R"({"__type":"ThrottlingException","message":"Rate exceeded"})", ErrorCode::TooManyRequests, "Rate"},
            {500, R"({"__type":"ServerException"})", ErrorCode::UpstreamUnavailable, "ServerException"},
            {400, R"({"__type":"InvalidParameterException"})", ErrorCode::CredentialSourceFault, "InvalidParameter"},
            {403, R"({"__type":"InvalidSignatureException","message":"The Canonical String canary-session-token"})",
             ErrorCode::CredentialSourceFault, "403 InvalidSignatureException"},
            {502, "<html>canary-secret-access-key</html>", ErrorCode::UpstreamUnavailable, "answered 502"},
        };
        for (const auto& row : rows) {
            world.heal();
            world.inject("", Api, faults::status(row.status, row.body));
            const Error error = failure();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), row.code, error.code());
            CPPUNIT_ASSERT_MESSAGE(error.what(), std::string(error.what()).find(row.words) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(error.what(), std::string(error.what()).find("AKIDEXAMPLE") != std::string::npos);
        }
    }

    void refusesBrokenAnswers() {
        const auto with = [](const std::string& token) {
            return R"({"authorizationData":[{"authorizationToken":")" + token + R"(","expiresAt":1.767268799123E9}]})";
        };
        for (const auto& body : {std::string("{}"), std::string(R"({"authorizationData":[]})"), std::string("<html>"),
                                 with(""), with("!!!!"), with(base64("robot:x")), with(base64("AWS:")),
                                 with(base64("AWS:a\r\nX: b")), privateAnswer("old", Now - 10)}) {
            world.put(Api + "/", body);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(body, ErrorCode::UpstreamInvalid, failure().code());
        }
        world.put(Api + "/", with(base64("AWS:p")));
        assertPassword("p");
    }

    void namesAWrongClock() {
        host.clock.advance(600s);
        world.inject("", Api,
                     faults::status(403, R"({"__type":"InvalidSignatureException","message":"expired"})",
                                    {{"Date", "Thu, 01 Jan 2026 00:00:00 GMT"}}));
        CPPUNIT_ASSERT_EQUAL(std::string("the clock of this machine is 600 s ahead of AWS's: set it right"),
                             failure().hint());
    }

    void nobodyIsAValueForAWhile() {
        variables.clear();
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT(host.logged("no AWS identity"));
        const auto asked = world.seen().size();
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT_EQUAL(asked, world.seen().size());
    }

    void isForItsHostsOnly() {
        for (const char* other : {"ghcr.io", "registry.example.com", "123456789012.dkr.ecr.us-west-2.evil.example"})
            CPPUNIT_ASSERT(find(other).empty());
        CPPUNIT_ASSERT(source()->find(call, {Repository(Registry, "team/authz"), "secret"}).empty());
        CPPUNIT_ASSERT(world.seen().empty());
        make({{"region", "eu-west-1", ""}});
        world.put("https://api.ecr.eu-west-1.amazonaws.com/", privateAnswer("canary-password-eu"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), find("ecr.corp.example").size());
        make({{"identity", "none", ""}});
        CPPUNIT_ASSERT(source() == nullptr);
    }

    void settingsAreChecked() {
        const auto problems = [](const std::vector<KeyValue>& values) {
            EcrSettings result;
            std::vector<SettingsProblem> found;
            result.apply(values, "backend.ecr.", found);
            return found.empty() ? std::string() : found.front().key;
        };
        CPPUNIT_ASSERT_EQUAL(std::string(), problems({{"api-endpoint", "http://127.0.0.1:5000", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.api-endpoint"), problems({{"api-endpoint", "https://a/b", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.sts-endpoint"), problems({{"sts-endpoint", "u@h", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.region"), problems({{"region", "EU", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.identity"), problems({{"identity", "yes", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.identity"),
                             problems({{"identity", "none", ""}, {"profile", "x", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::string("backend.ecr.access-key-file"), problems({{"access-key-file", "keys", ""}}));
    }

    void serve(const std::string& password) {
        FakeRegistry::Access access;
        access.kind = FakeRegistry::Access::Kind::Basic;
        access.user = "AWS";
        access.password = password;
        world.serve(Origin, access);
        world.push(Origin, "team/authz", "v1", Manifest);
    }
    std::optional<Descriptor> resolve(const Credential& credential) {
        return backend->resolve(call, Reference::parse(Registry + "/team/authz:v1"), credential);
    }

    void expiredTokenIsRenewedOnce() {
        serve("canary-password-2");
        auto held = find().front();
        held.name = "backend.ecr: " + held.name; // as the host's keychain hands it over
        world.put(Api + "/", privateAnswer("canary-password-2"));
        // What the registry says to a token of yesterday; a HEAD has no body.
        const auto expired = [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.header("Authorization") != "Basic " + base64("AWS:canary-password-1")) return;
            reply = {};
            reply.status = 403;
            if (seen.method != "HEAD") reply.body = Expired;
        };
        world.inject("", Origin, expired);
        CPPUNIT_ASSERT(resolve(held));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), world.seenAt(Api).size());
        assertPassword("canary-password-2");
        CPPUNIT_ASSERT(world.leaks({"canary-password-1", "canary-password-2", SecretKey}, {Origin}).empty());
        // Refused although it is new: once more and no further.
        world.heal();
        world.inject("", Origin, faults::status(403, Expired));
        world.forgetSeen();
        expectError("again", ErrorCode::RepositoryDenied, "expired", [&] { resolve(find().front()); });
        CPPUNIT_ASSERT(world.seenAt(Api).size() <= 1);
        CPPUNIT_ASSERT(world.seenAt(Origin).size() <= 4);
    }

    void foreignCredentialIsNotTriedTwice() {
        serve("other");
        const Credential robot{Credential::Kind::Basic, "file", "AWS", Secret("wrong")};
        expectError("refused", ErrorCode::CredentialRefused, "401", [&] { resolve(robot); });
        std::size_t shown = 0;
        for (const auto& seen : world.seenAt(Origin))
            shown += seen.authorized();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), shown);
        CPPUNIT_ASSERT(world.seenAt(Api).empty());
    }

    void publicBadRequestRenewsTheBearerOnce() {
        const std::string origin = "https://public.ecr.aws";
        FakeRegistry::Access access;
        access.kind = FakeRegistry::Access::Kind::Bearer;
        access.user = "AWS";
        access.password = "canary-public";
        access.realm = origin + "/token/";
        world.serve(origin, access);
        world.push(origin, "team/authz", "v1", Manifest);
        const auto reference = Reference::parse("public.ecr.aws/team/authz:v1");
        const auto held = find("public.ecr.aws").front();
        CPPUNIT_ASSERT(backend->resolve(call, reference, held));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.count("GET", "/token/"));
        // An expired bearer is answered 400, without a challenge.
        world.inject("", origin + "/v2/", faults::status(400, ""), 1);
        CPPUNIT_ASSERT(backend->resolve(call, reference, held));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), world.count("GET", "/token/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seenAt(PublicApi).size());
    }

    void blobsGoToStorageWithoutAuthorization() {
        serve("canary-password-1");
        const std::string storage = "https://prod-us-west-2-starport-layer-bucket.s3.us-west-2.amazonaws.com/blob";
        const auto digest = world.pushBlob(Origin, "team/authz", "module bytes");
        world.put(storage, "module bytes");
        world.inject("GET", "/blobs/", faults::redirect(307, storage + "?X-Amz-Signature=abc"));
        Descriptor descriptor;
        descriptor.mediaType = media::OctetStream;
        descriptor.digest = digest;
        descriptor.size = 12;
        const auto held = find().front();
        CPPUNIT_ASSERT(resolve(held));
        CPPUNIT_ASSERT(backend->fetch(call, Repository(Registry, "team/authz"), descriptor, held, 0));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.count("GET", "X-Amz-Signature"));
        CPPUNIT_ASSERT(world.leaks({"canary-password-1", SecretKey, SessionToken}, {Origin}).empty());
    }

private:
    std::unique_ptr<EcrBackend> backend;
};

CPPUNIT_TEST_SUITE_REGISTRATION(EcrBackendTest);

} // namespace
} // namespace wasmproxy::ecr::test
