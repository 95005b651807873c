// SPDX-License-Identifier: Apache-2.0
#include "RedisServer.h"

#include "Refusal.h"
#include "ServerFault.h"

namespace wasmproxy::redis {

RedisServer::RedisServer(HostServices& host, std::unique_ptr<const RedisSettings> settings)
    : _settings(std::move(settings)),
      _connector(*_settings),
      _name("redis at " + _connector.address().authority()),
      _pool(static_cast<std::size_t>(_settings->connections.get())),
      _breaker([&host, name = _name](bool good, const std::string& line) {
          host.log(good ? LogLevel::Information : LogLevel::Warning, name + ": " + line);
      }) {}

Call RedisServer::ownCall() const {
    return {"", Call::Clock::now() + _settings->connectTimeout.get() + _settings->commandTimeout.get()};
}

std::vector<Reply> RedisServer::ask(const Call& call, const Request& request, const ReplyBounds& bounds) {
    const auto admission = _breaker.admit();
    if (admission == Breaker::Admission::Refused)
        throw Error(ErrorCode::StorageFault, _name + " is left alone for a while: " + _breaker.reason());
    std::vector<Reply> replies;
    try {
        replies = exchange(call, request, bounds);
        _breaker.succeeded(admission);
    } catch (const ServerFault& fault) {
        if (fault.blame() == ServerFault::Blame::Server) {
            _pool.clear(); // what befell one connection befell the others, too
            _breaker.failed(admission, fault.what());
        } else {
            _breaker.undecided(admission);
        }
        throw Error(ErrorCode::StorageFault, _name + ": " + fault.what(), fault.hint());
    } catch (...) {
        _breaker.undecided(admission);
        throw;
    }
    for (const Reply& reply : replies)
        if (reply.is(Reply::Kind::Error))
            throw Error(ErrorCode::StorageFault, _name + " refuses: " + Refusal::textOf(reply), Refusal::hintOf(reply));
    return replies;
}

std::vector<Reply> RedisServer::exchange(const Call& call, const Request& request, const ReplyBounds& bounds) {
    ConnectionPool::Slot slot(_pool, Patience(call, _settings->commandTimeout));
    auto connection = slot.kept(_connector.stamp());
    if (!connection) connection = _connector.connect(call);
    auto replies = connection->ask(request, bounds, Patience(call, _settings->commandTimeout));
    bool misled = false;
    for (const Reply& reply : replies) {
        if (!reply.is(Reply::Kind::Error)) continue;
        if (Refusal::isOutage(reply))
            throw ServerFault("it cannot answer: " + Refusal::textOf(reply), Refusal::hintOf(reply));
        misled = misled || Refusal::isMisled(reply);
    }
    if (misled)
        _pool.clear(); // after a failover the name leads to another server by now
    else
        slot.keep(std::move(connection));
    return replies;
}

void RedisServer::tell(const Request& request) noexcept {
    try {
        const Call call("", Call::Clock::now() + std::chrono::seconds(1));
        ask(call, request);
    } catch (const std::exception&) { // it expires by itself
    }
}

void RedisServer::unexpected(const char* command) const {
    throw Error(ErrorCode::StorageFault, _name + " answers " + command + " with something else",
                "do other programs write keys that begin with `prefix`?");
}

} // namespace wasmproxy::redis
