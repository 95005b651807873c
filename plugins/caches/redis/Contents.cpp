// SPDX-License-Identifier: Apache-2.0
#include "Contents.h"

#include <set>

namespace wasmproxy::redis {

namespace {

std::string text(std::chrono::milliseconds time) {
    return std::to_string(time.count());
}

} // namespace

std::optional<ContentHead> Contents::head(const Call& call, const Digest& digest) {
    const auto replies = _server->ask(call, Request{"GET", _keys.blob(digest)});
    if (replies.front().is(Reply::Kind::Nil)) return std::nullopt;
    if (!replies.front().is(Reply::Kind::Text)) _server->unexpected("GET");
    return ContentHead::parse(replies.front().text);
}

void Contents::publish(const Call& call, const Digest& digest, const ContentHead& head) {
    const auto replaced = this->head(call, digest);
    const auto ttl = _server->settings().ttl.get();
    // The pieces outlive the head, and all of them are there when it is written: Redis may have dropped some for want
    // of memory.
    Request request;
    for (std::uint64_t i = 0; i < head.chunks(); ++i)
        request.add({"PEXPIRE", _keys.chunk(head.upload, i), text(ttl + RemovedLife)});
    if (request.commands() > 0)
        for (const Reply& reply : _server->ask(call, request))
            if (!reply.is(Reply::Kind::Integer) || reply.number != 1)
                throw Error(ErrorCode::StorageFault, "redis has dropped a part of " + digest.str() + " already",
                            "give Redis more memory (maxmemory)");
    const auto replies = _server->ask(call, Request{"SET", _keys.blob(digest), head.str(), "PX", text(ttl)});
    if (!replies.front().is(Reply::Kind::Status)) _server->unexpected("SET");
    if (replaced && replaced->upload != head.upload) letGo(*replaced);
}

bool Contents::remove(const Call& call, const Digest& digest) {
    const auto found = head(call, digest);
    const auto replies = _server->ask(call, Request{"UNLINK", _keys.blob(digest)});
    if (!replies.front().is(Reply::Kind::Integer)) _server->unexpected("UNLINK");
    if (found) letGo(*found);
    return replies.front().number > 0;
}

void Contents::visit(const Call& call, const std::function<void(const Digest&, const ContentHead&)>& visitor) {
    constexpr std::size_t MostContents = 1000000;
    // COUNT is about keys looked at; a list is a little longer where keys share a bucket.
    const ReplyBounds bounds{4u << 20, 20000};
    std::set<Digest> seen; // SCAN may show a key more than once
    std::string cursor = "0";
    do {
        const auto replies =
            _server->ask(call, Request{"SCAN", cursor, "MATCH", _keys.blobPattern(), "COUNT", "1000"}, bounds);
        const Reply& reply = replies.front();
        if (reply.items.size() != 2 || !reply.items[0]->is(Reply::Kind::Text) ||
            !reply.items[1]->is(Reply::Kind::List) || reply.items[0]->text.size() > 20)
            _server->unexpected("SCAN");
        cursor = reply.items[0]->text;
        std::vector<Digest> digests;
        Request heads;
        for (const auto& key : reply.items[1]->items) {
            const auto digest = _keys.digestOf(key->text);
            if (!digest || !seen.insert(*digest).second) continue;
            digests.push_back(*digest);
            heads.add({"GET", key->text});
        }
        if (seen.size() > MostContents)
            throw Error(ErrorCode::StorageFault, "redis holds more than 1000000 contents below this prefix");
        if (digests.empty()) continue;
        const auto found = _server->ask(call, heads);
        for (std::size_t i = 0; i < digests.size(); ++i)
            if (const auto head = ContentHead::parse(found[i].text)) visitor(digests[i], *head);
    } while (cursor != "0");
}

void Contents::putChunk(const Call& call, const std::string& upload, std::uint64_t number, std::string_view bytes) {
    const auto replies =
        _server->ask(call, Request{"SET", _keys.chunk(upload, number), bytes, "PX", text(UnfinishedLife)});
    if (!replies.front().is(Reply::Kind::Status)) _server->unexpected("SET");
}

std::string Contents::chunk(const Call& call, const Digest& digest, const ContentHead& head, std::uint64_t number) {
    constexpr std::size_t Frame = 64; // "$1047552\r\n…\r\n", or an error
    const auto size = static_cast<std::size_t>(head.sizeOf(number));
    auto replies = _server->ask(call, Request{"GET", _keys.chunk(head.upload, number)}, {size + Frame + 1024, 0});
    Reply& reply = replies.front();
    if (reply.is(Reply::Kind::Text) && reply.text.size() == size) return std::move(reply.text);
    _server->tell(Request{"UNLINK", _keys.blob(digest)}); // absent is better than broken: it can be put again
    letGo(head);
    throw Error(ErrorCode::StorageFault, "redis has dropped or changed a part of " + digest.str(),
                "give Redis more memory (maxmemory), if this is often");
}

void Contents::discard(const ContentHead& head) noexcept {
    try {
        Request request;
        for (std::uint64_t i = 0; i < head.chunks(); ++i)
            request.add({"UNLINK", _keys.chunk(head.upload, i)});
        if (request.commands() > 0) _server->tell(request);
    } catch (const std::bad_alloc&) { // they expire
    }
}

void Contents::letGo(const ContentHead& head) noexcept {
    try {
        Request request;
        for (std::uint64_t i = 0; i < head.chunks(); ++i)
            request.add({"PEXPIRE", _keys.chunk(head.upload, i), text(RemovedLife)});
        if (request.commands() > 0) _server->tell(request);
    } catch (const std::bad_alloc&) { // they expire
    }
}

} // namespace wasmproxy::redis
