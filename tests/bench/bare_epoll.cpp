// SPDX-License-Identifier: Apache-2.0

// What one core can answer at most through epoll and sockets: bare_epoll PORT FILE. For every read it sends the same
// bytes: no request is parsed, nothing is looked up, counted or logged. No server: only a measure for servers.
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>

namespace {
int fail(const char* what) {
    std::perror(what);
    return EXIT_FAILURE;
}

bool watch(int poll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    return ::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}
} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: bare_epoll PORT FILE\n"), EXIT_FAILURE;
    std::ifstream file(argv[2], std::ios::binary);
    if (!file) return fail(argv[2]);
    const std::string body{std::istreambuf_iterator<char>(file), {}};
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/wasm\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;

    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(std::atoi(argv[1])));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail("bind");
    if (::listen(listener, 4096) != 0) return fail("listen");

    const int poll = ::epoll_create1(0);
    if (!watch(poll, listener)) return fail("epoll_ctl");
    epoll_event events[128];
    char request[8192];
    for (;;) {
        const int count = ::epoll_wait(poll, events, 128, -1);
        for (int i = 0; i < count; ++i) {
            const int descriptor = events[i].data.fd;
            if (descriptor == listener) {
                const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (client < 0) continue;
                ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                if (!watch(poll, client)) ::close(client);
            } else if (::recv(descriptor, request, sizeof request, 0) <= 0 ||
                       ::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL) !=
                           static_cast<ssize_t>(answer.size()))
                ::close(descriptor); // a body that the socket's buffer does not take whole is not measured here
        }
    }
}
