// SPDX-License-Identifier: Apache-2.0
// What a wrong password, or one without rights, costs the account and the others.
#include "PasswordStorm.h"
#include "QuietMachine.h"

#include "support/Push.h"
#include "support/TokenServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LockoutScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LockoutScenarios);
    CPPUNIT_TEST(aStormShowsAWrongPasswordOnce);
    CPPUNIT_TEST(aStormShowsItOnceToATokenService);
    CPPUNIT_TEST(aCorrectedPasswordIsUsedAtOnce);
    CPPUNIT_TEST(anOldPasswordThatComesBackIsUsedAtOnce);
    CPPUNIT_TEST(deniedRepositoriesLeaveTheOthersAlone);
    CPPUNIT_TEST_SUITE_END();

    /// A docker-registry before a token service.
    struct TokenRegistry {
        explicit TokenRegistry(const TokenServer::Options& tokens) : server(tokens), registry(registryOptions()) {}
        DockerRegistry::Options registryOptions() const {
            DockerRegistry::Options options;
            options.tokenRealm = server.realm();
            options.tokenService = server.service();
            options.tokenIssuer = server.issuer();
            options.tokenCertificates = server.certificateFile();
            return options;
        }
        Proxy::Options proxyOptions() const {
            Proxy::Options options{registry.host()};
            options.backend += "\ntoken-realms = 127.0.0.1:" + std::to_string(server.port());
            return options;
        }
        TokenServer server;
        DockerRegistry registry;
    };
    static TokenServer::Options robot() {
        TokenServer::Options options;
        options.users = {{"robot", "right"}};
        return options;
    }

    void aStormShowsAWrongPasswordOnce() {
        PrivateRegistry upstream;
        Proxy::Options options{upstream.registry.host()};
        options.password = "wrong";
        options.pull = "hold = 2s";
        const Proxy proxy(options);
        const PasswordStorm storm(proxy, upstream.registry.host(), seconds(8));
        const int attempts = wrongPasswordsSeen(upstream.registry);
        std::cout << "wrong password, " << PasswordStorm::Clients << " clients, " << storm.refused
                  << " requests: " << attempts << " attempts upstream\n";
        CPPUNIT_ASSERT_EQUAL(0, storm.other.load());
        CPPUNIT_ASSERT(storm.refused >= PasswordStorm::Clients);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(upstream.registry.log().substr(0, 20000), 1, attempts);
        const auto log = proxy.log();
        CPPUNIT_ASSERT(log.find("again in 3") != std::string::npos); // when the next try is
    }

    void aStormShowsItOnceToATokenService() {
        const TokenRegistry upstream(robot());
        auto options = upstream.proxyOptions();
        options.password = "wrong";
        options.pull = "hold = 2s";
        const Proxy proxy(options);
        const PasswordStorm storm(proxy, upstream.registry.host(), seconds(8));
        std::cout << "wrong password, token service, " << storm.refused << " requests: " << upstream.server.refusals()
                  << " attempts upstream\n";
        CPPUNIT_ASSERT_EQUAL(0, storm.other.load());
        CPPUNIT_ASSERT_EQUAL(1, upstream.server.refusals());
    }

    static double secondsUntilServed(const Proxy& proxy, const std::string& reference) {
        const auto start = std::chrono::steady_clock::now();
        const auto answer = proxy.fetch(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 200, answer.status);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    void aCorrectedPasswordIsUsedAtOnce() {
        PrivateRegistry upstream;
        upstream.push("team/corrected:v1", uniqueModule("corrected"));
        const auto reference = upstream.registry.host() + "/team/corrected:v1";
        Proxy::Options options{upstream.registry.host()};
        options.password = "wrong";
        options.pull = "hold = 10s";
        const Proxy proxy(options);
        // One who is waiting when it is corrected, and one who comes then.
        HttpAnswer waiting;
        double waited = 0;
        std::chrono::steady_clock::time_point corrected;
        std::thread client([&] {
            waiting = proxy.fetch(reference);
            waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - corrected).count();
        });
        std::this_thread::sleep_for(seconds(2));
        proxy.setDockerConfig(dockerConfig(upstream.registry.host(), "robot", "right"));
        corrected = std::chrono::steady_clock::now();
        const double came = secondsUntilServed(proxy, reference);
        client.join();
        std::cout << "password corrected: served after " << came << " s, to who had waited after " << waited << " s\n";
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, waiting.status);
        CPPUNIT_ASSERT(came < 2.5);
        CPPUNIT_ASSERT(waited < 2.5);
        CPPUNIT_ASSERT_EQUAL(1, wrongPasswordsSeen(upstream.registry));
    }

    void anOldPasswordThatComesBackIsUsedAtOnce() {
        PrivateRegistry upstream;
        for (const char* name : {"one", "two", "three"})
            upstream.push(std::string("team/") + name + ":v1", uniqueModule(name));
        const auto at = upstream.registry.host() + "/team/";
        upstream.registry.stop();
        upstream.registry.setUsers({{"robot", "other"}});
        upstream.registry.start();
        Proxy::Options options{upstream.registry.host()};
        options.pull = "hold = 1s";
        const Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(502, proxy.fetch(at + "one:v1").status); // "right" is wrong
        proxy.setDockerConfig(dockerConfig(upstream.registry.host(), "robot", "other"));
        std::this_thread::sleep_for(milliseconds(1500));
        secondsUntilServed(proxy, at + "two:v1");
        upstream.registry.stop();
        upstream.registry.setUsers({{"robot", "right"}});
        upstream.registry.start();
        proxy.setDockerConfig(dockerConfig(upstream.registry.host(), "robot", "right"));
        std::this_thread::sleep_for(milliseconds(1500));
        const double took = secondsUntilServed(proxy, at + "three:v1");
        std::cout << "the old password came back: served after " << took << " s\n";
        CPPUNIT_ASSERT(took < 2.5);
    }

    static double median(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values.at(values.size() / 2);
    }

    void deniedRepositoriesLeaveTheOthersAlone() {
        auto tokens = robot();
        tokens.deniedPrefix = "secret/";
        const TokenRegistry upstream(tokens);
        const TemporaryFolder folder;
        OciLayout layout(folder / "layout");
        constexpr int Colds = 15;
        for (int i = 0; i < 2 * Colds; ++i) {
            const auto name = "m" + std::to_string(i);
            layout.addImage(istioArtifact(uniqueModule(name, 20000)), name);
            push(upstream.registry.host(), layout.path(), name, "team/" + name + ":v1", "robot", "right");
        }
        auto options = upstream.proxyOptions();
        options.pull = "hold = 12s";
        const Proxy proxy(options);
        const auto at = upstream.registry.host();
        std::vector<double> alone;
        for (int i = 0; i < Colds; ++i)
            alone.push_back(secondsUntilServed(proxy, at + "/team/m" + std::to_string(i) + ":v1") * 1000);

        std::atomic<int> denied{0};
        std::vector<std::thread> clients;
        for (int i = 0; i < 1000; ++i)
            clients.emplace_back([&, i] {
                const auto answer = proxy.fetch(at + "/secret/x" + std::to_string(i) + ":v1");
                denied += answer.status == 502 ? 1 : 0;
            });
        // In the flood itself a pull has its turn; then all of them are held, denied, and it is as if alone.
        const double inTheFlood = secondsUntilServed(proxy, at + "/team/m" + std::to_string(Colds) + ":v1") * 1000;
        const auto end = std::chrono::steady_clock::now() + seconds(10);
        while (upstream.server.requests() < 1000 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(milliseconds(50));
        std::vector<double> beside;
        for (int i = Colds + 1; i < 2 * Colds; ++i)
            beside.push_back(secondsUntilServed(proxy, at + "/team/m" + std::to_string(i) + ":v1") * 1000);
        for (auto& client : clients)
            client.join();
        std::cout << "cold pulls, median: " << median(alone) << " ms alone, " << median(beside)
                  << " ms beside 1,000 requests for denied repositories (" << median(beside) / median(alone)
                  << " of it), " << inTheFlood << " ms in their flood; denied " << denied << "\n";
        CPPUNIT_ASSERT(denied > 900);
        CPPUNIT_ASSERT_EQUAL(0, upstream.server.refusals());
        // A lockout would cost half a minute; on a busy machine alone and beside differ by their own moods.
        CPPUNIT_ASSERT(median(beside) < 1.1 * median(alone) + 500);
        CPPUNIT_ASSERT(inTheFlood < (quietMachine() ? 5000 : 15000)); // an agent's patience
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockoutScenarios);
