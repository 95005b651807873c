// SPDX-License-Identifier: Apache-2.0
// A registry that turns on its clients: wherever it points them to, nobody but itself sees their credentials. The rows
// are those of CVE-2020-15157 and its kin (realms) and of CVE-2022-27774 and its kin (redirects), on real sockets.
#include "Rig.h"

#include "support/Certificate.h"
#include "support/ScriptedServer.h"

#include <Poco/Base64Encoder.h>
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

using namespace wasmproxy::test;

namespace {

/// Backends that are put before these registries; each is sent there by `endpoint`.
const std::vector<std::string> Backends = {"oci"};

const std::string Password = "canary+4711/=x?";
const std::string BearerToken = "bearer-canary-0815";

std::string base64(const std::string& text) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out);
    encoder.rdbuf()->setLineLength(0);
    encoder << text;
    encoder.close();
    return out.str();
}

std::string percentEncoded(const std::string& text) {
    std::string result;
    for (const char c : text) {
        char code[4];
        std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
        result += std::isalnum(static_cast<unsigned char>(c)) ? std::string(1, c) : std::string(code);
    }
    return result;
}

/// Every form in which a request could carry it.
std::vector<std::string> formsOf(const std::string& canary) {
    std::vector<std::string> forms = {canary, percentEncoded(canary), base64("robot:" + canary).substr(0, 24)};
    for (std::size_t shift = 0; shift < 3; ++shift) { // inside longer text, at any alignment
        const auto encoded = base64(std::string(shift, 'x') + canary);
        forms.push_back(encoded.substr(shift == 0 ? 0 : 4, 12));
    }
    return forms;
}

bool carriesCredential(std::string request) {
    for (const auto& canary : {Password, BearerToken})
        for (const auto& form : formsOf(canary))
            if (request.find(form) != std::string::npos) return true;
    std::transform(request.begin(), request.end(), request.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return request.find("\nauthorization:") != std::string::npos || request.find("\ncookie:") != std::string::npos;
}

std::string answer(int status, const std::string& headers, const std::string& body, bool head = false) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + (head ? std::string() : body);
}

/// One row of a matrix: what the registry does to who asks for `<name>/m`.
struct Row {
    std::string name;
    bool tls = false;    ///< at the registry that speaks https
    bool bearer = false; ///< the challenge
    std::string realm;   ///< empty: the registry's own /token
    int status = 0;      ///< of the redirect; 0: none
    std::string where;   ///< the redirect's origin
    bool blobs = false;  ///< redirects blobs only
};

/// The content of all rows, and what came to whom.
class Stage {
public:
    void add(const Row& row) {
        OciLayout layout(_folder / row.name);
        const auto written = layout.addImage(istioArtifact(uniqueModule(row.name)), "v");
        _manifests[row.name] = written;
        _rows[row.name] = row;
    }
    const std::map<std::string, Row>& rows() const { return _rows; }

    /// Content without asking who wants it: what a foreign host answers, so that a redirect leads somewhere.
    std::string content(const std::string& method, const std::string& target) const {
        const auto row = rowOf(target);
        const auto written = _manifests.find(row);
        const bool head = method == "HEAD";
        if (written == _manifests.end()) return answer(404, "", "", head);
        if (target.find("/manifests/") != std::string::npos)
            return answer(200,
                          "Content-Type: " + written->second.mediaType +
                              "\r\nDocker-Content-Digest: " + written->second.digest + "\r\n",
                          written->second.bytes, head);
        const auto hex = target.substr(target.rfind(':') + 1, 64);
        return answer(200, "", readFile(_folder / (row + "/blobs/sha256/" + hex)), head);
    }

    std::string foreign(const std::string& request) {
        const auto [method, target] = lineOf(request);
        const std::lock_guard<std::mutex> lock(_mutex);
        ++_foreign;
        _reached.insert(rowOf(target));
        if (carriesCredential(request)) _sightings.push_back(request);
        if (target.find("/v2/") == std::string::npos) return answer(200, "", R"({"token":"of-a-foreigner"})");
        return content(method, target);
    }

