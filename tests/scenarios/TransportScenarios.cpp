// SPDX-License-Identifier: Apache-2.0
// How a registry is reached: authorities and certificates of one's own, and a proxy in between.
#include "Rig.h"

#include "support/Certificate.h"
#include "support/ConnectProxy.h"
#include "support/Push.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

using namespace wasmproxy::test;
using Kind = LoggedRequest::Kind;

namespace {

/// docker-registry with a certificate of the test's own authority, and one module in it.
class TlsRegistry {
public:
    explicit TlsRegistry(const std::vector<std::string>& names, bool wantsClientCertificate = false)
        : _authority({"authority.test"}), _server(names, _authority), _client({"wasm-proxy"}, _authority) {
        DockerRegistry::Options options;
        options.users = {{"robot", "right"}};
        options.certificate = _folder.write("server.pem", _server.pem());
        options.key = _folder.write("server.key", _server.keyPem());
        _caFile = _folder.write("ca.pem", _authority.pem());
        _folder.write("client/client.cert", _client.pem());
        _folder.write("client/client.key", _client.keyPem());
        if (wantsClientCertificate) options.clientAuthority = _caFile;
        registry = std::make_unique<DockerRegistry>(options);
        OciLayout layout(_folder / "layout");
        module = uniqueModule(names.front() + (wantsClientCertificate ? " client" : ""), 50000);
        layout.addImage(istioArtifact(module), "v");
        push(registry->host(), layout.path(), "v", "team/tls:v1", "robot", "right", _folder / "client");
        registry->forget();
    }

    std::string caFile() const { return "\nca-file = " + _caFile; }
    std::string clientCertificate() const {
        return "\nclient-certificate = " + (_folder / "client/client.cert") +
               "\nclient-key = " + (_folder / "client/client.key");
    }

    std::string module;
    std::unique_ptr<DockerRegistry> registry;

private:
    TemporaryFolder _folder;
    Certificate _authority;
    Certificate _server;
    Certificate _client;
    std::string _caFile;
};

} // namespace

class TransportScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TransportScenarios);
    CPPUNIT_TEST(anAuthorityOfOnesOwn);
    CPPUNIT_TEST(aCertificateForAnotherNameIsRefused);
    CPPUNIT_TEST(aClientCertificateIsShown);
    CPPUNIT_TEST(aRegistryBehindAProxy);
    CPPUNIT_TEST(noProxyIsReachedWithoutIt);
    CPPUNIT_TEST(aProxyThatRefuses);
    CPPUNIT_TEST_SUITE_END();

    static Proxy::Options options(const std::string& host, const std::string& backend) {
        Proxy::Options options{host};
        options.backend = "plugin = oci" + backend;
        options.pull = "hold = 2s";
        return options;
    }
    static void assertServed(const Proxy& proxy, const std::string& host, const std::string& module) {
        const auto answer = proxy.fetch(host + "/team/tls:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
    }
    /// Held, then 503: it may be put right while an agent waits. The log says what to do, the agent is told nothing.
    static void assertHeld(const Proxy& proxy, const std::string& host, const std::vector<std::string>& words,
                           const std::string& tag = "v1") {
        const auto answer = proxy.fetch(host + "/team/tls:" + tag);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 503, answer.status);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(answer.seconds), answer.seconds > 1.5 && answer.seconds < 6);
        const auto log = proxy.log();
        for (const auto& word : words)
            CPPUNIT_ASSERT_MESSAGE("expected \"" + word + "\" in:\n" + log, log.find(word) != std::string::npos);
    }

    void anAuthorityOfOnesOwn() {
        const TlsRegistry upstream({"127.0.0.1"});
        const auto host = upstream.registry->host();
        {
            const Proxy proxy(options(host, ""));
            assertHeld(proxy, host, {"the certificate of " + host + " is not accepted", "backend.private.ca-file"});
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), upstream.registry->requests().size()); // nothing was said to a stranger
        const Proxy proxy(options(host, upstream.caFile()));
        assertServed(proxy, host, upstream.module);
    }

    void aCertificateForAnotherNameIsRefused() {
        const TlsRegistry upstream({"registry.other.test"});
        const auto host = upstream.registry->host();
        const Proxy proxy(options(host, upstream.caFile()));
        assertHeld(proxy, host, {"is for another host"});
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), upstream.registry->requests().size());
    }

    void aClientCertificateIsShown() {
        const TlsRegistry upstream({"127.0.0.1"}, true);
        const auto host = upstream.registry->host();
        {
            const Proxy proxy(options(host, upstream.caFile()));
            assertHeld(proxy, host, {host + " demands a client certificate", "set backend.private.client-certificate"});
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), upstream.registry->requests().size());
        const Proxy proxy(options(host, upstream.caFile() + upstream.clientCertificate()));
        assertServed(proxy, host, upstream.module);
    }

    void aRegistryBehindAProxy() {
        const TlsRegistry upstream({"registry.test"});
        // Only the proxy knows where registry.test is.
        ConnectProxy tunnel({{"registry.test:443", upstream.registry->port()}});
        const Proxy proxy(options("registry.test", upstream.caFile() + "\nproxy = " + tunnel.url()));
        assertServed(proxy, "registry.test", upstream.module);
        CPPUNIT_ASSERT(tunnel.tunnels() >= 1);
        CPPUNIT_ASSERT_EQUAL(0, tunnel.refused());
        for (const auto& head : tunnel.heads()) // what is for the registry is not for the proxy
            CPPUNIT_ASSERT_MESSAGE(head, head.find("uthorization") == std::string::npos &&
                                             head.compare(0, 26, "CONNECT registry.test:443 ") == 0);
        std::cout << "pulled through " << tunnel.tunnels() << " tunnel(s)\n";
    }

    void noProxyIsReachedWithoutIt() {
        const TlsRegistry upstream({"127.0.0.1"});
        const auto host = upstream.registry->host();
        ConnectProxy tunnel({{host, upstream.registry->port()}});
        {
            const Proxy proxy(options(host, upstream.caFile() + "\nproxy = " + tunnel.url()));
            assertServed(proxy, host, upstream.module);
        }
        const int before = tunnel.tunnels();
        CPPUNIT_ASSERT(before >= 1);
        const Proxy proxy(
            options(host, upstream.caFile() + "\nproxy = " + tunnel.url() + "\nno-proxy = example.com, 127.0.0.0/8"));
        assertServed(proxy, host, upstream.module);
        CPPUNIT_ASSERT_EQUAL(before, tunnel.tunnels());
        CPPUNIT_ASSERT_EQUAL(std::size_t(before), tunnel.heads().size());
    }

    void aProxyThatRefuses() {
        const TlsRegistry upstream({"registry.test"});
        ConnectProxy tunnel({{"registry.test:443", upstream.registry->port()}});
        const Proxy proxy(options("registry.test", upstream.caFile() + "\nproxy = " + tunnel.url()));
        for (const int status : {403, 407, 502}) {
            tunnel.refuse(status);
            assertHeld(proxy, "registry.test",
                       {"the proxy, not the registry, answered " + std::to_string(status), "backend.private.proxy"},
                       "v" + std::to_string(status)); // a tag of its own: no back-off of the one before
        }
        CPPUNIT_ASSERT_EQUAL(0, tunnel.tunnels());
        CPPUNIT_ASSERT(tunnel.refused() >= 3);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), upstream.registry->requests().size());
        tunnel.refuse(0);
        assertServed(proxy, "registry.test", upstream.module); // no restart needed
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransportScenarios);
