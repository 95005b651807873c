// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include "VaultFixture.h"
#include "plugins/Door.h"

#include <atomic>

using namespace wasmproxy;
using namespace wasmproxy::test;

class VaultReadingTest : public VaultFixture {
    CPPUNIT_TEST_SUITE(VaultReadingTest);
    CPPUNIT_TEST(readsBothVersions);
    CPPUNIT_TEST(tellsVersionsByTheirShape);
    CPPUNIT_TEST(followsAnEngineToVersion2);
    CPPUNIT_TEST(readsDockerConfigs);
    CPPUNIT_TEST(row20AbsenceIsEmpty);
    CPPUNIT_TEST(needsToKnowTheRegistry);
    CPPUNIT_TEST(knowsNoKubernetesSecrets);
    CPPUNIT_TEST(sendsWhatVaultWants);
    CPPUNIT_TEST(keepsWhatWasReadWhileItIsMalformed);
    CPPUNIT_TEST(readsAgainAfterRefresh);
    CPPUNIT_TEST(aLeasedSecretIsReadByItsLease);
    CPPUNIT_TEST(sharesOneRequest);
    CPPUNIT_TEST(aLateCallerHindersNobody);
    CPPUNIT_TEST(keepsSoManyPaths);
    CPPUNIT_TEST(rotatesUnderLoad);
    CPPUNIT_TEST(conforms);
    CPPUNIT_TEST_SUITE_END();

public:
    void readsBothVersions() {
        makeWithToken();
        server.mount("team/kv/", 2);
        server.write("team/kv/reg.io:5000", {{"username", "u"}, {"password", "two"}});
        server.write("kv/reg.io", {{"username", "u"}, {"password", "one"}});
        server.write("kv/data/reg.io", {{"username", "u"}, {"password", "odd"}});
        const std::vector<std::vector<std::string>> rows = {
            // path, kv-version, registry, password
            {"secret/data/registries/{host}", "auto", "reg.io", Password},
            {"secret/registries/{host}", "auto", "reg.io", Password},
            {"secret/registries/{host}", "2", "reg.io", Password},
            {"secret/data/registries/{host}", "2", "reg.io", Password},
            {"team/kv/{host}", "auto", "reg.io:5000", "two"},
            {"team/kv/data/{host}", "2", "reg.io:5000", "two"},
            {"kv/{host}", "auto", "reg.io", "one"},
            {"kv/{host}", "1", "reg.io", "one"},
            {"kv/data/{host}", "auto", "reg.io", "odd"},
        };
        for (const auto& row : rows) {
            make({{"path", row[0]}, {"kv-version", row[1]}});
            const auto found = find(row[2]);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row[0] + " " + row[1], std::size_t(1), found.size());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row[0] + " " + row[1], row[3], std::string(found[0].secret.reveal()));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("robot"), (makeWithToken(), find())[0].username);
        requireIn("secret/data/registries/reg.io in Vault 127.0.0.1:", find()[0].name);
    }

    void tellsVersionsByTheirShape() {
        makeWithToken();
        server.hideMounts(true);
        server.write("kv/reg.io", {{"username", "u"}, {"password", "one"}, {"data", "x"}, {"metadata", "y"}});
        for (const std::string path : {"secret/data/registries/{host}", "secret/registries/{host}"}) {
            make({{"path", path}});
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, Password, password());
        }
        make({{"path", "kv/{host}"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        // Vault does not tell; it is not asked again and again.
        server.forget();
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count("sys/internal"));
    }

    void followsAnEngineToVersion2() {
        makeWithToken({{"path", "kv/{host}"}});
        server.write("kv/reg.io", {{"username", "u"}, {"password", "one"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        server.mount("kv/", 2);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
    }

    void readsDockerConfigs() {
        makeWithToken({{"path", "secret/mesh"}});
        // dXNlcjpvbmU= is user:one
        const std::string config = R"({"auths":{"reg.io":{"auth":"dXNlcjpvbmU="},"reg.io/other":{"auth":"eDp5"}}})";
        server.write("secret/mesh", {{".dockerconfigjson", config}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), find("reg.io", "other/a").size());
        CPPUNIT_ASSERT(find("elsewhere.io").empty());
        // As it stands in a Kubernetes Secret, under the other name.
        server.write("secret/mesh", {{"dockerconfigjson", "eyJhdXRocyI6eyJyZWcuaW8iOnsiYXV0aCI6ImRUcDMifX19"}});
        CPPUNIT_ASSERT_EQUAL(std::string("w"), password());
        server.write("secret/mesh", {{"dockerconfigjson", "canary: not JSON"}});
        CPPUNIT_ASSERT_EQUAL(std::string("w"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("stays in force"));
    }

    void row20AbsenceIsEmpty() {
        makeWithToken();
        CPPUNIT_ASSERT(find("other.io").empty());
        CPPUNIT_ASSERT(!find().empty());
        server.remove("secret/registries/reg.io"); // 404 with a body
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "back"}});
        CPPUNIT_ASSERT_EQUAL(std::string("back"), password());
        make({{"path", "nowhere/{host}"}});
        CPPUNIT_ASSERT(find().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("no handler for route"));
    }

    void needsToKnowTheRegistry() {
        makeWithToken({{"path", "secret/one"}});
        server.write("secret/one", {{"username", "u"}, {"password", "one"}});
        requireIn("does not say which registry", failure());
        make({{"path", "secret/one"}, {"registry", "reg.io/team, other.io"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password("other.io"));
        const auto asked = server.count();
        CPPUNIT_ASSERT(find("evil.io").empty());
        CPPUNIT_ASSERT(find("reg.io", "teams/a").empty());
        CPPUNIT_ASSERT_EQUAL(asked, server.count());
    }

    void knowsNoKubernetesSecrets() {
        makeWithToken();
        Call call("test", Call::Clock::now() + 5s);
        CPPUNIT_ASSERT(source->find(call, {{"reg.io", "team/authz"}, "regcred"}).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count());
    }

    void sendsWhatVaultWants() {
        server.requireNamespace("platform/team");
        makeWithToken({{"namespace", "platform/team"}, {"path", "secret/{host}/{repository}"}});
        server.write("secret/reg.io:5000/team/authz", {{"username", "<token>"}, {"password", "p"}});
        const auto found = find("reg.io:5000");
        CPPUNIT_ASSERT(found.at(0).kind == Credential::Kind::IdentityToken);
        for (const auto& request : server.seen()) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(request.path, std::string("platform/team"), request.vaultNamespace);
            CPPUNIT_ASSERT_MESSAGE(request.path, request.marked);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(request.path, Token, request.token);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count("secret/data/reg.io:5000/team/authz"));
        // Another namespace: Vault knows nothing there.
        make({{"namespace", "platform/other"}});
        CPPUNIT_ASSERT(find().empty());
    }

    void keepsWhatWasReadWhileItIsMalformed() {
        makeWithToken();
        const std::string path = "secret/data/registries/reg.io";
        CPPUNIT_ASSERT_EQUAL(Password, password());
        for (const std::string& body :
             {std::string("<html>canary</html>"), std::string(R"({"data":[]})"), std::string(R"({"data":{"data":{}}})"),
              std::string(R"({"data":{"data":{"username":"u","password":7}}})"),
              std::string(R"({"data":{"data":{"username":"u","password":""}}})"), std::string(3u << 20, ' ')}) {
            server.answerWith(path, body);
            std::this_thread::sleep_for(150ms);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(body.substr(0, 60), Password, password());
        }
        // One that was never good is an error that says where.
        server.write("secret/registries/new.io", {{"user", "u"}});
        std::this_thread::sleep_for(150ms);
        requireIn("secret/data/registries/new.io in Vault", failure("new.io"));
        requireIn("no field `username`", failure("new.io"));
        server.answerWith(path, "");
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "better"}});
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(std::string("better"), password());
    }

    void readsAgainAfterRefresh() {
        makeWithToken({{"refresh", "300ms"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "next"}});
        const auto asked = server.count();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(asked, server.count());
        std::this_thread::sleep_for(350ms);
        CPPUNIT_ASSERT_EQUAL(std::string("next"), password());
        CPPUNIT_ASSERT_EQUAL(asked + 1, server.count());
    }

    void aLeasedSecretIsReadByItsLease() {
        makeWithToken({{"path", "kv/{host}"}});
        server.write("kv/reg.io", {{"username", "u"}, {"password", "one"}});
        server.lease("kv/reg.io", 2);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        const auto asked = server.count();
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        CPPUNIT_ASSERT_EQUAL(asked, server.count());
        server.seal(true);
        std::this_thread::sleep_for(1400ms);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), password());
        std::this_thread::sleep_for(700ms);
        requireIn("Vault is sealed", failure()); // and its lease is over
    }

    void sharesOneRequest() {
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.forget();
        server.slow(300ms);
        std::vector<std::thread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < 32; ++i)
            threads.emplace_back([&] { good += password() == Password; });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(32, good.load());
        CPPUNIT_ASSERT(server.count() >= 1 && server.count() <= 4); // a thread may start late
    }

    void aLateCallerHindersNobody() {
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.slow(400ms);
        std::thread late([&] {
            expectError("late", ErrorCode::DeadlineExceeded, "", [&] { find("reg.io", "team/authz", 100ms); });
        });
        std::this_thread::sleep_for(50ms);
        CPPUNIT_ASSERT_EQUAL(Password, password()); // waited behind it, and asked itself
        late.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), host.lines().size());
    }

    void keepsSoManyPaths() {
        makeWithToken({{"refresh", "10m"}, {"kv-version", "2"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        for (int i = 0; i < 1100; ++i)
            CPPUNIT_ASSERT(find("r" + std::to_string(i) + ".io").empty());
        server.forget();
        CPPUNIT_ASSERT_EQUAL(Password, password()); // what exists was not driven out
        CPPUNIT_ASSERT(find("r1099.io").empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count());
        CPPUNIT_ASSERT(find("r0.io").empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count());
    }

    void rotatesUnderLoad() {
        makeWithAppRole();
        std::atomic<bool> stop{false};
        std::atomic<int> failures{0};
        int old = 0;
        std::atomic<int> answers{0};
        server.write("secret/registries/reg.io", {{"username", "u"}, {"password", "0"}});
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                while (!stop) {
                    try {
                        find();
                        ++answers;
                    } catch (const Error&) {
                        ++failures;
                    }
                }
            });
        for (int i = 1; i <= 100; ++i) {
            if (i == 50) server.revokeTokens();
            server.write("secret/registries/reg.io", {{"username", "u"}, {"password", std::to_string(i)}});
            // The first may share a reading that began before; the next one has it.
            password();
            old += password() != std::to_string(i);
            std::this_thread::sleep_for(5ms);
        }
        stop = true;
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(0, failures.load());
        CPPUNIT_ASSERT(answers.load() > 100);
        CPPUNIT_ASSERT_EQUAL(0, old);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), server.count("login"));
    }

    void conforms() {
        makeWithToken();
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/authz");
        options.absent = Repository("other.io", "team/authz");
        options.expectedUsername = "robot";
        const std::string place = "secret/registries/reg.io";
        options.rotate = [&](const std::string& secret) {
            server.write(place, {{"username", "robot"}, {"password", secret}});
        };
        options.damage = [&] { server.write(place, {{".dockerconfigjson", R"({"auths":{"reg.io":7)"}}); };
        options.revoke = [&] { server.remove(place); };
        options.slow = [&](std::chrono::milliseconds time) { server.slow(time); };
        std::vector<KeyValue> values;
        for (const auto& [key, value] : completed({}))
            values.push_back({key, value, "test"});
        const Door door(PLUGIN_LIBRARY);
        const auto findings = testing::checkCredentialSource(
            [&](HostServices& services) { return door.make<CredentialSource>(services, values); }, host, options);
        CPPUNIT_ASSERT_EQUAL(std::size_t(15), findings.size());
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VaultReadingTest);
