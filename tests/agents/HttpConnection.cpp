// SPDX-License-Identifier: Apache-2.0
#include "HttpConnection.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr std::size_t LargestHead = 64 * 1024;
constexpr std::size_t LargestKept = 1 << 20;
/// On a limited link, what waits in front of it is small.
constexpr int LimitedBuffer = 32 * 1024;

/// The value of a header; names in any case.
std::string header(const std::string& head, const std::string& name) {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
        const auto begin = at + 2;
        if (begin + name.size() + 1 > head.size() || head[begin + name.size()] != ':') continue;
        const bool same = std::equal(name.begin(), name.end(), head.begin() + static_cast<std::ptrdiff_t>(begin),
                                     [](char a, char b) { return std::tolower(a) == std::tolower(b); });
        if (!same) continue;
        const auto value = head.find_first_not_of(' ', begin + name.size() + 1);
        return head.substr(value, head.find("\r\n", begin) - value);
    }
    return {};
}

/// All that complete chunks hold; nullopt: the last one has not come.
std::optional<std::string> unchunk(const std::string& chunks) {
    std::string whole;
    for (std::size_t at = 0;;) {
        const auto end = chunks.find("\r\n", at);
        if (end == std::string::npos) return std::nullopt;
        const auto size = std::stoul(chunks.substr(at, end - at), nullptr, 16);
        if (chunks.size() < end + 2 + size + 2) return std::nullopt;
        if (size == 0) return whole;
        whole.append(chunks, end + 2, size);
        at = end + 2 + size + 2;
    }
}

} // namespace

HttpConnection::HttpConnection(Loop& loop, Link& link, int port) : _loop(loop), _link(link) {
    if (port == 0) return;
    _socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (_socket < 0) throw std::runtime_error("no more sockets: raise the limit of open files");
    const int on = 1;
    ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (_link.limited()) ::setsockopt(_socket, SOL_SOCKET, SO_RCVBUF, &LimitedBuffer, sizeof(LimitedBuffer));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 && errno != EINPROGRESS) {
        ::close(_socket);
        _socket = -1;
        return;
    }
    _watch = _loop.watch(_socket, EPOLLOUT, *this);
}

HttpConnection::~HttpConnection() {
    if (_timer) _loop.cancel(*_timer);
    if (_queued) _link.forget(*this);
    if (_socket < 0) return;
    _loop.forget(_watch);
    ::close(_socket);
}

void HttpConnection::request(std::string head, std::optional<ModuleCheck> check, Loop::Clock::time_point deadline,
                             Callback callback) {
    _unsent = std::move(head);
    _check = std::move(check);
    _callback = std::move(callback);
    _head.clear();
    _reply = {};
    _headRead = _chunked = _keepAlive = _reusable = false;
    _length.reset();
    _received = 0;
    _chunks.clear();
    if (_socket < 0) {
        // Not from within the call: whoever asked may not have noted it yet.
        _timer = _loop.at(Loop::Clock::now(), [this] {
            _timer.reset();
            finish(Reply::Failure::Refused);
        });
        return;
    }
    _timer = _loop.at(deadline, [this] {
        _timer.reset();
        finish(Reply::Failure::Late);
    });
    _loop.modify(_watch, EPOLLOUT);
}

void HttpConnection::wantRead(bool wanted) {
    _loop.modify(_watch, (wanted ? static_cast<std::uint32_t>(EPOLLIN) : 0u) |
                             (_unsent.empty() ? 0u : static_cast<std::uint32_t>(EPOLLOUT)));
}

void HttpConnection::ready(std::uint32_t events) {
    if (!_connected) {
        int error = 0;
        socklen_t size = sizeof(error);
        ::getsockopt(_socket, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return finish(error == ECONNREFUSED ? Reply::Failure::Refused : Reply::Failure::Reset);
        _connected = true;
    }
    if (!_callback) { // idle: the peer ends it, or says what nobody asked for
        _loop.forget(_watch);
        ::close(_socket);
        _socket = -1;
        _reusable = false;
        return;
    }
    if (!flush()) return finish(Reply::Failure::Reset);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        if (_link.limited() && _headRead) {
            if (_queued) return;
            _queued = true;
            wantRead(false);
            _link.queue(*this);
        } else {
            take(_loop.scratch().size());
        }
        return;
    }
    wantRead(true);
}

