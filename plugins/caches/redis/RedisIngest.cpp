// SPDX-License-Identifier: Apache-2.0
#include "RedisIngest.h"

#include <algorithm>

namespace wasmproxy::redis {

RedisIngest::RedisIngest(std::shared_ptr<Contents> contents, const Call& call)
    : _contents(std::move(contents)), _call(call) {
    _head.upload = Keys::unique();
}

RedisIngest::~RedisIngest() {
    if (_state != State::Committed) _contents->discard(_head);
}

template <class Step>
void RedisIngest::guarded(const char* doing, Step step) {
    if (_state != State::Writing)
        throw Error(ErrorCode::StorageFault,
                    std::string("cannot ") + doing + " an ingest that is committed or has failed before");
    _state = State::Failed;
    step();
    _state = State::Writing;
}

void RedisIngest::write(const char* bytes, std::size_t size) {
    guarded("write to", [&] {
        while (size > 0) {
            const auto room = static_cast<std::size_t>(ContentHead::Chunk) - _buffer.size();
            const std::size_t taken = std::min(size, room);
            _buffer.append(bytes, taken);
            bytes += taken;
            size -= taken;
            if (taken == room) flush();
        }
    });
}

void RedisIngest::commit(const Digest& digest) {
    if (digest.empty()) throw Error(ErrorCode::Internal, "commit needs a digest");
    guarded("commit", [&] {
        flush();
        _contents->publish(_call, digest, _head);
    });
    _state = State::Committed;
}

void RedisIngest::flush() {
    if (_buffer.empty()) return;
    if (_head.size + _buffer.size() > ContentHead::MaxSize)
        throw Error(ErrorCode::StorageFault, "a content of more than 4 GiB is not put into redis");
    const std::uint64_t number = _head.chunks();
    _head.size += _buffer.size(); // before: what may have been stored is discarded, too
    _contents->putChunk(_call, _head.upload, number, _buffer);
    _buffer.clear();
}

} // namespace wasmproxy::redis
