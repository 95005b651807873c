// SPDX-License-Identifier: Apache-2.0
#include "admin/OpenConnections.h"

#include <algorithm>
#include <sys/socket.h>

namespace wasmproxy::host {

OpenConnections::OpenConnections() : _thread([this] { watch(); }) {}

OpenConnections::~OpenConnections() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _ended = true;
    }
    _changed.notify_all();
    _thread.join();
}

OpenConnections::Watched::Watched(OpenConnections& owner, const Poco::Net::StreamSocket& socket, Clock::duration limit)
    : _owner(owner), _socket(socket), _deadline(Clock::now() + limit) {
    const std::lock_guard<std::mutex> lock(owner._mutex);
    _place = owner._open.insert(owner._open.end(), this);
    if (owner._cutting) cut(_socket);
    owner._changed.notify_all();
}

OpenConnections::Watched::~Watched() {
    const std::lock_guard<std::mutex> lock(_owner._mutex);
    _owner._open.erase(_place);
}

void OpenConnections::Watched::allow(Clock::duration limit) {
    const std::lock_guard<std::mutex> lock(_owner._mutex);
    _deadline = Clock::now() + limit;
}

void OpenConnections::cutAll() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _cutting = true;
    for (Watched* connection : _open)
        cut(connection->_socket);
}

void OpenConnections::cut(Poco::Net::StreamSocket& socket) noexcept {
    // Not close(): the serving thread still uses the descriptor, and learns of the end by its next call.
    ::shutdown(socket.impl()->sockfd(), SHUT_RDWR);
}

void OpenConnections::watch() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_ended) {
        if (_open.empty()) {
            _changed.wait(lock);
            continue;
        }
        auto next = Clock::time_point::max();
        const auto now = Clock::now();
        for (Watched* connection : _open) {
            if (connection->_deadline <= now) {
                cut(connection->_socket);
                connection->_deadline = now + std::chrono::seconds(1);
            }
            next = std::min(next, connection->_deadline);
        }
        _changed.wait_until(lock, next);
    }
}

} // namespace wasmproxy::host
