// SPDX-License-Identifier: Apache-2.0
// So many clients that want the same thing at once.
//   herd COUNT PORT PATH BYTES   each connects, asks, and takes the whole body
// Prints: seconds from the first connect() to the last byte, failures, milliseconds to the 50th and the 99th of 100
// answers, and what the failures were. Bodies are counted and thrown away in the kernel (MSG_TRUNC), so that the
// server is the one that works.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int Connecting = 1000; // at once: fewer than any server's backlog
constexpr std::chrono::seconds Patience(120);
constexpr std::size_t Chunk = 1 << 20;

struct Client {
    int socket = -1;
    std::string head;
    std::uint64_t body = 0;
    bool asked = false;
    bool inBody = false;
};

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class Herd {
public:
    Herd(std::size_t count, std::uint16_t port, const std::string& path, std::uint64_t bytes)
        : _request("GET " + path + " HTTP/1.1\r\nHost: bench\r\nUser-Agent: herd\r\n\r\n"),
          _bytes(bytes),
          _epoll(::epoll_create1(EPOLL_CLOEXEC)),
          _clients(count),
          _chunk(Chunk) {
        _address.sin_family = AF_INET;
        _address.sin_port = htons(port);
        _address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }

    void run() {
        _start = Clock::now();
        std::size_t begun = 0;
        std::vector<epoll_event> events(512);
        while (_ended < _clients.size()) {
            while (begun < _clients.size() && _connecting < Connecting)
                connect(_clients[begun++]);
            const int count = ::epoll_wait(_epoll, events.data(), static_cast<int>(events.size()), 1000);
            for (int i = 0; i < count; ++i)
                ready(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr),
                      events[static_cast<std::size_t>(i)].events);
            if (Clock::now() - _start > Patience) {
                _failures["no answer in time"] += _clients.size() - _ended;
                break;
            }
        }
        report();
    }

private:
    void connect(Client& client) {
        client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (client.socket < 0) return failed(client, std::string("socket: ") + std::strerror(errno));
        ++_connecting;
        if (::connect(client.socket, reinterpret_cast<const sockaddr*>(&_address), sizeof _address) != 0 &&
            errno != EINPROGRESS) {
            --_connecting;
            return failed(client, std::string("connect: ") + std::strerror(errno));
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &client;
        ::epoll_ctl(_epoll, EPOLL_CTL_ADD, client.socket, &event);
    }

    void ready(Client& client, std::uint32_t events) {
        if (client.socket < 0) return;
        if (!client.asked) {
            if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
            --_connecting;
            client.asked = true;
            if (::send(client.socket, _request.data(), _request.size(), MSG_NOSIGNAL) !=
                static_cast<ssize_t>(_request.size()))
                return failed(client, std::string("send: ") + std::strerror(errno));
        }
        while (client.socket >= 0) {
            const auto count = ::recv(client.socket, _chunk.data(), _chunk.size(), client.inBody ? MSG_TRUNC : 0);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            if (count < 0) return failed(client, std::string("recv: ") + std::strerror(errno));
            if (count == 0) return failed(client, client.inBody ? "a cut body" : "closed without an answer");
            if (client.inBody)
                client.body += static_cast<std::uint64_t>(count);
            else
                readHead(client, {_chunk.data(), static_cast<std::size_t>(count)});
            if (client.inBody && client.body >= _bytes) ended(client);
        }
    }

    void readHead(Client& client, std::string_view bytes) {
        client.head.append(bytes);
        const auto end = client.head.find("\r\n\r\n");
        if (end == std::string::npos) return;
        if (client.head.compare(0, 12, "HTTP/1.1 200") != 0)
            return failed(client, client.head.substr(0, client.head.find("\r\n")));
        client.inBody = true;
        client.body = client.head.size() - end - 4;
        std::string().swap(client.head);
    }

    void ended(Client& client) {
        _times.push_back(secondsSince(_start));
        close(client);
    }

    void failed(Client& client, const std::string& why) {
        ++_failures[why];
        close(client);
    }

    void close(Client& client) {
        if (client.socket >= 0) ::close(client.socket);
        client.socket = -1;
        ++_ended;
    }

    void report() {
        const double all = secondsSince(_start);
        std::sort(_times.begin(), _times.end());
        const auto percentile = [&](std::size_t percent) {
            return _times.empty() ? 0 : _times[(_times.size() - 1) * percent / 100] * 1000;
        };
        std::size_t failures = 0;
        std::string reasons;
        for (const auto& [why, count] : _failures) {
            failures += count;
            reasons += (reasons.empty() ? "" : ", ") + std::to_string(count) + " x " + why;
        }
        std::cout.precision(3);
        std::cout << std::fixed << all << ' ' << failures << ' ' << percentile(50) << ' ' << percentile(99) << ' '
                  << (reasons.empty() ? "-" : reasons) << '\n';
    }

    const std::string _request;
    const std::uint64_t _bytes;
    const int _epoll;
    sockaddr_in _address{};
    std::vector<Client> _clients;
    std::vector<char> _chunk;
    Clock::time_point _start;
    int _connecting = 0;
    std::size_t _ended = 0;
    std::vector<double> _times;
    std::map<std::string, std::size_t> _failures;
};

} // namespace

int main(int count, char** arguments) {
    if (count != 5) {
        std::cerr << "usage: herd COUNT PORT PATH BYTES\n";
        return 64;
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    Herd(std::stoul(arguments[1]), static_cast<std::uint16_t>(std::stoi(arguments[2])), arguments[3],
         std::stoull(arguments[4]))
        .run();
    return 0;
}
