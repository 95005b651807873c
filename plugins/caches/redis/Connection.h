// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Channel.h"
#include "ReplyReader.h"
#include "Request.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::redis {

/// A connection that commands go over. One thread at a time; of no use any more once something was thrown.
class Connection {
public:
    /// `stamp`: what it was made from, see Connector.
    Connection(std::unique_ptr<Channel> channel, std::string stamp)
        : _channel(std::move(channel)), _stamp(std::move(stamp)), _used(Call::Clock::now()) {}

    /// One reply per command. Throws ServerFault.
    std::vector<Reply> ask(const Request& request, const ReplyBounds& bounds, const Patience& patience);
    /// Good for another request: not closed by the other side, and not so long unused that something between may have
    /// forgotten it.
    bool fresh() const;
    const std::string& stamp() const noexcept { return _stamp; }

private:
    std::unique_ptr<Channel> _channel;
    std::string _stamp;
    ReplyReader _reader;
    Call::Clock::time_point _used;
};

} // namespace wasmproxy::redis
