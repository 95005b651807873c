// SPDX-License-Identifier: Apache-2.0
#include "AwsFixture.h"

namespace wasmproxy::aws::test {
namespace {

const std::string Document = R"({"Code":"Success","AccessKeyId":"ASIAROLE","SecretAccessKey":")" + SecretKey +
                             R"(","Token":")" + SessionToken + R"(","Expiration":"2026-01-01T06:00:00Z"})";
const std::string Sts = "https://sts.us-west-2.amazonaws.com";
const std::string StsAnswer =
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>" +
    SecretKey + "</SecretAccessKey><SessionToken>" + SessionToken +
    "</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration></Credentials>"
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
const std::string Roles = Imds + "/latest/meta-data/iam/security-credentials/";

class CredentialChainTest : public AwsFixture {
    CPPUNIT_TEST_SUITE(CredentialChainTest);
    CPPUNIT_TEST(environmentComesFirst);
    CPPUNIT_TEST(halfAnEnvironmentIsAFault);
    CPPUNIT_TEST(sharedFilesAndProfiles);
    CPPUNIT_TEST(accessKeyFileAlone);
    CPPUNIT_TEST(unsupportedProfilesAreNamed);
    CPPUNIT_TEST(webIdentity);
    CPPUNIT_TEST(webIdentityRefusals);
    CPPUNIT_TEST(podIdentity);
    CPPUNIT_TEST(taskRole);
    CPPUNIT_TEST(plainHttpOnlyToTheMachine);
    CPPUNIT_TEST(instanceRole);
    CPPUNIT_TEST(noInstance);
    CPPUNIT_TEST(silentInstanceCostsASecond);
    CPPUNIT_TEST_SUITE_END();

public:
    std::optional<AwsCredentials> find(const CredentialPlaces& places = {}) {
        return CredentialChain(host, places, environment()).find(call, "sts.us-west-2.amazonaws.com");
    }
    void haveWebIdentity() {
        variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/pull";
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("jwt", "eyJ.canary+jwt/x.y\n");
        world.put(Sts + "/", StsAnswer);
    }
    void haveInstance() {
        world.put(Imds + "/latest/api/token", "metadata-token");
        world.put(Roles, "node-role\n");
        world.put(Roles + "node-role", Document);
    }

    void environmentComesFirst() {
        haveKeys();
        haveWebIdentity();
        haveInstance();
        const auto found = find();
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(std::string("AKIDEXAMPLE"), found->accessKeyId);
        CPPUNIT_ASSERT(found->secretAccessKey == Secret(SecretKey));
        CPPUNIT_ASSERT(found->sessionToken == Secret(SessionToken));
        CPPUNIT_ASSERT(world.seen().empty());
    }

    void halfAnEnvironmentIsAFault() {
        variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
        expectError("half", ErrorCode::CredentialSourceFault, "AWS_SECRET_ACCESS_KEY", [&] { find(); });
    }

    void sharedFilesAndProfiles() {
        variables["AWS_EC2_METADATA_DISABLED"] = "true";
        CPPUNIT_ASSERT(!find());
        variables["AWS_SHARED_CREDENTIALS_FILE"] = write(
            "credentials", "# mine\n[default]\naws_access_key_id = AKDEFAULT\r\naws_secret_access_key=" + SecretKey +
                               "==\n\n[team]\naws_access_key_id=AKTEAM\naws_secret_access_key=k\n"
                               "aws_session_token = " +
                               SessionToken + "\n");
        variables["AWS_CONFIG_FILE"] =
            write("config", "[profile ops]\nregion = eu-west-1\ns3 =\n  aws_access_key_id = NESTED\n"
                            "aws_access_key_id = AKOPS\naws_secret_access_key = k\n[default]\nregion = x\n");
        CPPUNIT_ASSERT_EQUAL(std::string("AKDEFAULT"), find()->accessKeyId);
        CPPUNIT_ASSERT(find()->secretAccessKey == Secret(SecretKey + "=="));
        variables["AWS_PROFILE"] = "team";
        CPPUNIT_ASSERT(find()->sessionToken == Secret(SessionToken));
        CPPUNIT_ASSERT_EQUAL(std::string("AKOPS"), find({"", "ops", "", ""})->accessKeyId);
        expectError("no profile", ErrorCode::CredentialSourceFault, "profile 'none'", [&] {
            find({"", "none", "", ""});
        });
    }

