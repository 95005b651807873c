// SPDX-License-Identifier: Apache-2.0
#include "support/KubeApiServer.h"

#include "support/FreePorts.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <openssl/ssl.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

const std::string AdminToken = "token-of-the-admin";
constexpr std::chrono::seconds StartTime{60};
constexpr std::chrono::seconds StopTime{10}; // it waits longer for watches that are open

std::string program() {
    const char* path = std::getenv("KUBE_APISERVER");
    return path == nullptr ? "" : path;
}

/// Before 1.24 it also listens without TLS, unless it is told not to. "Kubernetes v1.20.2"
bool hasInsecurePort() {
    const auto version = run(program(), {"--version"});
    const auto minor = version.find("v1.");
    return minor != std::string::npos && std::stoi(version.substr(minor + 3)) < 24;
}

/// A plain scalar means what Kubernetes' YAML reader takes it for; a quoted one is a text.
Poco::Dynamic::Var jsonOf(const YAML::Node& node) {
    if (node.IsMap()) {
        Poco::JSON::Object::Ptr object = new Poco::JSON::Object;
        for (const auto& member : node)
            object->set(member.first.Scalar(), jsonOf(member.second));
        return object;
    }
    if (node.IsSequence()) {
        Poco::JSON::Array::Ptr array = new Poco::JSON::Array;
        for (const auto& item : node)
            array->add(jsonOf(item));
        return array;
    }
    if (!node.IsScalar()) return {};
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;
    if (text == "true" || text == "false") return text == "true";
    if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return static_cast<Poco::Int64>(std::stoll(text, nullptr, text.front() == '0' ? 8 : 10));
    return text;
}

/// "/apis/rbac.authorization.k8s.io/v1/namespaces/istio-system/roles"
std::string collectionOf(const Poco::JSON::Object& object) {
    const auto version = object.getValue<std::string>("apiVersion");
    const auto nameSpace = object.getObject("metadata")->optValue<std::string>("namespace", "");
    auto plural = object.getValue<std::string>("kind");
    std::transform(plural.begin(), plural.end(), plural.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (plural.back() == 'y')
        plural.replace(plural.size() - 1, 1, "ies");
    else
        plural += "s";
    return (version.find('/') == std::string::npos ? "/api/" : "/apis/") + version +
           (nameSpace.empty() ? "" : "/namespaces/" + nameSpace) + "/" + plural;
}

} // namespace

std::string KubeApiServer::missing() {
    const auto path = program();
    if (path.empty()) return "KUBE_APISERVER does not name a kube-apiserver";
    if (::access(path.c_str(), X_OK) != 0) return path + ", which KUBE_APISERVER names, cannot be run";
    try {
        run("etcd", {"--version"});
    } catch (const std::exception& error) {
        return std::string("no etcd (Debian's etcd-server): ") + error.what();
    }
    return {};
}

KubeApiServer::KubeApiServer()
    : _certificate({"127.0.0.1"}),
      _signer({"service-accounts"}),
      _etcdPort(freePort()),
      _etcdPeerPort(freePort()),
      _port(freePort()) {
    _folder.write("tls.crt", _certificate.pem());
    _folder.write("tls.key", _certificate.keyPem());
    _folder.write("accounts.key", _signer.keyPem());
    _folder.write("tokens.csv", AdminToken + ",admin,1,\"system:masters\"\n");
    const auto local = [](int port) { return "http://127.0.0.1:" + std::to_string(port); };
    Child::Options options;
    options.outputFile = _folder / "etcd.log";
    _etcd = std::make_unique<Child>("etcd",
                                    std::vector<std::string>{"--data-dir=" + (_folder / "etcd"),
                                                             "--listen-client-urls=" + local(_etcdPort),
                                                             "--advertise-client-urls=" + local(_etcdPort),
                                                             "--listen-peer-urls=" + local(_etcdPeerPort),
                                                             "--initial-advertise-peer-urls=" + local(_etcdPeerPort),
                                                             "--initial-cluster=default=" + local(_etcdPeerPort)},
                                    options);
    if (!_etcd->waitForPort(_etcdPort, StartTime))
        throw std::runtime_error("etcd does not start: " + readFile(options.outputFile));
    start();
}

