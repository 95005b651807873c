// SPDX-License-Identifier: Apache-2.0
#include "UpstreamFront.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr std::size_t BufferLimit = 512 * 1024;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void sendAtOnce(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

std::string answer(int status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " As-Told\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           headers + "\r\n" + body;
}

std::string authorizationOf(const std::string& head) {
    const auto at = head.find("\r\nAuthorization: ");
    if (at == std::string::npos) return {};
    const auto begin = at + 17;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

} // namespace

/// One client's connection, with one to the registry once it is needed.
class UpstreamFront::Tunnel {
public:
    Tunnel(UpstreamFront& front, int socket)
        : _front(front), _client(*this, &Tunnel::clientReady), _registry(*this, &Tunnel::registryReady) {
        open(_client, socket, EPOLLIN);
    }
    ~Tunnel() {
        if (_timer) _front._loop.cancel(*_timer);
        close(_client);
        close(_registry);
    }
    void reset() {
        const linger now{1, 0};
        if (_client.socket >= 0) ::setsockopt(_client.socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

private:
    struct Side : Loop::Watcher {
        Side(Tunnel& tunnelValue, void (Tunnel::*thenValue)(std::uint32_t)) : tunnel(tunnelValue), then(thenValue) {}
        void ready(std::uint32_t events) override { (tunnel.*then)(events); }
        Tunnel& tunnel;
        void (Tunnel::*then)(std::uint32_t);
        int socket = -1;
        std::uint64_t watch = 0;
        std::string unsent;
    };

    void open(Side& side, int socket, std::uint32_t events) {
        side.socket = socket;
        side.watch = _front._loop.watch(socket, events, side);
    }
    void close(Side& side) {
        if (side.socket < 0) return;
        _front._loop.forget(side.watch);
        ::close(side.socket);
        side.socket = -1;
    }
    bool flush(Side& side) {
        if (side.unsent.empty()) return true;
        const auto count = ::send(side.socket, side.unsent.data(), side.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) side.unsent.erase(0, static_cast<std::size_t>(count));
        return count > 0 || errno == EAGAIN;
    }
    void arm() {
        _front._loop.modify(_client.watch, EPOLLIN | (_client.unsent.empty() ? 0u : static_cast<unsigned>(EPOLLOUT)));
        if (_registry.socket < 0) return;
        const bool room = _client.unsent.size() < BufferLimit;
        _front._loop.modify(_registry.watch, (room ? static_cast<unsigned>(EPOLLIN) : 0u) |
                                                 (_registry.unsent.empty() ? 0u : static_cast<unsigned>(EPOLLOUT)));
    }
    /// Returns bytes read; 0: the end; nullopt: nothing now.
    std::optional<std::size_t> receive(int socket) {
        auto& buffer = _front._loop.scratch();
        const auto count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) return std::nullopt;
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }

    void clientReady(std::uint32_t) {
        if (!flush(_client)) return _front.end(*this);
        if (const auto count = receive(_client.socket)) {
            if (*count == 0) return _front.end(*this);
            _asked.append(_front._loop.scratch().data(), *count);
            if (!_timer && !takeRequest()) return _front.end(*this);
        }
        finishIfEnded();
    }
    void registryReady(std::uint32_t) {
        if (!flush(_registry)) return _front.end(*this);
        if (_client.unsent.size() < BufferLimit) {
            if (const auto count = receive(_registry.socket)) {
                if (*count == 0) {
                    close(_registry);
                    _ended = true;
                } else {
                    _client.unsent.append(_front._loop.scratch().data(), *count);
                    if (!flush(_client)) return _front.end(*this);
                }
            }
        }
        finishIfEnded();
    }
    void finishIfEnded() {
        if (_ended && _client.unsent.empty()) return _front.end(*this);
        arm();
    }

    /// False: the registry cannot be reached.
    bool takeRequest() {
        const auto end = _asked.find("\r\n\r\n");
        if (end == std::string::npos) return true;
        const std::string head = _asked.substr(0, end + 4);
        _asked.erase(0, end + 4);
        ++_front._requests;
        const auto begin = head.find(' ') + 1;
        const auto target = head.substr(begin, head.find(' ', begin) - begin);
        if (_front._mode == Mode::Delay) {
            _timer = _front._loop.at(Loop::Clock::now() + _front._delay, [this, head, target] {
                _timer.reset();
                if (!give(head, target)) return _front.end(*this);
                arm();
            });
            return true;
        }
        return give(head, target);
    }
    bool give(const std::string& head, const std::string& target) {
        if (_front._mode == Mode::Limit) {
            const auto left = std::chrono::ceil<std::chrono::seconds>(_front._until - Loop::Clock::now()).count();
            _client.unsent += answer(429, "Retry-After: " + std::to_string(std::max<long>(left, 1)) + "\r\n",
                                     R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})");
            return flush(_client);
        }
        if (target.compare(0, 6, "/token") == 0) {
            const auto [status, body] = _front._tokens(target, authorizationOf(head));
            _client.unsent += answer(status, status == 401 ? "WWW-Authenticate: Basic realm=\"tokens\"\r\n" : "", body);
            return flush(_client);
        }
        if (_registry.socket < 0) {
            const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const auto address = loopback(_front._registryPort);
            if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
                ::close(socket);
                return false;
            }
            sendAtOnce(socket);
            open(_registry, socket, EPOLLIN);
        }
        _registry.unsent += head;
        return flush(_registry);
    }

    UpstreamFront& _front;
    Side _client;
    Side _registry;
    std::string _asked;
    bool _ended = false;
    std::optional<Loop::Timer> _timer;
};

