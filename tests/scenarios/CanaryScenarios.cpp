// SPDX-License-Identifier: Apache-2.0
// A registry that turns on its clients: wherever it points them to, nobody but itself sees their credentials. The rows
// are those of CVE-2020-15157 and its kin (realms), of CVE-2022-27774 and its kin (redirects) and of lists whose next
// page is elsewhere, for every registry backend, on real sockets.
#include "CanaryStage.h"
#include "Rig.h"

#include "net/CurlTransport.h"
#include "support/Base64.h"
#include "wasmproxy/plugin/PluginLibrary.h"
#include "wasmproxy/plugin/RegistryBackend.h"
#include "wasmproxy/plugin/RegistryListing.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <future>
#include <iostream>
#include <sstream>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;

namespace {

using At = CanaryStage::At;
using Way = CanaryStage::Way;

/// A plugin and the registries that it is put before by `endpoint`. Where it could have an identity of its own, the
/// hosts that give it one are foreign: the route names a credential, so that nobody is to be asked for another.
struct Backend {
    std::string plugin;
    std::string plain; ///< hosts in references
    std::string tls;
    std::string key;                    ///< of `plain` in a docker config
    std::vector<std::string> elsewhere; ///< settings that take a URL
    std::string identity = "identity.example.test";

    std::string host(At at) const { return at == At::Plain ? plain : at == At::Tls ? tls : identity; }
};

const std::vector<Backend> Backends = {
    {"oci", "registry.example.test", "secure.example.test", "registry.example.test", {}},
    {"dockerhub", "docker.io", "secure.example.test", "https://index.docker.io/v1/", {}},
    {"ecr",
     "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
     "public.ecr.aws",
     "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
     {"api-endpoint", "sts-endpoint", "metadata-endpoint"}},
    {"gcr",
     "europe-docker.pkg.dev",
     "gcr.io",
     "europe-docker.pkg.dev",
     {"token-endpoint", "sts-endpoint", "metadata-endpoint", "api-endpoint"}},
    {"harbor", "harbor.example.test", "secure.example.test", "harbor.example.test", {}}};

/// The running proxy before one stage.
Proxy::Options optionsOf(const Backend& backend, const CanaryStage& stage, const std::string& authorities) {
    std::string common = "plugin = " + backend.plugin + "\nallow-private-addresses = true\nca-file = " + authorities;
    for (const auto& key : backend.elsewhere)
        common += "\n" + key + " = " + stage.elsewhere();
    Proxy::Options options{backend.plain};
    options.backend = common + "\nendpoint = " + stage.plainEndpoint();
    options.route = "credentials = team";
    options.pull = "hold = 1s\nworkers = 32\nworkers-per-registry = 32";
    const auto route = [](const std::string& name, const std::string& host, const std::string& to) {
        return "[route." + name + "]\nmatch = " + host + "/**\nbackend = " + to + "\ncredentials = team\n";
    };
    options.more = "[backend.secure]\n" + common + "\nendpoint = " + stage.tlsEndpoint() + "\n" +
                   route("secure", backend.tls, "secure") + route("identity", backend.identity, "private");
    return options;
}

std::string dockerConfigOf(const Backend& backend) {
    const auto entry = [](const std::string& key, const std::string& user, const std::string& more) {
        return '"' + key + R"(":{"auth":")" + base64(user) + '"' + more + "}";
    };
    return R"({"auths":{)" + entry(backend.key, "robot:" + CanaryPassword, "") + "," +
           entry(backend.tls, "robot:" + CanaryPassword, "") + "," +
           entry(backend.identity, "<token>:", R"(,"identitytoken":")" + CanaryPassword + '"') + "}}";
}

/// Asks for all rows by many clients; returns how many were served. What is to come is asked for again: on a busy
/// machine it may take longer than it is held.
int fetchAll(const Proxy& proxy, const Backend& backend, const std::vector<CanaryStage::Row>& rows) {
    std::atomic<std::size_t> next{0};
    std::atomic<int> served{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 12; ++i)
        clients.emplace_back([&] {
            for (auto at = next++; at < rows.size(); at = next++) {
                const auto reference = backend.host(rows[at].at) + "/" + rows[at].name + "/m:v1";
                int status = 0;
                for (int tries = rows[at].served() ? 20 : 1; tries > 0 && status != 200; --tries)
                    status = proxy.fetch(reference).status;
                served += status == 200 ? 1 : 0;
            }
        });
    for (auto& client : clients)
        client.join();
    return served;
}

void requireNoSighting(const CanaryStage& stage) {
    const auto sightings = stage.sightings();
    CPPUNIT_ASSERT_MESSAGE(sightings.empty() ? "" : sightings.front(), sightings.empty());
}

} // namespace

class CanaryScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CanaryScenarios);
    CPPUNIT_TEST(theDetectorSees);
    CPPUNIT_TEST(noForeignHostSeesACredential);
    CPPUNIT_TEST(noPageElsewhereSeesACredential);
    CPPUNIT_TEST_SUITE_END();

    static const Certificate& certificate() {
        static const Certificate certificate({"127.0.0.1", "localhost"});
        return certificate;
    }

    void theDetectorSees() {
        for (const std::string& line :
             std::vector<std::string>{"X: a" + CanaryPassword, "X: " + percentEncoded(CanaryPassword),
                                      "Authorization: Basic " + base64("robot:" + CanaryPassword),
                                      "X: " + base64(CanaryPassword), "X: " + base64("1" + CanaryPassword),
                                      "X: " + base64("12" + CanaryPassword), "authorization: x", "X: " + CanaryToken})
            CPPUNIT_ASSERT_MESSAGE(line, carriesCredential("GET / HTTP/1.1\r\n" + line + "\r\n\r\n"));
        CPPUNIT_ASSERT(!carriesCredential("GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"));
    }

    void noForeignHostSeesACredential() {
        // Most of the time is spent on holding answers that do not come: side by side.
        std::vector<std::future<std::string>> runs;
        for (const auto& backend : Backends)
            for (const bool bearer : {false, true}) // one challenge per origin, as registries have
                runs.push_back(std::async(std::launch::async, [&backend, bearer] { return run(backend, bearer); }));
        for (auto& each : runs)
            each.wait();
        for (auto& each : runs)
            std::cout << each.get();
    }

    static std::string run(const Backend& backend, bool bearer) {
        CanaryStage stage(bearer, certificate());
        const TemporaryFolder folder;
        Proxy proxy(optionsOf(backend, stage, folder.write("ca.pem", certificate().pem())));
        proxy.setDockerConfig(dockerConfigOf(backend));
        const auto rows = stage.rows();
        const int served = fetchAll(proxy, backend, rows);
        const auto metrics = proxy.health("/metrics").body;
        proxy.terminate();

        const std::string title = backend.plugin + (bearer ? ", Bearer" : ", Basic");
        const auto log = proxy.log();
        int expected = 0;
        int either = 0;
        int followed = 0;
        for (const auto& row : rows) {
            const auto words = title + ": " + row.name + "\n" + log;
            expected += row.served() ? 1 : 0;
            either += row.way == Way::Either && !row.link ? 1 : 0;
            CPPUNIT_ASSERT_MESSAGE(words, stage.asked(row.name) || stage.trusted(row.name));
            // The rows are worth something only where there was a credential to lose.
            if (row.realm.empty()) CPPUNIT_ASSERT_MESSAGE(words, stage.trusted(row.name));
            const bool reached = stage.reached(row.name);
            followed += reached ? 1 : 0;
            if (row.way != Way::Either) CPPUNIT_ASSERT_EQUAL_MESSAGE(words, row.way == Way::Followed, reached);
        }
        std::ostringstream figures;
        figures << title << ": " << rows.size() << " rows, " << served << " served, " << followed
                << " reached a foreign host (" << stage.foreignRequests() << " requests), " << stage.sightings().size()
                << " of them with a credential; the registry's own token service was shown one " << stage.shown()
                << " times, " << stage.posted() << " by POST\n";
        requireNoSighting(stage);
        // Neither a realm elsewhere nor whoever could give the plugin another identity was asked anything.
        CPPUNIT_ASSERT_EQUAL_MESSAGE(title, 0, stage.strayRequests());
        CPPUNIT_ASSERT_MESSAGE(title, !bearer || stage.posted() > 5);
        CPPUNIT_ASSERT_MESSAGE(figures.str() + log, served >= expected && served <= expected + either);
        for (const auto& text : {log, metrics}) {
            CPPUNIT_ASSERT(text.find(CanaryPassword) == std::string::npos);
            CPPUNIT_ASSERT(text.find(CanaryToken) == std::string::npos);
        }
        return figures.str();
    }

    /// The proxy asks for no lists itself: the plugins do, by the transport that it gives them.
    void noPageElsewhereSeesACredential() {
        for (const auto& backend : Backends) {
            PluginLibrary library(BUILD_ROOT "/plugins/" + backend.plugin + ".so", backend.plugin);
            const auto factories = library.makeFactories();
            for (const bool bearer : {false, true}) {
                CanaryStage stage(bearer, certificate(), CanaryStage::Matrix::Links);
                int refused = 0;
                for (const auto at : {At::Plain, At::Tls})
                    refused += list(backend, *factories.at(0), stage, at);
                std::cout << backend.plugin << (bearer ? ", Bearer: " : ", Basic: ") << refused
                          << " lists with a page elsewhere refused, " << stage.foreignRequests()
                          << " requests to a foreign host\n";
                requireNoSighting(stage);
                CPPUNIT_ASSERT_EQUAL(0, stage.foreignRequests());
                CPPUNIT_ASSERT(refused >= 30);
            }
        }
    }

    static int list(const Backend& backend, const ComponentFactory& factory, const CanaryStage& stage, At at) {
        const TemporaryFolder folder;
        host::TransportSettings transport;
        transport.caFile = folder.write("ca.pem", certificate().pem());
        transport.trustedHosts = {"127.0.0.1", "localhost"};
        transport.allowPrivateAddresses = true;
        host::CurlTransport http(transport);
        testing::TestServices services(http);
        auto settings = factory.settings();
        std::vector<SettingsProblem> problems;
        const auto endpoint = at == At::Plain ? stage.plainEndpoint() : stage.tlsEndpoint();
        settings->apply({{"endpoint", endpoint, "test"}}, "", problems);
        CPPUNIT_ASSERT(problems.empty());
        const auto component = factory.create(services, std::move(settings));
        auto* const listing = static_cast<RegistryListing*>(component->ability(RegistryListing::Id));
        CPPUNIT_ASSERT(listing != nullptr);

        const Credential robot{Credential::Kind::Basic, "robot", "robot", Secret(CanaryPassword)};
        int refused = 0;
        for (const auto& row : stage.rows()) {
            if (row.at != at || !row.link) continue;
            const Repository repository(backend.host(at), row.name + "/m");
            Call call("test", Call::Clock::now() + std::chrono::seconds(20));
            for (const bool tags : {true, false}) {
                try {
                    if (tags) listing->tags(call, repository, robot, 100);
                    if (!tags) listing->referrers(call, repository, Digest::of(""), robot, "");
                    CPPUNIT_FAIL(row.name + ": the next page was asked for");
                } catch (const Error& error) {
                    CPPUNIT_ASSERT_MESSAGE(error.what(), error.code() == ErrorCode::UpstreamInvalid);
                    CPPUNIT_ASSERT_MESSAGE(error.what(),
                                           std::string(error.what()).find("next page") != std::string::npos);
                    ++refused;
                }
            }
            CPPUNIT_ASSERT_MESSAGE(row.name, stage.trusted(row.name));
        }
        return refused;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CanaryScenarios);