std::string KubeApiServer::url() const {
    return "https://127.0.0.1:" + std::to_string(_port);
}

std::string KubeApiServer::log() const {
    const auto text = readFile(_folder / "kube-apiserver.log");
    return text.size() > 5000 ? text.substr(text.size() - 5000) : text;
}

void KubeApiServer::start() {
    if (_server) return;
    Child::Options options;
    options.outputFile = _folder / "kube-apiserver.log";
    std::vector<std::string> arguments{
        "--etcd-servers=http://127.0.0.1:" + std::to_string(_etcdPort),
        "--secure-port=" + std::to_string(_port),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--cert-dir=" + (_folder / "certificates"),
        "--tls-cert-file=" + (_folder / "tls.crt"),
        "--tls-private-key-file=" + (_folder / "tls.key"),
        "--token-auth-file=" + (_folder / "tokens.csv"),
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=" + (_folder / "accounts.key"),
        "--service-account-signing-key-file=" + (_folder / "accounts.key"),
    };
    if (hasInsecurePort()) arguments.push_back("--insecure-port=0");
    _server = std::make_unique<Child>(program(), arguments, options);
    const auto end = std::chrono::steady_clock::now() + StartTime;
    while (send("GET", "/readyz").status != 200) {
        if (!_server->running() || std::chrono::steady_clock::now() > end)
            throw std::runtime_error("kube-apiserver does not start: " + log());
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

void KubeApiServer::stop() {
    if (!_server) return;
    _server->terminate(StopTime);
    _server.reset();
}

KubeApiServer::Answer KubeApiServer::send(const std::string& method, const std::string& path,
                                          const std::string& json) const {
    return sendAs(AdminToken, method, path, json);
}

/// HTTP/1.0, so that the answer ends with the connection. The server is ours: nothing is verified.
KubeApiServer::Answer KubeApiServer::sendAs(const std::string& token, const std::string& method,
                                            const std::string& path, const std::string& json) const {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> connection(BIO_new_ssl_connect(context.get()), &BIO_free_all);
    BIO_set_conn_hostname(connection.get(), ("127.0.0.1:" + std::to_string(_port)).c_str());
    const std::string request = method + " " + path + " HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token +
                                "\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: " +
                                std::to_string(json.size()) + "\r\n\r\n" + json;
    if (BIO_do_connect(connection.get()) <= 0 ||
        BIO_write(connection.get(), request.data(), static_cast<int>(request.size())) !=
            static_cast<int>(request.size()))
        return {};
    std::string text;
    char piece[16384];
    for (int count = 0; (count = BIO_read(connection.get(), piece, sizeof(piece))) > 0;)
        text.append(piece, static_cast<std::size_t>(count));
    const auto body = text.find("\r\n\r\n");
    if (text.compare(0, 7, "HTTP/1.") != 0 || body == std::string::npos) return {};
    return {std::stoi(text.substr(9, 3)), text.substr(body + 4)};
}

std::string KubeApiServer::must(const std::string& method, const std::string& path, const std::string& json) const {
    const auto answer = send(method, path, json);
    if (answer.status / 100 != 2)
        throw std::runtime_error(method + " " + path + " was answered " + std::to_string(answer.status) + ": " +
                                 answer.body);
    return answer.body;
}

void KubeApiServer::makeNamespace(const std::string& name) const {
    must("POST", "/api/v1/namespaces", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name + "\"}}");
}

void KubeApiServer::apply(const std::string& file) const {
    for (const YAML::Node& document : YAML::LoadAllFromFile(file)) {
        const auto object = jsonOf(document).extract<Poco::JSON::Object::Ptr>();
        std::ostringstream json;
        object->stringify(json);
        must("POST", collectionOf(*object), json.str());
    }
}

std::string KubeApiServer::serviceAccountToken(const std::string& nameSpace, const std::string& name) const {
    const auto answer = must("POST", "/api/v1/namespaces/" + nameSpace + "/serviceaccounts/" + name + "/token",
                             R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
    return Poco::JSON::Parser()
        .parse(answer)
        .extract<Poco::JSON::Object::Ptr>()
        ->getObject("status")
        ->getValue<std::string>("token");
}

} // namespace wasmproxy::test
