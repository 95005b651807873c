// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fetch.h"
#include "Link.h"
#include "Loop.h"
#include "ModuleCheck.h"

#include <functional>
#include <optional>
#include <string>

namespace wasmproxy::test {

/// One connection of an agent: one request at a time, each with its own deadline.
class HttpConnection : private Loop::Watcher, private Link::Reader {
public:
    using Callback = std::function<void(const Reply&)>;

    HttpConnection(Loop& loop, Link& link, int port); ///< connects; 0: as if refused
    ~HttpConnection() override;
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// `check`: what a 200's body is shown to; else bodies are kept in the Reply. The callback may destroy this.
    void request(std::string head, std::optional<ModuleCheck> check, Loop::Clock::time_point deadline,
                 Callback callback);
    bool reusable() const noexcept { return _reusable; }

private:
    void ready(std::uint32_t events) override;
    std::size_t take(std::size_t limit) override;
    void wantRead(bool wanted);
    bool flush();
    bool readHead();
    void body(const char* bytes, std::size_t count);
    bool complete() const;
    void finish(Reply::Failure failure);

    Loop& _loop;
    Link& _link;
    int _socket = -1;
    std::uint64_t _watch = 0;
    bool _connected = false;
    bool _queued = false;
    std::string _unsent;
    Callback _callback;
    std::optional<Loop::Timer> _timer;

    std::string _head; ///< until its end has come
    Reply _reply;
    std::optional<ModuleCheck> _check;
    bool _headRead = false;
    bool _chunked = false;
    std::optional<std::uint64_t> _length;
    std::uint64_t _received = 0;
    std::string _chunks;
    bool _keepAlive = false;
    bool _reusable = false;
};

} // namespace wasmproxy::test
