// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::host::test {

struct RawAnswer {
    std::string statusLine;
    std::string head; ///< with the status line
    std::string body;
    int status() const { return statusLine.size() > 12 ? std::stoi(statusLine.substr(9, 3)) : 0; }
    std::string header(const std::string& name) const; ///< the first, "" if absent
};

/// A client that sends exactly what it is told. Every wait is bounded; a timeout throws std::runtime_error.
class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receiveBuffer = 0);
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void send(std::string_view bytes);
    /// One answer; with `headOnly` none of its body is expected.
    RawAnswer answer(bool headOnly = false);
    RawAnswer get(const std::string& path, const std::string& headers = {}, const char* method = "GET");
    std::string readToEnd(); ///< until the server closes; a reset is a failure
    std::string readSome(std::size_t limit);
    void finishSending();
    bool closedWithin(std::chrono::milliseconds limit); ///< end of file or reset, and nothing before it
    void reset();                                       ///< closes with RST
    int descriptor() const { return _socket; }

private:
    static constexpr int Patience = 10000; // ms

    void fill();

    int _socket = -1;
    std::string _buffer;
};

inline std::string RawAnswer::header(const std::string& name) const {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
        const std::string line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            ::strncasecmp(line.c_str(), name.c_str(), name.size()) == 0)
            return line.substr(line.find_first_not_of(' ', name.size() + 1));
    }
    return {};
}

inline RawClient::RawClient(std::uint16_t port, int receiveBuffer)
    : _socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receiveBuffer > 0) ::setsockopt(_socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const std::string cause = std::strerror(errno);
        ::close(_socket);
        throw std::runtime_error("connect: " + cause);
    }
}

inline RawClient::RawClient(RawClient&& other) noexcept : _socket(other._socket), _buffer(std::move(other._buffer)) {
    other._socket = -1;
}

inline RawClient::~RawClient() {
    if (_socket >= 0) ::close(_socket);
}

inline void RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

inline std::string RawClient::readSome(std::size_t limit) {
    pollfd waiting{_socket, POLLIN, 0};
    if (::poll(&waiting, 1, Patience) != 1) throw std::runtime_error("no bytes in time");
    std::string bytes(limit, '\0');
    const ssize_t count = ::recv(_socket, bytes.data(), bytes.size(), 0);
    if (count < 0) throw std::runtime_error(std::string("recv: ") + std::strerror(errno));
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
}

inline void RawClient::fill() {
    const std::string bytes = readSome(256 * 1024);
    if (bytes.empty()) throw std::runtime_error("closed after: " + _buffer.substr(0, 200));
    _buffer += bytes;
}

inline RawAnswer RawClient::answer(bool headOnly) {
    std::size_t end = 0;
    while ((end = _buffer.find("\r\n\r\n")) == std::string::npos)
        fill();
    RawAnswer result;
    result.head = _buffer.substr(0, end + 2);
    result.statusLine = result.head.substr(0, result.head.find("\r\n"));
    _buffer.erase(0, end + 4);
    const std::string length = result.header("Content-Length");
    if (headOnly || length.empty() || result.status() == 304) return result;
    const std::size_t size = std::stoul(length);
    while (_buffer.size() < size)
        fill();
    result.body = _buffer.substr(0, size);
    _buffer.erase(0, size);
    return result;
}

inline RawAnswer RawClient::get(const std::string& path, const std::string& headers, const char* method) {
    send(std::string(method) + " " + path + " HTTP/1.1\r\nHost: proxy\r\n" + headers + "\r\n");
    return answer(std::strcmp(method, "HEAD") == 0);
}

inline std::string RawClient::readToEnd() {
    std::string all = std::move(_buffer);
    _buffer.clear();
    for (std::string more = readSome(65536); !more.empty(); more = readSome(65536))
        all += more;
    return all;
}

inline void RawClient::finishSending() {
    ::shutdown(_socket, SHUT_WR);
}

inline bool RawClient::closedWithin(std::chrono::milliseconds limit) {
    if (!_buffer.empty()) return false;
    pollfd waiting{_socket, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) return false;
    char byte = 0;
    return ::recv(_socket, &byte, 1, 0) <= 0;
}

inline void RawClient::reset() {
    const linger now{1, 0};
    ::setsockopt(_socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(_socket);
    _socket = -1;
}

} // namespace wasmproxy::host::test
