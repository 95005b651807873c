// SPDX-License-Identifier: Apache-2.0
#include "support/FreePorts.h"

#include <arpa/inet.h>
#include <atomic>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr unsigned First = 12000;
constexpr unsigned Count = 20000;

bool isFree(unsigned port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0; // on all addresses
    ::close(socket);
    return bound;
}

} // namespace

int freePort() {
    // Test programs that run at the same time start far from each other.
    static std::atomic<unsigned> next{static_cast<unsigned>(::getpid()) * 97};
    for (unsigned tries = 0; tries < Count; ++tries) {
        const unsigned port = First + next++ % Count;
        if (isFree(port)) return static_cast<int>(port);
    }
    throw std::runtime_error("no free port on loopback");
}

} // namespace wasmproxy::test
