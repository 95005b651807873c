// SPDX-License-Identifier: Apache-2.0
#include "Resolver.h"

#include "ServerFault.h"

#include <netdb.h>

#include <cstring>
#include <memory>
#include <new>
#include <system_error>

namespace wasmproxy::redis {

Resolver::Resolver(std::string host, int port) : _host(std::move(host)), _port(std::to_string(port)) {}

Resolver::~Resolver() {
    if (_thread.joinable()) _thread.join();
}

std::vector<SocketAddress> Resolver::addresses(const Patience& patience) {
    std::unique_lock<std::mutex> lock(_mutex);
    std::vector<SocketAddress> found;
    if (!_running && ask(AI_NUMERICHOST, found) == 0) return found; // a number: nothing to wait for
    if (!_running) {
        if (_thread.joinable()) _thread.join(); // it has finished
        try {
            _thread = std::thread([this] { lookUp(); });
            _running = true;
        } catch (const std::system_error& error) {
            throw ServerFault("cannot look up " + _host + ": " + error.code().message());
        }
    }
    while (_running && !patience.over())
        _finished.wait_for(lock, patience.slice());
    if (!_known.empty()) return _known;
    if (_running) patience.fail("looking up its address");
    throw ServerFault("cannot look up " + _host + ": " + _failure);
}

void Resolver::lookUp() {
    std::vector<SocketAddress> found;
    int result = EAI_MEMORY;
    try {
        result = ask(AI_ADDRCONFIG, found);
    } catch (const std::bad_alloc&) { // a thread's exception would end the process
    }
    const std::lock_guard<std::mutex> guard(_mutex);
    _running = false;
    _failure = result == 0 ? "it has no address" : ::gai_strerror(result);
    if (!found.empty()) _known = std::move(found);
    _finished.notify_all();
}

int Resolver::ask(int flags, std::vector<SocketAddress>& found) const {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* list = nullptr;
    const int result = ::getaddrinfo(_host.c_str(), _port.c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, [](addrinfo* all) {
        if (all != nullptr) ::freeaddrinfo(all);
    });
    for (const addrinfo* at = list; at != nullptr && found.size() < MaxAddresses; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
        SocketAddress& address = found.emplace_back();
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
    }
    return result;
}

} // namespace wasmproxy::redis