    void accessKeyFileAlone() {
        haveKeys(); // not asked: the file is what the operator wrote
        const std::string path = write("keys", "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = k\n");
        CPPUNIT_ASSERT_EQUAL(std::string("AKFILE"), find({path, "", "", ""})->accessKeyId);
        write("keys", "[default]\naws_access_key_id = AKNEW\naws_secret_access_key = k\n");
        CPPUNIT_ASSERT_EQUAL(std::string("AKNEW"), find({path, "", "", ""})->accessKeyId);
        expectError("missing", ErrorCode::CredentialSourceFault, "/nowhere", [&] { find({"/nowhere", "", "", ""}); });
        expectError("folder", ErrorCode::CredentialSourceFault, "not a regular file", [&] {
            find({directory.path(), "", "", ""});
        });
        write("keys", "[default]\naws_access_key_id = AKFILE\n");
        expectError("half", ErrorCode::CredentialSourceFault, "only one of", [&] { find({path, "", "", ""}); });
    }

    void unsupportedProfilesAreNamed() {
        for (const char* key : {"role_arn", "credential_process", "sso_session"}) {
            const std::string path = write("keys", std::string("[default]\n") + key + " = x\n");
            expectError(key, ErrorCode::CredentialSourceFault, key, [&] { find({path, "", "", ""}); });
        }
        haveInstance(); // which must not be taken instead
        const std::string key = "aws_access_key_id = AK\naws_secret_access_key = k\n";
        const std::string role = "role_arn = arn:aws:iam::123456789012:role/pull\nsource_profile = base\n";
        variables["AWS_SHARED_CREDENTIALS_FILE"] = write("credentials", "[base]\n" + key);
        const std::string config = write("config", "[default]\n" + role + "[profile base]\nregion = eu-west-1\n");
        variables["AWS_CONFIG_FILE"] = config;
        const std::string named = "profile 'default' of " + config + " uses role_arn, which is not supported";
        expectError("a role", ErrorCode::CredentialSourceFault, named, [&] { find(); });
        // Nor is the key used as it is, wherever it stands.
        write("credentials", "[default]\n" + key);
        expectError("a role and a key", ErrorCode::CredentialSourceFault, named, [&] { find(); });
        write("credentials", "[default]\n" + key + role);
        expectError("both in one", ErrorCode::CredentialSourceFault, "role_arn", [&] { find(); });
        write("credentials", "[default]\n" + key + "credential_process = /bin/x\n"); // AWS takes the key, too
        variables["AWS_CONFIG_FILE"] = "/dev/null";
        CPPUNIT_ASSERT_EQUAL(std::string("AK"), find()->accessKeyId);
    }

