// SPDX-License-Identifier: Apache-2.0
#include "VaultFixture.h"

using namespace wasmproxy;
using namespace wasmproxy::test;

class VaultLoginTest : public VaultFixture {
    CPPUNIT_TEST_SUITE(VaultLoginTest);
    CPPUNIT_TEST(logsInWithAppRole);
    CPPUNIT_TEST(logsInWithKubernetes);
    CPPUNIT_TEST(takesTheTokenThatLiesThere);
    CPPUNIT_TEST(aRefusedLoginNamesRoleAndMount);
    CPPUNIT_TEST(aRefusedLoginIsNotRepeatedUntilItsFilesChange);
    CPPUNIT_TEST(row20LogsInOnceMoreAfter403);
    CPPUNIT_TEST(aDeniedPathIsAnError);
    CPPUNIT_TEST(aRevokedTokenOfAFileKeepsWhatWasRead);
    CPPUNIT_TEST(renewsAtTwoThirds);
    CPPUNIT_TEST(logsInWhereRenewalEnds);
    CPPUNIT_TEST(batchTokensAndTokensWithoutEnd);
    CPPUNIT_TEST(unwrapsOnce);
    CPPUNIT_TEST(aUsedWrappingTokenIsAnAlarm);
    CPPUNIT_TEST(aWrappingTokenOfSomethingElseIsAnAlarm);
    CPPUNIT_TEST_SUITE_END();

public:
    void logsInWithAppRole() {
        makeWithAppRole();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("auth/approle/login"));
        const auto first = server.seen().at(0);
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), first.method);
        CPPUNIT_ASSERT_EQUAL(std::string(), first.token);
        CPPUNIT_ASSERT_EQUAL("{\"role_id\":\"" + RoleId + "\",\"secret_id\":\"" + SecretId + "\"}", first.body);
        // Without a secret id, at another mount, the role id in a file.
        folder.write("role", RoleId + "\n");
        server.appRole(RoleId, "wasm-proxy", {}, "mesh/approle");
        make({{"auth", "approle"}, {"role-id-file", folder / "role"}, {"auth-mount", "mesh/approle"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("auth/mesh/approle/login"));
    }

    void logsInWithKubernetes() {
        makeWithToken();
        server.kubernetesRole("wasm-proxy", {Jwt, "another"});
        make({{"auth", "kubernetes"}, {"role", "wasm-proxy"}, {"jwt-file", folder.write("jwt", Jwt + "\n")}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL("{\"role\":\"wasm-proxy\",\"jwt\":\"" + Jwt + "\"}", server.seen().at(0).body);
        folder.write("jwt", "another"); // the kubelet replaced it
        server.revokeTokens();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        requireIn("another", server.seen().at(server.count() - 2).body + server.seen().at(server.count() - 3).body);
    }

    void takesTheTokenThatLiesThere() {
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.revokeTokens();
        server.token("hvs.second");
        folder.write("token", "hvs.second");
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::string("hvs.second"), server.seen().back().token);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
        folder.write("token", "two words");
        CPPUNIT_ASSERT_EQUAL(Password, password()); // no token: the one in use is kept
    }

    void aRefusedLoginNamesRoleAndMount() {
        server.kubernetesRole("wasm-proxy", {"good"}, "kube/eu");
        const std::string jwt = folder.write("jwt", Jwt);
        make({{"auth", "kubernetes"}, {"role", "other"}, {"jwt-file", jwt}, {"auth-mount", "kube/eu"}});
        requireIn("role other at auth/kube/eu of Vault 127.0.0.1", failure());
        requireIn("400: invalid role name", failure());
        make({{"auth", "kubernetes"}, {"role", "wasm-proxy"}, {"jwt-file", jwt}, {"auth-mount", "kube/eu"}});
        requireIn("role wasm-proxy at auth/kube/eu", failure());
        make({{"auth", "kubernetes"}, {"role", "wasm-proxy"}, {"jwt-file", jwt}});
        requireIn("auth/kubernetes of Vault", failure());
        make({{"auth", "kubernetes"}, {"role", "r"}, {"jwt-file", folder / "absent"}});
        requireIn("jwt-file: cannot read " + (folder / "absent"), failure());
        make({{"token-file", folder.write("empty", "\n")}});
        requireIn("it is empty", failure());
    }

    void aRefusedLoginIsNotRepeatedUntilItsFilesChange() {
        makeWithAppRole({{"retry", "200ms"}});
        folder.write("secret-id", "wrong-canary");
        const auto until = Call::Clock::now() + 1000ms;
        while (Call::Clock::now() < until)
            requireIn("invalid role or secret ID", failure());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("login")); // next after 1.2 s
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), host.lines().size());
        folder.write("secret-id", SecretId);
        std::this_thread::sleep_for(300ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("answers again"));
    }

    void row20LogsInOnceMoreAfter403() {
        makeWithAppRole();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.revokeTokens();
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "new"}});
        CPPUNIT_ASSERT_EQUAL(std::string("new"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
        // Again at once, before another login is due: what was read stays, no error.
        server.revokeTokens();
        CPPUNIT_ASSERT_EQUAL(std::string("new"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
    }

    void aDeniedPathIsAnError() {
        makeWithAppRole({{"retry", "200ms"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.deny("secret/data/registries/reg.io");
        requireIn("may not read secret/data/registries/reg.io", failure());
        requireIn(R"(path "secret/data/registries/reg.io" { capabilities = ["read"] })", failure());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        const auto asked = server.count();
        std::this_thread::sleep_for(600ms);
        failure();
        CPPUNIT_ASSERT_EQUAL(asked, server.count()); // six times `retry`
        CPPUNIT_ASSERT(find("other.io").empty());    // others are not disturbed
        server.deny("secret/data/registries/reg.io", false);
        std::this_thread::sleep_for(900ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("can be read again"));
        // A token of a file is good, says Vault: so it is the path.
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.deny("secret/data/registries/reg.io");
        requireIn("may not read", failure());
    }

    void aRevokedTokenOfAFileKeepsWhatWasRead() {
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.revokeTokens();
        server.forget();
        const auto until = Call::Clock::now() + 1000ms;
        while (Call::Clock::now() < until)
            CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_MESSAGE(std::to_string(server.count()), server.count() >= 3 && server.count() <= 13);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("revoked or has expired"));
        requireIn("put a new token into the file", failure("other.io"));
        folder.write("token", "hvs.third");
        server.token("hvs.third");
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "third"}});
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(std::string("third"), password());
    }

    void renewsAtTwoThirds() {
        server.tokens({2, true, "service", 1 << 30});
        makeWithAppRole();
        const auto until = Call::Clock::now() + 3s;
        while (Call::Clock::now() < until) {
            CPPUNIT_ASSERT_EQUAL(Password, password());
            std::this_thread::sleep_for(20ms);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("login"));
        CPPUNIT_ASSERT_MESSAGE(std::to_string(server.count("renew-self")), server.count("renew-self") == 2);
        // Nobody asks, it expires, the next question logs in.
        std::this_thread::sleep_for(2100ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
    }

    void logsInWhereRenewalEnds() {
        server.tokens({2, true, "service", 0}); // a renewal grants a tenth
        makeWithAppRole();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        std::this_thread::sleep_for(1400ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("renew-self"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        // While Vault does not renew, the token is used to its end.
        std::this_thread::sleep_for(1400ms);
        server.answerWith("auth/token/renew-self", "{}");
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
    }

    void batchTokensAndTokensWithoutEnd() {
        server.tokens({2, true, "batch", 1 << 30});
        makeWithAppRole();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        std::this_thread::sleep_for(1400ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count("renew-self"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        server.tokens({0, false, "service", 0});
        makeWithToken();
        server.forget();
        for (int i = 0; i < 5; ++i)
            CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(7), server.count()); // lookup-self, mounts, and the secret
    }

    void unwrapsOnce() {
        const std::string wrapping = server.wrap("auth/approle/role/wasm-proxy/secret-id", SecretId);
        makeWithAppRole({{"secret-id-wrapped", "true"}, {"role", "wasm-proxy"}});
        folder.write("secret-id", wrapping);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.revokeTokens();
        CPPUNIT_ASSERT_EQUAL(Password, password()); // logs in with what was unwrapped
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("unwrap"));
        folder.write("secret-id", server.wrap("auth/approle/role/wasm-proxy/secret-id", SecretId));
        server.revokeTokens();
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("unwrap"));
    }

    void aUsedWrappingTokenIsAnAlarm() {
        makeWithAppRole({{"secret-id-wrapped", "true"}});
        folder.write("secret-id", "hvs.used-canary");
        requireIn("somebody else may have unwrapped it", failure());
        requireIn("wrapping token is not valid or does not exist", failure());
        std::this_thread::sleep_for(1000ms);
        failure();
        std::size_t alarms = 0;
        for (const auto& line : host.lines())
            alarms += line.level == LogLevel::Error && line.text.find("somebody else") != std::string::npos;
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), alarms);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count("login"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count("unwrap"));
    }

    void aWrappingTokenOfSomethingElseIsAnAlarm() {
        for (const std::string path : {"sys/wrapping/wrap", "auth/approle/role/other/secret-id",
                                       "auth/approle/role/x/y", "auth/approle/role/wasm-proxy/x/secret-id"}) {
            makeWithAppRole({{"secret-id-wrapped", "true"}, {"role", "wasm-proxy"}});
            folder.write("secret-id", server.wrap(path, SecretId));
            requireIn("was made at " + path + ", not at auth/approle/role/wasm-proxy/secret-id", failure());
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count("unwrap"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VaultLoginTest);
