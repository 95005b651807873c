// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Loop.h"

#include <cstddef>
#include <deque>

namespace wasmproxy::test {

/// The link that all agents' answers come over: a token bucket at the reading end, shared in turn. What a reader may
/// not take yet stays in its small receive buffer, so the sender feels it as it would feel a full link.
class Link {
public:
    class Reader {
    public:
        virtual ~Reader() = default;
        virtual std::size_t take(std::size_t limit) = 0; ///< reads at most so much now; how much it was
    };

    /// 0 bytes per second: no limit.
    Link(Loop& loop, double bytesPerSecond) : _loop(loop), _rate(bytesPerSecond) {}

    bool limited() const noexcept { return _rate > 0; }
    void queue(Reader& reader); ///< to be served in turn
    void forget(Reader& reader);

private:
    void serve();

    Loop& _loop;
    const double _rate;
    double _allowance = 0;
    bool _ticking = false;
    Loop::Clock::time_point _last;
    std::deque<Reader*> _waiting;
};

} // namespace wasmproxy::test