/// What listens.
class UpstreamFront::Door : public Loop::Watcher {
public:
    explicit Door(UpstreamFront& front)
        : _front(front), _socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const int on = 1;
        ::setsockopt(_socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        const auto address = loopback(_front._port);
        if (::bind(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
            ::listen(_socket, 4096) != 0) {
            ::close(_socket);
            throw std::runtime_error("the front cannot listen on port " + std::to_string(_front._port));
        }
        _watch = _front._loop.watch(_socket, EPOLLIN, *this);
    }
    ~Door() override {
        _front._loop.forget(_watch);
        ::close(_socket);
    }
    void ready(std::uint32_t) override {
        while (true) {
            const int client = ::accept4(_socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (client < 0) return;
            sendAtOnce(client);
            _front._tunnels.push_back(std::make_unique<Tunnel>(_front, client));
        }
    }

private:
    UpstreamFront& _front;
    int _socket;
    std::uint64_t _watch = 0;
};

UpstreamFront::UpstreamFront(int port, int registryPort, Tokens tokens)
    : _port(port), _registryPort(registryPort), _tokens(std::move(tokens)), _door(std::make_unique<Door>(*this)) {
    _thread = std::thread([this] { _loop.run(); });
}

UpstreamFront::~UpstreamFront() {
    _loop.stop();
    _thread.join();
    _tunnels.clear();
    _door.reset();
}

void UpstreamFront::end(Tunnel& tunnel) {
    _tunnels.remove_if([&](const auto& each) { return each.get() == &tunnel; });
}

void UpstreamFront::pass() {
    change(Mode::Pass, {}, {});
}
void UpstreamFront::refuse() {
    change(Mode::Refuse, {}, {});
}
void UpstreamFront::limit(Loop::Clock::time_point until) {
    change(Mode::Limit, {}, until);
}
void UpstreamFront::delay(std::chrono::milliseconds each) {
    change(Mode::Delay, each, {});
}

void UpstreamFront::change(Mode mode, std::chrono::milliseconds delay, Loop::Clock::time_point until) {
    std::promise<void> applied;
    _loop.post([&] {
        _mode = mode;
        _delay = delay;
        _until = until;
        if (mode == Mode::Refuse) {
            for (auto& tunnel : _tunnels)
                tunnel->reset();
            _tunnels.clear();
            _door.reset();
        } else if (!_door) {
            _door = std::make_unique<Door>(*this);
        }
        applied.set_value();
    });
    applied.get_future().wait();
}

} // namespace wasmproxy::test