    std::string registry(const std::string& request, const std::string& self) {
        const auto [method, target] = lineOf(request);
        const bool head = method == "HEAD";
        const std::lock_guard<std::mutex> lock(_mutex);
        if (target.compare(0, 6, "/token") == 0) {
            _shown += carriesCredential(request) ? 1 : 0;
            return answer(200, "", R"({"token":")" + BearerToken + R"(","expires_in":300})");
        }
        if (target.compare(0, 7, "/moving") == 0) { // "/moving307/http://host/token?…"
            _shown += carriesCredential(request) ? 1 : 0;
            return answer(std::stoi(target.substr(7, 3)), "Location: " + target.substr(11) + "\r\n", "", head);
        }
        const auto found = _rows.find(rowOf(target));
        if (found == _rows.end()) return answer(404, "", "", head);
        const Row& row = found->second;
        // A realm's row accepts nothing: a token that is kept from before must not spare the question.
        if (request.find("\r\nAuthorization: ") == std::string::npos || !row.realm.empty()) {
            _asked.insert(row.name);
            const std::string realm = row.realm.empty() ? self + "/token" : row.realm;
            return answer(401,
                          row.bearer ? "WWW-Authenticate: Bearer realm=\"" + realm +
                                           "\",service=\"s\",scope=\"repository:" + row.name + "/m:pull\"\r\n"
                                     : "WWW-Authenticate: Basic realm=\"r\"\r\n",
                          "", head);
        }
        if (carriesCredential(request)) _trusted.insert(row.name);
        if (row.status != 0 && (!row.blobs || target.find("/blobs/") != std::string::npos))
            return answer(row.status, "Location: " + row.where + target + "\r\n", "", head);
        return content(method, target);
    }

    std::vector<std::string> sightings() const { return _sightings; }
    bool asked(const std::string& row) const { return _asked.count(row) != 0; }     ///< without a credential
    bool trusted(const std::string& row) const { return _trusted.count(row) != 0; } ///< with it
    bool reached(const std::string& row) const { return _reached.count(row) != 0; } ///< the foreign host was
    int foreignRequests() const { return _foreign; }
    int shown() const { return _shown; } ///< credentials that the registry's own token service was shown

private:
    static std::pair<std::string, std::string> lineOf(const std::string& request) {
        const auto first = request.find(' ');
        return {request.substr(0, first), request.substr(first + 1, request.find(' ', first + 1) - first - 1)};
    }
    /// Of "/v2/<row>/m/…", and of a token request's scope.
    static std::string rowOf(const std::string& target) {
        auto begin = target.find("/v2/");
        if (begin != std::string::npos) return target.substr(begin + 4, target.find('/', begin + 4) - begin - 4);
        begin = target.find("repository%3A");
        return begin == std::string::npos ? "" : target.substr(begin + 13, target.find('%', begin + 13) - begin - 13);
    }

    TemporaryFolder _folder;
    std::map<std::string, Row> _rows;
    std::map<std::string, WrittenManifest> _manifests;
    std::mutex _mutex;
    std::set<std::string> _asked;
    std::set<std::string> _trusted;
    std::set<std::string> _reached;
    std::vector<std::string> _sightings;
    int _foreign = 0;
    int _shown = 0;
};

template <class Answer>
ScriptedServer::Script answering(Answer answer) {
    return [answer](ScriptedServer::Connection& connection) {
        for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest())
            if (!connection.send(answer(request))) return;
    };
}

} // namespace

class CanaryScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CanaryScenarios);
    CPPUNIT_TEST(theDetectorSees);
    CPPUNIT_TEST(noForeignHostSeesACredential);
    CPPUNIT_TEST_SUITE_END();

    void theDetectorSees() {
        for (const std::string& line :
             std::vector<std::string>{"X: a" + Password, "X: " + percentEncoded(Password),
                                      "Authorization: Basic " + base64("robot:" + Password), "X: " + base64(Password),
                                      "X: " + base64("1" + Password), "X: " + base64("12" + Password),
                                      "authorization: x", "X: " + BearerToken})
            CPPUNIT_ASSERT_MESSAGE(line, carriesCredential("GET / HTTP/1.1\r\n" + line + "\r\n\r\n"));
        CPPUNIT_ASSERT(!carriesCredential("GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"));
    }

    void noForeignHostSeesACredential() {
        for (const auto& backend : Backends)
            for (const bool bearer : {false, true}) // one challenge per origin, as registries have
                run(backend, bearer);
    }

    void run(const std::string& backend, bool bearer) {
        Stage stage;
        const Certificate certificate({"127.0.0.1", "localhost"});
        const auto foreigner = answering([&](const std::string& request) { return stage.foreign(request); });
        std::string plainSelf;
        std::string tlsSelf;
        ScriptedServer plain(answering([&](const std::string& request) { return stage.registry(request, plainSelf); }));
        ScriptedServer tls(answering([&](const std::string& request) { return stage.registry(request, tlsSelf); }),
                           &certificate);
        plainSelf = plain.url("");
        tlsSelf = tls.url("");
        ScriptedServer foreign(foreigner);
        ScriptedServer foreignTls(foreigner, &certificate);
        ScriptedServer neighbour(foreigner, nullptr, nullptr, "127.0.0.2", plain.port()); // the same port elsewhere

        const auto port = ":" + std::to_string(foreign.port());
        const auto own = "127.0.0.1:" + std::to_string(plain.port());
        struct Place {
            std::string name;
            bool tls;
            std::string origin;
        };
        const std::vector<Place> places = {{"port", false, "http://127.0.0.1" + port},
                                           {"scheme", false, foreignTls.url("")},
                                           {"host", false, "http://127.0.0.2:" + std::to_string(plain.port())},
                                           {"name", false, "http://localhost" + port},
                                           {"userinfo", false, "http://robot:x@127.0.0.1" + port},
                                           {"userinfo-host", false, "http://" + own + "@127.0.0.1" + port},
                                           {"dot", false, "http://localhost." + port},
                                           {"case", false, "HTTP://LOCALHOST" + port},
                                           {"tls-port", true, foreignTls.url("")},
                                           {"downgrade", true, "http://127.0.0.1" + port}};
        for (const auto& place : places) {
            for (const int status : {301, 302, 303, 307, 308}) {
                const auto name = std::to_string(status) + "-" + place.name;
                stage.add({"all-" + name, place.tls, bearer, "", status, place.origin, false});
                stage.add({"blobs-" + name, place.tls, bearer, "", status, place.origin, true});
            }
            if (bearer) stage.add({"realm-" + place.name, place.tls, true, place.origin + "/token", 0, "", false});
        }
        for (const int status : {301, 302, 303, 307, 308}) {
            const auto name = "realm-moving-" + std::to_string(status);
            const auto realm = plainSelf + "/moving" + std::to_string(status) + "/" + foreign.url("/token");
            if (bearer) stage.add({name, false, true, realm, 0, "", false});
        }

        TemporaryFolder folder;
        const auto common = "plugin = " + backend +
                            "\nallow-private-addresses = true\nca-file = " + folder.write("ca.pem", certificate.pem()) +
                            "\nendpoint = ";
        const auto secure = "127.0.0.1:" + std::to_string(tls.port());
        Proxy::Options options{own};
        options.backend = common + plainSelf;
        options.pull = "hold = 1s\nworkers = 32\nworkers-per-registry = 32";
        options.more =
            "[backend.secure]\n" + common + tlsSelf + "\n[route.secure]\nmatch = " + secure + "/**\nbackend = secure\n";
        Proxy proxy(options);
        const auto entry = [](const std::string& host) {
            return '"' + host + R"(":{"auth":")" + base64("robot:" + Password) + R"("})";
        };
        proxy.setDockerConfig(R"({"auths":{)" + entry(own) + "," + entry(secure) + "}}");

        std::vector<Row> rows;
        for (const auto& [name, row] : stage.rows())
            rows.push_back(row);
        std::atomic<std::size_t> next{0};
        std::atomic<int> served{0};
        std::vector<std::thread> clients;
        for (int i = 0; i < 12; ++i)
            clients.emplace_back([&] {
                for (auto at = next++; at < rows.size(); at = next++) {
                    const auto& row = rows[at];
                    if (proxy.fetch((row.tls ? secure : own) + "/" + row.name + "/m:v1").status == 200) ++served;
                }
            });
        for (auto& client : clients)
            client.join();
        proxy.terminate();

        int followed = 0;
        for (const auto& row : rows) {
            CPPUNIT_ASSERT_MESSAGE(row.name + " was not asked for\n" + proxy.log(),
                                   stage.asked(row.name) || stage.trusted(row.name));
            // The rows are worth something only where there was a credential to lose.
            if (row.status != 0) CPPUNIT_ASSERT_MESSAGE(row.name + "\n" + proxy.log(), stage.trusted(row.name));
            followed += stage.reached(row.name) ? 1 : 0;
        }
        std::cout << backend << (bearer ? ", Bearer: " : ", Basic: ") << rows.size() << " rows, " << served
                  << " served, " << followed << " reached a foreign host (" << stage.foreignRequests() << " requests), "
                  << stage.sightings().size() << " of them with a credential; the registry's own token service saw "
                  << stage.shown() << "\n";
        CPPUNIT_ASSERT_MESSAGE(stage.sightings().empty() ? "" : stage.sightings().front(), stage.sightings().empty());
        CPPUNIT_ASSERT(followed >= 50); // redirects are followed, only without the credential
        for (const auto& row : rows)
            if (row.status == 0)
                CPPUNIT_ASSERT_MESSAGE(row.name, !stage.reached(row.name)); // realms are not even asked
        CPPUNIT_ASSERT(proxy.log().find(Password) == std::string::npos);
        CPPUNIT_ASSERT(proxy.log().find(BearerToken) == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CanaryScenarios);
