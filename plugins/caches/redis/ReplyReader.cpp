// SPDX-License-Identifier: Apache-2.0
#include "ReplyReader.h"

#include "ServerFault.h"

#include <hiredis/read.h>

#include <new>

namespace wasmproxy::redis {

namespace {

/// What one reading of a socket brings: of several replies, perhaps.
constexpr std::size_t Slack = 16 * 1024;

ServerFault tooLarge(const ReplyBounds& bounds) {
    return ServerFault("it answered with more than the " + std::to_string(bounds.bytes) + " bytes and " +
                       std::to_string(bounds.elements) + " elements that the command can have");
}

} // namespace

/// Called by hiredis, which is C: nothing may be thrown. nullptr makes it give the reply up.
struct ReplyReader::Functions {
    static void* adopt(const redisReadTask* task, std::unique_ptr<Reply> reply) {
        Reply* const raw = reply.get();
        if (task->parent != nullptr)
            static_cast<Reply*>(task->parent->obj)->items.push_back(std::move(reply));
        else
            reply.release(); // hiredis has it, until next() takes it or release() is called
        return raw;
    }

    template <class Fill>
    static void* make(const redisReadTask* task, Fill fill) noexcept {
        try {
            auto reply = std::make_unique<Reply>();
            fill(*reply);
            return adopt(task, std::move(reply));
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }

    static void* text(const redisReadTask* task, char* bytes, std::size_t size) {
        const auto& reader = *static_cast<ReplyReader*>(task->privdata);
        if (size > reader._fed) return nullptr; // more than can have come
        return make(task, [&](Reply& reply) {
            reply.kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::Error
                         : task->type == REDIS_REPLY_STATUS ? Reply::Kind::Status
                                                            : Reply::Kind::Text;
            reply.text.assign(bytes, size);
        });
    }

    static void* list(const redisReadTask* task, int size) {
        auto& reader = *static_cast<ReplyReader*>(task->privdata);
        if (size < 0 || static_cast<std::size_t>(size) > reader._bounds.elements - reader._elements) {
            reader._elements = reader._bounds.elements + 1; // says why, in next()
            return nullptr;
        }
        reader._elements += static_cast<std::size_t>(size);
        return make(task, [&](Reply& reply) { reply.kind = Reply::Kind::List; });
    }

    static void* integer(const redisReadTask* task, long long number) {
        return make(task, [&](Reply& reply) {
            reply.kind = Reply::Kind::Integer;
            reply.number = number;
        });
    }

    static void* nil(const redisReadTask* task) {
        return make(task, [](Reply&) {});
    }

    static void release(void* reply) { delete static_cast<Reply*>(reply); }

    static redisReplyObjectFunctions* all() {
        static redisReplyObjectFunctions functions{text, list, integer, nil, release};
        return &functions;
    }
};

ReplyReader::ReplyReader() : _reader(redisReaderCreateWithFunctions(Functions::all()), redisReaderFree) {
    if (!_reader) throw std::bad_alloc();
    _reader->privdata = this;
}

void ReplyReader::feed(std::string_view bytes, const ReplyBounds& bounds) {
    _fed += bytes.size();
    if (_fed > bounds.bytes + Slack) throw tooLarge(bounds);
    if (redisReaderFeed(_reader.get(), bytes.data(), bytes.size()) != REDIS_OK) throw std::bad_alloc();
}

std::optional<Reply> ReplyReader::next(const ReplyBounds& bounds) {
    _bounds = bounds;
    void* raw = nullptr;
    if (redisReaderGetReply(_reader.get(), &raw) != REDIS_OK) {
        if (_elements > _bounds.elements) throw tooLarge(bounds);
        throw ServerFault("it does not speak Redis' protocol",
                          "is this Redis' port, and is it TLS (rediss://) or not?");
    }
    if (raw == nullptr) return std::nullopt;
    const std::unique_ptr<Reply> reply(static_cast<Reply*>(raw));
    const std::size_t left = _reader->len - _reader->pos;
    const std::size_t size = _fed - left;
    _fed = left;
    _elements = 0;
    if (size > bounds.bytes) throw tooLarge(bounds);
    return std::move(*reply);
}

bool ReplyReader::empty() const noexcept {
    return _fed == 0;
}

} // namespace wasmproxy::redis
