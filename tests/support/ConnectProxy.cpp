// SPDX-License-Identifier: Apache-2.0
#include "support/ConnectProxy.h"

#include <arpa/inet.h>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace wasmproxy::test {
namespace {

constexpr std::size_t HeadLimit = 64 * 1024;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Up to the empty line; "" where the client leaves before. One byte at a time, so that nothing of the tunnel is taken.
std::string readHead(int socket) {
    std::string head;
    char byte = 0;
    while (head.size() < HeadLimit && ::recv(socket, &byte, 1, 0) == 1) {
        head += byte;
        if (head.size() >= 4 && head.compare(head.size() - 4, 4, "\r\n\r\n") == 0) return head;
    }
    return {};
}

bool sendAll(int socket, const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t count = ::send(socket, bytes, size, MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

bool move(int from, int to) {
    char buffer[16 * 1024];
    const ssize_t count = ::recv(from, buffer, sizeof(buffer), 0);
    return count > 0 && sendAll(to, buffer, static_cast<std::size_t>(count));
}

} // namespace

ConnectProxy::ConnectProxy(std::map<std::string, int> hosts)
    : _hosts(std::move(hosts)), _listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    if (::bind(_listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(_listener, 128) != 0 ||
        ::getsockname(_listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("the CONNECT proxy cannot listen on loopback");
    _port = ntohs(address.sin_port);
    _acceptor = std::thread([this] { acceptAll(); });
}

ConnectProxy::~ConnectProxy() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
        for (auto& tunnel : _tunnels) {
            if (tunnel.client >= 0) ::shutdown(tunnel.client, SHUT_RDWR);
            if (tunnel.target >= 0) ::shutdown(tunnel.target, SHUT_RDWR);
        }
    }
    ::shutdown(_listener, SHUT_RDWR); // wakes accept
    _acceptor.join();
    for (auto& tunnel : _tunnels)
        tunnel.thread.join();
    ::close(_listener);
}

void ConnectProxy::refuse(int status) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _status = status;
}

int ConnectProxy::tunnels() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _opened;
}

int ConnectProxy::refused() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _refused;
}

std::vector<std::string> ConnectProxy::heads() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _heads;
}

void ConnectProxy::acceptAll() {
    while (true) {
        const int client = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        reap();
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) {
            ::close(client);
            return;
        }
        Tunnel& tunnel = _tunnels.emplace_back();
        tunnel.client = client;
        tunnel.thread = std::thread([this, &tunnel] { serve(tunnel); });
    }
}

void ConnectProxy::reap() {
    std::list<Tunnel> ended;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        for (auto tunnel = _tunnels.begin(); tunnel != _tunnels.end();) {
            const auto next = std::next(tunnel);
            if (tunnel->ended) ended.splice(ended.end(), _tunnels, tunnel);
            tunnel = next;
        }
    }
    for (auto& tunnel : ended)
        tunnel.thread.join();
}

/// The socket of the target, or the negative status to answer with.
int ConnectProxy::dial(const std::string& head) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _heads.push_back(head);
    int status = _status;
    if (status == 0 && head.compare(0, 8, "CONNECT ") != 0) status = 405;
    const auto host = _hosts.find(head.substr(8, head.find(' ', 8) - 8));
    if (status == 0 && host == _hosts.end()) status = 403;
    if (status == 0) {
        const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(host->second);
        if (!_stopping && ::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
            ++_opened;
            return target;
        }
        ::close(target);
        status = 502;
    }
    ++_refused;
    return -status;
}

void ConnectProxy::serve(Tunnel& tunnel) {
    const std::string head = readHead(tunnel.client);
    const int target = head.size() < 8 ? -400 : dial(head);
    if (target < 0) {
        const std::string answer =
            "HTTP/1.1 " + std::to_string(-target) + " No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        sendAll(tunnel.client, answer.data(), answer.size());
    } else {
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            tunnel.target = target;
            if (_stopping) ::shutdown(target, SHUT_RDWR);
        }
        const std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
        bool alive = sendAll(tunnel.client, answer.data(), answer.size());
        while (alive) {
            pollfd events[] = {{tunnel.client, POLLIN, 0}, {target, POLLIN, 0}};
            if (::poll(events, 2, -1) < 0) break;
            if (events[0].revents != 0) alive = move(tunnel.client, target);
            if (alive && events[1].revents != 0) alive = move(target, tunnel.client);
        }
    }
    const std::lock_guard<std::mutex> lock(_mutex);
    ::close(tunnel.client);
    if (tunnel.target >= 0) ::close(tunnel.target);
    tunnel.client = tunnel.target = -1;
    tunnel.ended = true;
}

} // namespace wasmproxy::test
