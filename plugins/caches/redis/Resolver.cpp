// SPDX-License-Identifier: Apache-2.0
#include "Resolver.h"

#include "ServerFault.h"

#include <ctime>

namespace wasmproxy::redis {

Resolver::Resolver(std::string host, int port) : _host(std::move(host)), _port(std::to_string(port)) {
    _hints.ai_family = AF_UNSPEC;
    _hints.ai_socktype = SOCK_STREAM;
    _hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    _request.ar_name = _host.c_str();
    _request.ar_service = _port.c_str();
    _request.ar_request = &_hints;
}

Resolver::~Resolver() {
    if (!_running) return;
    if (::gai_cancel(&_request) != EAI_CANCELED) {
        const gaicb* const list[] = {&_request};
        while (::gai_error(&_request) == EAI_INPROGRESS)
            ::gai_suspend(list, 1, nullptr);
    }
    if (_request.ar_result != nullptr) ::freeaddrinfo(_request.ar_result);
}

std::vector<SocketAddress> Resolver::addresses(const Patience& patience) {
    constexpr const char* Doing = "looking up its address";
    const std::unique_lock<std::timed_mutex> lock(_mutex, patience.call().remaining());
    if (!lock) patience.fail(Doing);
    if (!_running) {
        // An address needs no thread; only numbers are read here, so that this never waits.
        addrinfo hints = _hints;
        hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
        if (::getaddrinfo(_host.c_str(), _port.c_str(), &hints, &_request.ar_result) == 0)
            take(0);
        else
            start();
    }
    const bool inTime = !_running || finished(patience);
    if (!_known.empty()) return _known;
    if (!inTime) patience.fail(Doing);
    throw ServerFault("cannot look up " + _host + ": " + _failure);
}

void Resolver::start() {
    gaicb* list[] = {&_request};
    _request.ar_result = nullptr;
    const int result = ::getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr);
    if (result == 0)
        _running = true;
    else
        _failure = ::gai_strerror(result);
}

bool Resolver::finished(const Patience& patience) {
    const gaicb* const list[] = {&_request};
    while (true) {
        const int state = ::gai_error(&_request);
        if (state != EAI_INPROGRESS) {
            take(state);
            return true;
        }
        if (patience.over()) return false;
        const auto slice = patience.slice().count();
        const timespec time{slice / 1000, (slice % 1000) * 1000000};
        ::gai_suspend(list, 1, &time);
    }
}

void Resolver::take(int result) {
    _running = false;
    std::vector<SocketAddress> found;
    for (const addrinfo* at = _request.ar_result; result == 0 && at && found.size() < MaxAddresses; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
        SocketAddress& address = found.emplace_back();
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
    }
    if (_request.ar_result != nullptr) ::freeaddrinfo(_request.ar_result);
    _request.ar_result = nullptr;
    _failure = result == 0 ? "it has no address" : ::gai_strerror(result);
    if (!found.empty()) _known = std::move(found);
}

} // namespace wasmproxy::redis
