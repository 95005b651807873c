// SPDX-License-Identifier: Apache-2.0
#include "support/ScriptedServer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace wasmproxy::test {

ScriptedServer::ScriptedServer(Script script)
    : _script(std::move(script)), _listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (_listener < 0 || ::bind(_listener, generic, length) != 0 || ::listen(_listener, 128) != 0 ||
        ::getsockname(_listener, generic, &length) != 0)
        throw std::runtime_error("the scripted server cannot listen");
    _port = ntohs(address.sin_port);
    _acceptor = std::thread([this] { accept(); });
}

ScriptedServer::~ScriptedServer() {
    _stopping = true;
    ::shutdown(_listener, SHUT_RDWR);
    _acceptor.join();
    for (auto& connection : _connections)
        connection.join();
    ::close(_listener);
}

std::string ScriptedServer::answer(int status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nConnection: close\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void ScriptedServer::accept() {
    while (!_stopping) {
        const int socket = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        const std::lock_guard<std::mutex> lock(_mutex);
        _connections.emplace_back([this, socket] { serve(socket); });
    }
}

void ScriptedServer::serve(int socket) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
        pollfd waiting{socket, POLLIN, 0};
        if (::poll(&waiting, 1, 5000) != 1) break;
        const auto count = ::recv(socket, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        head.append(buffer, static_cast<std::size_t>(count));
    }
    const auto method = head.substr(0, head.find(' '));
    const auto rest = head.size() > method.size() ? head.substr(method.size() + 1) : "";
    if (!rest.empty()) {
        ++_requests;
        const auto bytes = _script(method, rest.substr(0, rest.find(' ')));
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const auto count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) break;
            sent += static_cast<std::size_t>(count);
        }
    }
    ::shutdown(socket, SHUT_WR);
    ::close(socket);
}

} // namespace wasmproxy::test
