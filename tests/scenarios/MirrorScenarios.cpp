// SPDX-License-Identifier: Apache-2.0
// Mirrors: content comes from them, what a tag means and credentials stay the registry's.
#include "Rig.h"

#include "support/ScriptedServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <arpa/inet.h>
#include <iostream>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace wasmproxy::test;
using std::chrono::milliseconds;

namespace {

/// A port of loopback that answers no SYN: it listens, and the queue of those who wait to be accepted is full.
class SilentPort {
public:
    SilentPort() : _listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        _address.sin_family = AF_INET;
        _address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof _address;
        CPPUNIT_ASSERT_EQUAL(0, ::bind(_listener, reinterpret_cast<sockaddr*>(&_address), size));
        CPPUNIT_ASSERT_EQUAL(0, ::getsockname(_listener, reinterpret_cast<sockaddr*>(&_address), &size));
        CPPUNIT_ASSERT_EQUAL(0, ::listen(_listener, 0));
        while (_waiting.size() < 8 && connects()) {
        }
        CPPUNIT_ASSERT_MESSAGE("the queue does not fill", _waiting.size() < 8);
    }
    ~SilentPort() {
        for (const int each : _waiting)
            ::close(each);
        ::close(_listener);
    }
    SilentPort(const SilentPort&) = delete;
    SilentPort& operator=(const SilentPort&) = delete;

    std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(ntohs(_address.sin_port)); }

private:
    bool connects() {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        _waiting.push_back(socket);
        ::connect(socket, reinterpret_cast<sockaddr*>(&_address), sizeof _address);
        pollfd ready{socket, POLLOUT, 0};
        return ::poll(&ready, 1, 300) == 1;
    }

    sockaddr_in _address{};
    int _listener;
    std::vector<int> _waiting;
};

/// A registry without a password, and all that it was asked. What it answers is a real one's.
class OpenMirror {
public:
    /// `open`: shows the password to the registry behind itself; else it passes on what it is shown.
    explicit OpenMirror(bool open = true) : _open(open), _server([this](auto& connection) { serve(connection); }) {}

    std::string endpoint() const { return _server.url(""); }
    std::size_t count(const std::string& part) const {
        const auto all = requests();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const std::string& request) {
            return request.find(part) != std::string::npos;
        }));
    }
    std::vector<std::string> requests() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _requests;
    }

    PrivateRegistry behind;

private:
    void serve(ScriptedServer::Connection& connection) {
        for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest()) {
            {
                const std::lock_guard<std::mutex> lock(_mutex);
                _requests.push_back(request);
            }
            const auto first = request.find(' ');
            const auto second = request.find(' ', first + 1);
            const auto method = request.substr(0, first);
            HttpClient::Headers headers = {{"Accept", "application/vnd.oci.image.manifest.v1+json"}};
            if (_open) headers.push_back({"Authorization", "Basic cm9ib3Q6cmlnaHQ="}); // robot:right
            const auto got =
                HttpClient(behind.registry.port()).send(method, request.substr(first + 1, second - first - 1), headers);
            std::string answer = "HTTP/1.1 " + std::to_string(got.status) + " X\r\n";
            for (const char* name : {"Content-Type", "Docker-Content-Digest", "WWW-Authenticate", "Content-Length"})
                if (!got.header(name).empty()) answer += std::string(name) + ": " + got.header(name) + "\r\n";
            if (!connection.send(answer + "\r\n" + got.body)) return;
        }
    }

    const bool _open;
    mutable std::mutex _mutex;
    std::vector<std::string> _requests;
    ScriptedServer _server; // last: its threads use the others
};

} // namespace

class MirrorScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MirrorScenarios);
    CPPUNIT_TEST(aDeadFirstMirrorCostsOneConnectTimeout);
    CPPUNIT_TEST(theOriginDecidesTheTag);
    CPPUNIT_TEST(whatAMirrorLacksTheOriginHas);
    CPPUNIT_TEST(theOriginsCredentialStaysAway);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<PrivateRegistry> origin; // made for each test: CppUnit keeps all fixtures from the start

public:
    void setUp() override { origin = std::make_unique<PrivateRegistry>(); }
    void tearDown() override { origin.reset(); }

