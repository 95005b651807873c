// SPDX-License-Identifier: Apache-2.0
#include "VaultFixture.h"

#include <atomic>

using namespace wasmproxy;
using namespace wasmproxy::test;

class VaultOutageTest : public VaultFixture {
    CPPUNIT_TEST_SUITE(VaultOutageTest);
    CPPUNIT_TEST(row20KeepsWhatWasReadThroughOutages);
    CPPUNIT_TEST(asksOncePerPause);
    CPPUNIT_TEST(whatIsKeptEnds);
    CPPUNIT_TEST(rotatesAfterAnOutage);
    CPPUNIT_TEST(waitsAsLongAsVaultSays);
    CPPUNIT_TEST(aSilentVaultCostsItsTimeoutOnce);
    CPPUNIT_TEST(whatVaultSaysBackIsNotShown);
    CPPUNIT_TEST(aRedirectStaysWhereTheTokenMayGo);
    CPPUNIT_TEST(trustsTheFileOfAuthorities);
    CPPUNIT_TEST_SUITE_END();

public:
    void row20KeepsWhatWasReadThroughOutages() {
        makeWithToken();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT(find("absent.io").empty());
        for (const int status : {412, 429, 472, 473, 500, 501, 502, 503, 302, 418}) {
            server.fail(status);
            std::this_thread::sleep_for(150ms);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(status), Password, password());
            CPPUNIT_ASSERT(find("absent.io").empty()); // that, too, was known
            requireIn(" answered " + std::to_string(status), failure("new" + std::to_string(status) + ".io"));
        }
        server.fail(0);
        server.seal(true);
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        requireIn("503: Vault is sealed / if it is sealed, unseal it", failure("new.io"));
        server.seal(false);
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("answers again"));
    }

    void asksOncePerPause() {
        makeWithToken({{"retry", "500ms"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT(find("absent.io").empty());
        server.seal(true);
        server.forget();
        std::vector<std::thread> threads;
        std::atomic<int> wrong{0};
        const auto until = Call::Clock::now() + 2400ms;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                while (Call::Clock::now() < until) {
                    try {
                        if (i % 2 == 0)
                            wrong += password() != Password;
                        else
                            find("new" + std::to_string(i) + ".io");
                    } catch (const Error&) {
                        wrong += i % 2 == 0;
                    }
                    std::this_thread::sleep_for(1ms);
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        std::vector<std::chrono::steady_clock::time_point> times;
        for (const auto& request : server.seen())
            times.push_back(request.at);
        // Those that were on their way when it was sealed, then one per pause.
        CPPUNIT_ASSERT_MESSAGE(std::to_string(times.size()), times.size() >= 4 && times.size() <= 3 + 4);
        for (std::size_t i = 4; i < times.size(); ++i)
            CPPUNIT_ASSERT(times[i] - times[i - 1] >= 490ms);
        CPPUNIT_ASSERT(host.lines().size() <= 3);
    }

    void whatIsKeptEnds() {
        makeWithToken({{"keep", "400ms"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.seal(true);
        std::this_thread::sleep_for(200ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
        std::this_thread::sleep_for(250ms);
        requireIn("Vault is sealed", failure());
    }

    void rotatesAfterAnOutage() {
        makeWithAppRole();
        CPPUNIT_ASSERT_EQUAL(Password, password());
        for (int i = 0; i < 5; ++i) {
            server.fail(503);
            CPPUNIT_ASSERT(!password().empty());
            server.write("secret/registries/reg.io", {{"username", "u"}, {"password", std::to_string(i)}});
            server.revokeTokens();
            server.fail(0);
            std::this_thread::sleep_for(150ms);
            CPPUNIT_ASSERT_EQUAL(std::to_string(i), password());
        }
    }

    void waitsAsLongAsVaultSays() {
        makeWithToken();
        server.fail(429, "Retry-After: 1\r\n");
        requireIn("429", failure());
        std::this_thread::sleep_for(500ms);
        failure();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.count());
        server.fail(0);
        std::this_thread::sleep_for(600ms);
        CPPUNIT_ASSERT_EQUAL(Password, password());
    }

    void aSilentVaultCostsItsTimeoutOnce() {
        makeWithToken({{"timeout", "200ms"}, {"retry", "5s"}});
        CPPUNIT_ASSERT_EQUAL(Password, password());
        server.slow(5s);
        const auto begun = Call::Clock::now();
        for (int i = 0; i < 20; ++i)
            CPPUNIT_ASSERT_EQUAL(Password, password());
        CPPUNIT_ASSERT(Call::Clock::now() - begun < 3s);
        // A Vault that is not there at all.
        make({{"address", "http://127.0.0.1:1"}});
        requireIn("Vault 127.0.0.1:1 (GET auth/token/lookup-self)", failure());
        server.slow(0ms);
    }

    void whatVaultSaysBackIsNotShown() {
        for (const int status : {400, 403, 404, 500, 503}) {
            const std::string number = std::to_string(status);
            makeWithAppRole();
            server.say("no role has " + SecretId);
            server.fail(status);
            requireIn(number, failure());
            server.say("who is role 7?");
            make({{"auth", "approle"}, {"role-id", RoleId}, {"secret-id-file", folder / "secret-id"}});
            requireIn(number + ": who is role 7?", failure());
            server.fail(0);
            makeWithToken();
            CPPUNIT_ASSERT_EQUAL(Password, password());
            server.say("token " + Token + " is nobody's");
            server.fail(status);
            if (status == 404)
                CPPUNIT_ASSERT(find("new.io").empty());
            else
                requireIn(status == 403 ? "refused by" : number, failure("new.io"));
            server.fail(0);
        }
    }

    void aRedirectStaysWhereTheTokenMayGo() {
        makeWithAppRole();
        VaultServer active;
        active.appRole(RoleId, "wasm-proxy", {SecretId});
        active.write("secret/registries/reg.io", {{"username", "u"}, {"password", "active"}});
        server.redirect("http://127.0.0.1:" + std::to_string(active.port()));
        requireIn("add 127.0.0.1:" + std::to_string(active.port()) + " to redirect-hosts", failure());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), active.count());
        for (const std::string origin :
             {"http://evil.test:8200", "ftp://127.0.0.1", "http://u:canary@127.0.0.1/", "//"}) {
            make({{"auth", "approle"}, {"role-id", RoleId}, {"secret-id-file", folder / "secret-id"}});
            server.redirect(origin);
            failure();
        }
        const Values approle{{"auth", "approle"},
                             {"role-id", RoleId},
                             {"secret-id-file", folder / "secret-id"},
                             {"redirect-hosts", "other.test, 127.0.0.1:" + std::to_string(active.port())}};
        server.redirect("http://127.0.0.1:" + std::to_string(active.port()));
        make(approle);
        CPPUNIT_ASSERT_EQUAL(std::string("active"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), active.count());
        requireIn(SecretId, active.seen().at(0).body);
        // Round and round.
        active.redirect(server.url());
        make(approle);
        requireIn("redirects again and again", failure());
        server.redirect("");
    }

    void trustsTheFileOfAuthorities() {
        const Certificate certificate({"127.0.0.1"});
        const Certificate other({"127.0.0.1"});
        VaultServer secure(&certificate);
        secure.token(Token);
        secure.write("secret/registries/reg.io", {{"username", "u"}, {"password", "secure"}});
        folder.write("token", Token);
        const std::string file = folder.write("ca.pem", other.pem());
        make({{"address", secure.url()}, {"ca-file", file}});
        requireIn("Vault 127.0.0.1:", failure());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), secure.count());
        folder.write("ca.pem", certificate.pem());
        std::this_thread::sleep_for(150ms);
        CPPUNIT_ASSERT_EQUAL(std::string("secure"), password());
        CPPUNIT_ASSERT_EQUAL(0, std::remove(file.c_str()));
        CPPUNIT_ASSERT_EQUAL(std::string("secure"), password());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), logged("the authorities read before stay in force"));
        make({{"address", secure.url()}, {"ca-file", file}});
        requireIn("ca-file: cannot read", failure());
        // Never to plain http from https.
        folder.write("ca.pem", certificate.pem());
        secure.redirect(server.url());
        make({{"address", secure.url()},
              {"ca-file", file},
              {"redirect-hosts", "127.0.0.1:" + std::to_string(server.port())}});
        requireIn("must be an https URL", failure());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), server.count());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VaultOutageTest);
