// SPDX-License-Identifier: Apache-2.0
#include "support/HttpClient.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Connection {
public:
    Connection(const std::string& host, int port, Clock::time_point end) : _end(end) {
        addrinfo hints{};
        hints.ai_family = AF_INET;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
            throw Failure("cannot resolve " + host);
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
        _socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error = ::connect(_socket, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINPROGRESS) {
            if (!ready(POLLOUT)) {
                ::close(_socket);
                throw Failure("timeout while connecting");
            }
            socklen_t size = sizeof(error);
            ::getsockopt(_socket, SOL_SOCKET, SO_ERROR, &error, &size);
        }
        if (error != 0) {
            ::close(_socket);
            throw Failure(std::string("connect: ") + std::strerror(error));
        }
    }
    ~Connection() { ::close(_socket); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void write(const std::string& bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t count = ::send(_socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (count > 0) {
                sent += static_cast<std::size_t>(count);
            } else if (errno != EAGAIN) {
                return; // the answer, if there is one, says why
            } else if (!ready(POLLOUT)) {
                throw Failure("timeout while sending");
            }
        }
    }

    /// Appends what comes next to `received`; false at the connection's end.
    bool more() {
        char buffer[65536];
        while (true) {
            const ssize_t count = ::recv(_socket, buffer, sizeof(buffer), 0);
            if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
            if (count >= 0) return count > 0;
            if (errno != EAGAIN) throw Failure(std::string("recv: ") + std::strerror(errno));
            if (!ready(POLLIN)) throw Failure("timeout while receiving");
        }
    }

    /// The next line without its end.
    std::string line() {
        std::size_t end = 0;
        while ((end = received.find("\r\n")) == std::string::npos) {
            if (!more()) throw Failure("connection closed");
        }
        std::string result = received.substr(0, end);
        received.erase(0, end + 2);
        return result;
    }

    void take(std::size_t size, std::string& into) {
        while (size > 0) {
            if (received.empty() && !more()) throw Failure("connection closed");
            const std::size_t count = std::min(size, received.size());
            into.append(received, 0, count);
            received.erase(0, count);
            size -= count;
        }
    }

    std::string received;

private:
    bool ready(short events) const {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(_end - Clock::now()).count();
        pollfd state{_socket, events, 0};
        return left > 0 && ::poll(&state, 1, static_cast<int>(left)) > 0;
    }

    Clock::time_point _end;
    int _socket = -1;
};

void readHead(Connection& connection, HttpAnswer& answer) {
    int status = 0;
    do { // interim answers are skipped
        answer.headers.clear();
        const std::string first = connection.line();
        if (first.compare(0, 7, "HTTP/1.") != 0 || first.size() < 12) throw Failure("not HTTP: " + first.substr(0, 80));
        status = std::stoi(first.substr(9, 3));
        for (std::string line = connection.line(); !line.empty(); line = connection.line()) {
            const auto colon = line.find(':');
            if (colon == std::string::npos) throw Failure("header without a colon: " + line.substr(0, 80));
            const auto begin = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
            answer.headers.emplace_back(line.substr(0, colon), line.substr(begin));
        }
    } while (status < 200);
    answer.status = status;
}

void readBody(Connection& connection, HttpAnswer& answer) {
    if (strcasecmp(answer.header("Transfer-Encoding").c_str(), "chunked") == 0) {
        while (const std::size_t size = std::stoul(connection.line(), nullptr, 16)) {
            connection.take(size, answer.body);
            if (!connection.line().empty()) throw Failure("chunk without an end");
        }
        while (!connection.line().empty()) {
        }
    } else if (const std::string length = answer.header("Content-Length"); !length.empty()) {
        connection.take(std::stoul(length), answer.body);
    } else {
        while (connection.more()) {
        }
        answer.body = connection.received;
    }
}

} // namespace

std::string HttpAnswer::header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
        if (strcasecmp(key.c_str(), name.c_str()) == 0) return value;
    }
    return {};
}

HttpAnswer HttpClient::send(const std::string& method, const std::string& target, const Headers& headers,
                            std::chrono::milliseconds timeout, const std::string& body) const {
    const auto start = Clock::now();
    HttpAnswer answer;
    try {
        Connection connection(_host, _port, start + timeout);
        std::string request = method + " " + target + " HTTP/1.1\r\n";
        const bool ownHost = std::any_of(headers.begin(), headers.end(), [](const auto& header) {
            return strcasecmp(header.first.c_str(), "Host") == 0;
        });
        if (!ownHost) request += "Host: " + _host + (_port == 80 ? "" : ":" + std::to_string(_port)) + "\r\n";
        for (const auto& [name, value] : headers)
            request += name + ": " + value + "\r\n";
        if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        connection.write(request + "\r\n" + body);
        readHead(connection, answer);
        if (method != "HEAD" && answer.status != 204 && answer.status != 304) readBody(connection, answer);
    } catch (const std::exception& failure) { // Failure, and numbers that do not parse
        answer.error = failure.what();
        answer.cut = answer.status != 0;
    }
    answer.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return answer;
}

} // namespace wasmproxy::test
