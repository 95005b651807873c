// SPDX-License-Identifier: Apache-2.0
#include "RedisRecords.h"

#include "RedisLock.h"

#include <algorithm>

namespace wasmproxy::redis {

namespace {

const std::string& checked(const std::string& key) {
    const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (key.empty() || key.size() > SharedStore::MaxKey || !printable)
        throw Error(ErrorCode::StorageFault, "the key of a record or lock is 1 to 512 printable characters");
    return key;
}

std::chrono::milliseconds inMilliseconds(std::chrono::seconds time) {
    constexpr std::chrono::seconds Longest = std::chrono::hours(10 * 365 * 24);
    return std::clamp(time, std::chrono::seconds(0), Longest);
}

} // namespace

std::optional<std::string> RedisRecords::record(Call& call, const std::string& key) {
    auto replies = _server->ask(call, Request{"GET", _keys.record(checked(key))}, {MaxRecord + 64, 0});
    if (replies.front().is(Reply::Kind::Nil)) return std::nullopt;
    if (!replies.front().is(Reply::Kind::Text) || replies.front().text.size() > MaxRecord) _server->unexpected("GET");
    return std::move(replies.front().text);
}

void RedisRecords::putRecord(Call& call, const std::string& key, const std::string& value,
                             std::chrono::seconds lifetime) {
    if (value.size() > MaxRecord)
        throw Error(ErrorCode::StorageFault, "a record has at most 65536 bytes, not " + std::to_string(value.size()));
    const std::string time = lifetimeText(inMilliseconds(lifetime));
    const auto replies = _server->ask(call, Request{"SET", _keys.record(checked(key)), value, "PX", time});
    if (!replies.front().is(Reply::Kind::Status)) _server->unexpected("SET");
}

void RedisRecords::removeRecord(Call& call, const std::string& key) {
    const auto replies = _server->ask(call, Request{"UNLINK", _keys.record(checked(key))});
    if (!replies.front().is(Reply::Kind::Integer)) _server->unexpected("UNLINK");
}

std::unique_ptr<SharedStore::Lock> RedisRecords::tryLock(Call& call, const std::string& key,
                                                         std::chrono::milliseconds lifetime) {
    if (!canLock()) throw Error(ErrorCode::StorageFault, "locks are switched off (`locks = false`)");
    const std::string name = _keys.lock(checked(key));
    auto lock = std::make_unique<RedisLock>(_server, name, Keys::unique());
    const auto replies = _server->ask(call, Request{"SET", name, lock->token(), "NX", "PX", lifetimeText(lifetime)});
    if (replies.front().is(Reply::Kind::Nil)) return nullptr;
    if (!replies.front().is(Reply::Kind::Status)) _server->unexpected("SET");
    lock->taken();
    return lock;
}

} // namespace wasmproxy::redis