bool HttpConnection::flush() {
    if (_unsent.empty()) return true;
    const auto count = ::send(_socket, _unsent.data(), _unsent.size(), MSG_NOSIGNAL);
    if (count > 0) _unsent.erase(0, static_cast<std::size_t>(count));
    return count > 0 || errno == EAGAIN;
}

std::size_t HttpConnection::take(std::size_t limit) {
    _queued = false;
    auto& buffer = _loop.scratch();
    // Heads are small and not counted by a limited link, but no body slips through with them.
    constexpr std::size_t FirstRead = 4096;
    const std::size_t wanted = _headRead || !_link.limited() ? std::min(limit, buffer.size()) : FirstRead;
    const auto count = ::recv(_socket, buffer.data(), wanted, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
        wantRead(true);
        return 0;
    }
    if (count < 0) {
        finish(Reply::Failure::Reset);
        return 0;
    }
    if (count == 0) {
        // Without a length, the end is the end of the body.
        finish(_headRead && !_length && !_chunked ? Reply::Failure::None : Reply::Failure::Ended);
        return 0;
    }
    const auto bytes = static_cast<std::size_t>(count);
    if (_headRead) {
        body(buffer.data(), bytes);
    } else {
        _head.append(buffer.data(), bytes);
        if (!readHead()) {
            if (_head.size() > LargestHead) finish(Reply::Failure::Reset);
            return bytes;
        }
    }
    if (complete())
        finish(Reply::Failure::None);
    else
        wantRead(true);
    return bytes;
}

bool HttpConnection::readHead() {
    const auto end = _head.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string rest = _head.substr(end + 4);
    _head.resize(end + 2);
    _headRead = true;
    _reply.status = std::atoi(_head.c_str() + std::min(_head.find(' '), _head.size()));
    _reply.challenge = header(_head, "WWW-Authenticate");
    _chunked = header(_head, "Transfer-Encoding") == "chunked";
    const auto length = header(_head, "Content-Length");
    if (!length.empty()) _length = std::stoull(length);
    if (_reply.status == 204 || _reply.status == 304) _length = 0;
    _keepAlive = _head.compare(0, 9, "HTTP/1.1 ") == 0 && header(_head, "Connection") != "close";
    if (_reply.status != 200) _check.reset();
    body(rest.data(), rest.size());
    return true;
}

void HttpConnection::body(const char* bytes, std::size_t count) {
    _received += count;
    if (_chunked)
        _chunks.append(bytes, count);
    else if (_check)
        _check->add(bytes, count);
    else if (_reply.body.size() < LargestKept)
        _reply.body.append(bytes, count);
}

bool HttpConnection::complete() const {
    if (!_headRead) return false;
    if (_chunked) return unchunk(_chunks).has_value();
    return _length && _received >= *_length;
}

void HttpConnection::finish(Reply::Failure failure) {
    if (_timer) _loop.cancel(*_timer);
    _timer.reset();
    if (_chunked && failure == Reply::Failure::None) {
        const auto whole = unchunk(_chunks);
        if (_check)
            _check->add(whole->data(), whole->size());
        else
            _reply.body = *whole;
    }
    _reply.failure = failure;
    _reply.moduleRight = _check && failure == Reply::Failure::None && _check->right();
    _reusable = _keepAlive && failure == Reply::Failure::None;
    if (_socket >= 0 && !_reusable) {
        if (_queued) _link.forget(*this);
        _queued = false;
        _loop.forget(_watch);
        ::close(_socket);
        _socket = -1;
    } else if (_socket >= 0) {
        _loop.modify(_watch, EPOLLIN); // to see the peer end it
    }
    const auto callback = std::move(_callback);
    _callback = nullptr;
    if (callback) callback(_reply);
}

} // namespace wasmproxy::test
