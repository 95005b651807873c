// SPDX-License-Identifier: Apache-2.0
#include "support/ScriptedServer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {

ScriptedServer::ScriptedServer(Script script, const Certificate* certificate, const Certificate* client,
                               const std::string& host, int port)
    : _script(std::move(script)) {
    if (certificate != nullptr) {
        _context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate(_context, certificate->x509()) != 1 ||
            SSL_CTX_use_PrivateKey(_context, certificate->key()) != 1)
            throw std::runtime_error("the test's certificate does not work");
        if (client != nullptr) {
            X509_STORE_add_cert(SSL_CTX_get_cert_store(_context), client->x509());
            SSL_CTX_set_verify(_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        }
    }
    _listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const int on = 1;
    ::setsockopt(_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    socklen_t size = sizeof(address);
    if (::bind(_listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(_listener, 128) != 0 ||
        ::getsockname(_listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("cannot listen on loopback");
    _port = ntohs(address.sin_port);
    _acceptor = std::thread([this] { acceptAll(); });
}

ScriptedServer::~ScriptedServer() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
        for (auto& connection : _connections) {
            if (connection._socket >= 0) ::shutdown(connection._socket, SHUT_RDWR);
        }
    }
    _stopped.notify_all();
    ::shutdown(_listener, SHUT_RDWR); // wakes accept
    _acceptor.join();
    for (auto& connection : _connections)
        connection._thread.join();
    ::close(_listener);
    SSL_CTX_free(_context);
}

void ScriptedServer::acceptAll() {
    while (true) {
        const int socket = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) {
            ::close(socket);
            return;
        }
        Connection& connection = _connections.emplace_back();
        connection._server = this;
        connection._socket = socket;
        connection.number = ++_accepted;
        connection._thread = std::thread([this, &connection] { serve(connection); });
    }
}

void ScriptedServer::serve(Connection& connection) {
    bool ready = true;
    if (_context != nullptr) {
        connection._tls = SSL_new(_context);
        SSL_set_fd(connection._tls, connection._socket);
        ready = SSL_accept(connection._tls) == 1;
    }
    if (ready) _script(connection);
    if (connection._tls != nullptr) {
        if (ready && !connection._abrupt) SSL_shutdown(connection._tls);
        SSL_free(connection._tls);
    }
    const std::lock_guard<std::mutex> lock(_mutex);
    if (connection._socket >= 0) ::close(connection._socket);
    connection._socket = -1;
}

std::string ScriptedServer::url(const std::string& path, const std::string& host) const {
    return std::string(_context != nullptr ? "https" : "http") + "://" + host + ":" + std::to_string(_port) + path;
}

ScriptedServer::Script ScriptedServer::always(std::string response) {
    return [response = std::move(response)](Connection& connection) {
        while (!connection.readRequest().empty() && connection.send(response)) {
        }
    };
}

std::string ScriptedServer::Connection::readRequest() {
    std::size_t wanted = std::string::npos; // known once the head is there
    while (true) {
        if (wanted == std::string::npos) {
            const auto end = _unread.find("\r\n\r\n");
            if (end != std::string::npos) {
                const auto length = _unread.find("Content-Length: ");
                wanted = end + 4 + (length < end ? std::stoul(_unread.substr(length + 16)) : 0);
            }
        }
        if (wanted <= _unread.size()) {
            std::string request = _unread.substr(0, wanted);
            _unread.erase(0, wanted);
            return request;
        }
        const std::string more = receive();
        if (more.empty()) return {};
        _unread += more;
    }
}

std::string ScriptedServer::Connection::receive() {
    char buffer[4096];
    const long count =
        _tls != nullptr ? SSL_read(_tls, buffer, sizeof(buffer)) : ::recv(_socket, buffer, sizeof(buffer), 0);
    return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
}

bool ScriptedServer::Connection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const long count = _tls != nullptr ? SSL_write(_tls, bytes.data(), static_cast<int>(bytes.size()))
                                           : ::send(_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool ScriptedServer::Connection::sleep(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(_server->_mutex);
    return !_server->_stopped.wait_for(lock, time, [this] { return _server->_stopping; });
}

bool ScriptedServer::Connection::open() const {
    char byte = 0;
    return ::recv(_socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

void ScriptedServer::Connection::closeAbruptly() {
    _abrupt = true;
}

void ScriptedServer::Connection::reset() {
    const linger now{1, 0};
    ::setsockopt(_socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

} // namespace wasmproxy::test
