// SPDX-License-Identifier: Apache-2.0
#include "Patience.h"

#include "ServerFault.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace wasmproxy::redis {

Patience::Time Patience::slice() const noexcept {
    constexpr Time Longest{200};
    return std::clamp(_call.remaining(), Time(1), Longest);
}

void Patience::await(int descriptor, short events, const char* doing) const {
    pollfd entry{descriptor, events, 0};
    while (true) {
        if (over()) fail(doing);
        const int ready = ::poll(&entry, 1, static_cast<int>(slice().count()));
        if (ready > 0) return; // errors and hang-ups, too: the next send or recv says which
        if (ready < 0 && errno != EINTR) throw ServerFault("poll: " + std::generic_category().message(errno));
    }
}

void Patience::fail(const char* doing) const {
    if (!_call.cancelled() && _given >= _own / 2) {
        const Time rounded = _given >= _own - Time(1) ? _own : _given; // some microseconds have passed
        throw ServerFault("no answer within " + std::to_string(rounded.count()) + " ms while " + doing);
    }
    throw ServerFault(std::string(_call.cancelled() ? "shut down" : "the request's time was over") + " while " + doing,
                      {}, ServerFault::Blame::Caller);
}

} // namespace wasmproxy::redis
