// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Contents.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>
#include <string>

namespace wasmproxy::redis {

/// Sends pieces as they are full, and the head at commit. Holds one piece.
class RedisIngest : public Ingest {
public:
    RedisIngest(std::shared_ptr<Contents> contents, const Call& call);
    ~RedisIngest() override;

    void write(const char* bytes, std::size_t size) override;
    void commit(const Digest& digest) override;

private:
    enum class State { Writing, Committed, Failed };

    template <class Step>
    void guarded(const char* doing, Step step);
    void flush();

    const std::shared_ptr<Contents> _contents;
    const Call _call;
    ContentHead _head; ///< what was sent
    std::string _buffer;
    State _state = State::Writing;
};

} // namespace wasmproxy::redis
