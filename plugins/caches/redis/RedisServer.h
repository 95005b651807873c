// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ConnectionPool.h"
#include "Connector.h"
#include "wasmproxy/plugin/Breaker.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::redis {

/// The one Redis of an instance, as its store, contents and records ask it. Outlives them. Thread-safe.
class RedisServer {
public:
    RedisServer(HostServices& host, std::unique_ptr<const RedisSettings> settings);

    const RedisSettings& settings() const noexcept { return *_settings; }
    /// One reply per command, none of which is an error. Throws Error{StorageFault}: at once while the server is left
    /// alone, else when the command timeout or the Call is over.
    std::vector<Reply> ask(const Call& call, const Request& request, const ReplyBounds& bounds = {});
    /// For what no request waits for, and whose failure changes nothing: not longer than a second.
    void tell(const Request& request) noexcept;
    /// For what belongs to no request.
    Call ownCall() const;
    /// Where a reply is not what the command has.
    [[noreturn]] void unexpected(const char* command) const;
    /// The instance goes: HostServices are used no more.
    void retire() { _breaker.silence(); }

private:
    std::vector<Reply> exchange(const Call& call, const Request& request, const ReplyBounds& bounds);

    const std::unique_ptr<const RedisSettings> _settings;
    Connector _connector;
    const std::string _name; ///< "redis at host:port"
    ConnectionPool _pool;
    Breaker _breaker;
};

} // namespace wasmproxy::redis