    void webIdentity() {
        haveWebIdentity();
        const auto found = find();
        CPPUNIT_ASSERT_EQUAL(std::string("ASIAWEB"), found->accessKeyId);
        CPPUNIT_ASSERT(found->sessionToken == Secret(SessionToken));
        const auto seen = world.seenAt(Sts).front();
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), seen.method);
        CPPUNIT_ASSERT(!seen.signature && !seen.authorized());
        CPPUNIT_ASSERT_EQUAL(
            std::string("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012"
                        "%3Arole%2Fpull&RoleSessionName=wasm-proxy&DurationSeconds=3600&WebIdentityToken="
                        "eyJ.canary%2Bjwt%2Fx.y"),
            seen.body);
        write("jwt", "eyJ.next"); // rotated by the kubelet
        find();
        CPPUNIT_ASSERT(world.seenAt(Sts).back().body.find("WebIdentityToken=eyJ.next") != std::string::npos);
        world.put("http://127.0.0.1:4566/", StsAnswer);
        find({"", "", "http://127.0.0.1:4566", ""});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), world.seenAt("http://127.0.0.1:4566").size());
    }

    void webIdentityRefusals() {
        haveWebIdentity();
        const auto refused = [&](int status, const std::string& word, ErrorCode code) {
            world.heal();
            world.inject("", Sts,
                         faults::status(status, "<ErrorResponse><Error><Type>Sender</Type><Code>" + word +
                                                    "</Code><Message>no eyJ.canary+jwt/x.y</Message></Error>"
                                                    "</ErrorResponse>"));
            expectError(word, code, word, [&] { find(); });
            try {
                find();
            } catch (const Error& error) {
                CPPUNIT_ASSERT(std::string(error.what()).find("canary") == std::string::npos);
            }
        };
        refused(400, "InvalidIdentityToken", ErrorCode::CredentialSourceFault);
        refused(400, "IDPCommunicationError", ErrorCode::UpstreamUnavailable);
        refused(403, "AccessDenied", ErrorCode::CredentialSourceFault);
        refused(503, "ServiceUnavailable", ErrorCode::UpstreamUnavailable);
        world.heal();
        for (const char* body : {"<SecretAccessKey>x</SecretAccessKey>", "", "<AccessKeyId>a<!-- --></AccessKeyId>"}) {
            world.put(Sts + "/", body);
            expectError("broken", ErrorCode::UpstreamInvalid, "without credentials", [&] { find(); });
        }
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nowhere";
        expectError("no file", ErrorCode::CredentialSourceFault, "/nowhere", [&] { find(); });
    }

    void podIdentity() {
        const std::string uri = "http://169.254.170.23/v1/credentials";
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write("token", "raw-token");
        world.put(uri, Document);
        CPPUNIT_ASSERT_EQUAL(std::string("ASIAROLE"), find()->accessKeyId);
        CPPUNIT_ASSERT_EQUAL(std::string("raw-token"), world.seen().front().header("Authorization"));
        write("token", "raw\r\nX-Evil: 1");
        expectError("line break", ErrorCode::CredentialSourceFault, "line break", [&] { find(); });
        write("token", "raw-token");
        world.inject("", uri, faults::status(400, R"({"code":"AccessDenied","message":"not raw-token"})"));
        expectError("refusal", ErrorCode::CredentialSourceFault, "AccessDenied: not <redacted>", [&] { find(); });
        world.heal();
        world.put(uri, R"({"AccessKeyId":"x"})");
        expectError("half", ErrorCode::CredentialSourceFault, "SecretAccessKey", [&] { find(); });
    }

    void taskRole() {
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/id";
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "static";
        world.put("http://169.254.170.2/v2/credentials/id", Document);
        CPPUNIT_ASSERT_EQUAL(std::string("ASIAROLE"), find()->accessKeyId);
        CPPUNIT_ASSERT_EQUAL(std::string("static"), world.seen().front().header("Authorization"));
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@evil.example/x";
        expectError("no path", ErrorCode::CredentialSourceFault, "begins with no '/'", [&] { find(); });
    }

    void plainHttpOnlyToTheMachine() {
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "static";
        for (const char* uri : {"http://evil.example/c", "http://10.0.0.1/c", "http://169.254.170.3/c",
                                "http://127.0.0.1.evil.example/c", "http://127.evil/c"}) {
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
            world.put(uri, Document);
            expectError(uri, ErrorCode::CredentialSourceFault, "plain http", [&] { find(); });
        }
        CPPUNIT_ASSERT(world.seen().empty());
        for (const char* uri : {"http://127.0.0.1:8080/c", "http://[::1]/c", "http://localhost/c",
                                "http://[fd00:ec2::23]/v1/credentials", "https://credentials.example/c"}) {
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
            world.put(uri, Document);
            CPPUNIT_ASSERT_MESSAGE(uri, find().has_value());
        }
    }

    void instanceRole() {
        haveInstance();
        CPPUNIT_ASSERT_EQUAL(std::string("ASIAROLE"), find()->accessKeyId);
        const auto seen = world.seenAt(Imds);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), seen.size());
        CPPUNIT_ASSERT_EQUAL(std::string("PUT"), seen[0].method);
        CPPUNIT_ASSERT_EQUAL(std::string("21600"), seen[0].header("X-aws-ec2-metadata-token-ttl-seconds"));
        CPPUNIT_ASSERT_EQUAL(std::string("metadata-token"), seen[2].header("X-aws-ec2-metadata-token"));
        world.put(Roles + "node-role", R"({"Code":"Failed","Message":"no"})");
        expectError("not Success", ErrorCode::CredentialSourceFault, "Failed no", [&] { find(); });
        variables["AWS_EC2_METADATA_DISABLED"] = "true";
        CPPUNIT_ASSERT(!find());
    }

    void noInstance() {
        CPPUNIT_ASSERT(!find()); // nobody there
        world.put(Imds + "/latest/api/token", "metadata-token");
        CPPUNIT_ASSERT(!find()); // there, without a role
        world.inject("PUT", Imds, faults::status(403));
        CPPUNIT_ASSERT(!find()); // only version 1, which is not asked
        CPPUNIT_ASSERT(host.logged("no instance role"));
    }

    void silentInstanceCostsASecond() {
        haveInstance();
        world.inject("PUT", Imds, faults::silence());
        const auto begin = Call::Clock::now();
        CPPUNIT_ASSERT(!find());
        CPPUNIT_ASSERT(Call::Clock::now() - begin < 3s);
        CPPUNIT_ASSERT(host.logged("hop limit"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialChainTest);

} // namespace
} // namespace wasmproxy::aws::test