private:
    Proxy::Options options(const std::vector<std::pair<std::string, std::string>>& mirrors) const {
        Proxy::Options result{origin->registry.host()};
        result.pull = "hold = 8s";
        result.route = "tag-ttl = 1s";
        result.backend += "\nmirrors = ";
        for (const auto& [name, endpoint] : mirrors) {
            result.backend += (result.backend.back() == ' ' ? "" : ", ") + name;
            result.more += "[backend." + name + "]\nplugin = oci\nconnect-timeout = 1s\nendpoint = " + endpoint + "\n";
        }
        return result;
    }
    HttpAnswer served(const Proxy& proxy, const std::string& name, const std::string& module) const {
        const auto answer = proxy.fetch(origin->registry.host() + "/" + name);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT_MESSAGE(name + " is another module", answer.body == module);
        return answer;
    }
    static std::size_t lines(const std::string& text, const std::string& part) {
        std::size_t result = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++result;
        return result;
    }
    static void assertNothingShown(const OpenMirror& mirror) {
        CPPUNIT_ASSERT(!mirror.requests().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), mirror.count("uthorization:"));
    }

    void aDeadFirstMirrorCostsOneConnectTimeout() {
        OpenMirror good;
        std::vector<std::string> modules;
        for (int i = 0; i < 4; ++i) {
            modules.push_back(uniqueModule("mirrored " + std::to_string(i), 30000));
            for (const auto* registry : {origin.get(), &good.behind})
                registry->put("team/m" + std::to_string(i) + ":v1", istioArtifact(modules.back()));
        }
        origin->registry.forget();
        const SilentPort dead;
        const Proxy proxy(options({{"dead", dead.endpoint()}, {"good", good.endpoint()}}));
        const double first = served(proxy, "team/m0:v1", modules[0]).seconds;
        double later = 0;
        for (int i = 1; i < 4; ++i)
            later = std::max(later, served(proxy, "team/m" + std::to_string(i) + ":v1", modules[i]).seconds);
        std::cout << "first pull " << first << " s, the slowest of three more " << later << " s\n";
        CPPUNIT_ASSERT_MESSAGE(std::to_string(first), first >= 1 && first < 1.9); // one timeout, not one per content
        CPPUNIT_ASSERT_MESSAGE(std::to_string(later), later < 0.9);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), std::size_t(1), lines(proxy.log(), "mirror=dead"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), good.count("/blobs/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), origin->registry.count("", LoggedRequest::Kind::Blobs));
        assertNothingShown(good);
    }

    void theOriginDecidesTheTag() {
        OpenMirror mirror;
        const auto right = uniqueModule("what the origin says", 30000);
        const auto moved = uniqueModule("what it says later", 30000);
        mirror.behind.put("team/authz:v1", istioArtifact(uniqueModule("what the mirror says", 30000)));
        mirror.behind.put("team/authz:other", istioArtifact(right));
        origin->put("team/authz:v1", istioArtifact(right));
        origin->registry.forget();
        const Proxy proxy(options({{"near", mirror.endpoint()}}));
        served(proxy, "team/authz:v1", right);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), mirror.count("/blobs/")); // and yet the bytes are the mirror's
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), origin->registry.count("", LoggedRequest::Kind::Blobs));
        origin->put("team/authz:v1", istioArtifact(moved));
        std::this_thread::sleep_for(milliseconds(1100));
        served(proxy, "team/authz:v1", moved);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), mirror.count("/manifests/v1"));
        assertNothingShown(mirror);
    }

    void whatAMirrorLacksTheOriginHas() {
        OpenMirror mirror;
        const auto first = uniqueModule("only at the origin");
        const auto second = uniqueModule("also at the mirror");
        origin->put("team/first:v1", istioArtifact(first));
        origin->put("team/second:v1", istioArtifact(second));
        mirror.behind.put("team/second:v1", istioArtifact(second));
        const Proxy proxy(options({{"near", mirror.endpoint()}}));
        served(proxy, "team/first:v1", first);
        CPPUNIT_ASSERT(mirror.count("/team/first/") > 0);
        served(proxy, "team/second:v1", second); // a lack is no failure: it is asked at once again
        CPPUNIT_ASSERT(mirror.count("/team/second/blobs/") == 1);
        assertNothingShown(mirror);
    }

    /// A mirror that wants a password, even the very same one, does not get it.
    void theOriginsCredentialStaysAway() {
        OpenMirror mirror(false);
        const auto module = uniqueModule("private on both sides");
        for (const auto* registry : {origin.get(), &mirror.behind})
            registry->put("team/authz:v1", istioArtifact(module));
        const Proxy proxy(options({{"near", mirror.endpoint()}}));
        served(proxy, "team/authz:v1", module);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), std::size_t(1), lines(proxy.log(), "mirror=near"));
        assertNothingShown(mirror);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MirrorScenarios);
