// SPDX-License-Identifier: Apache-2.0
#include "Connection.h"

#include "ServerFault.h"

namespace wasmproxy::redis {

std::vector<Reply> Connection::ask(const Request& request, const ReplyBounds& bounds, const Patience& patience) {
    char buffer[16 * 1024];
    std::vector<Reply> replies;
    _channel->send(request.bytes(), patience);
    while (replies.size() < request.commands()) {
        if (auto reply = _reader.next(bounds)) {
            replies.push_back(std::move(*reply));
        } else {
            const std::size_t got = _channel->receive(buffer, sizeof buffer, patience);
            _reader.feed({buffer, got}, bounds);
        }
    }
    if (!_reader.empty()) throw ServerFault("it answered more than it was asked");
    _used = Call::Clock::now();
    return replies;
}

bool Connection::fresh() const {
    constexpr std::chrono::seconds LongestIdle{60};
    return Call::Clock::now() - _used < LongestIdle && _channel->quiet();
}

} // namespace wasmproxy::redis
