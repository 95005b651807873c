// SPDX-License-Identifier: Apache-2.0
#include "net/Upload.h"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace wasmproxy::host {

std::size_t Upload::read(char* buffer, std::size_t size) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, _file.size - _offset));
    while (wanted > 0) {
        const ssize_t count = ::pread(_file.descriptor, buffer, wanted, static_cast<off_t>(_offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            throw Error(ErrorCode::StorageFault,
                        "what is sent to " + _where + " cannot be read: " +
                            (count == 0 ? "it is shorter than was said" : std::generic_category().message(errno)));
        _offset += static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
    }
    return 0;
}

bool Upload::sending(Clock::time_point now) {
    const auto waited = _judged == 0 ? Clock::duration::zero() : now - _asked; // not the time to connect
    const auto bytes = _offset > _judged ? _offset - _judged : 0;
    _asked = now;
    _judged = _offset;
    if (_offset == 0 || _offset >= _file.size) return false;
    if (_speed.tooSlow(waited, bytes))
        throw Error(ErrorCode::UpstreamUnavailable, _where + " takes what is sent to it too slowly");
    return true;
}

} // namespace wasmproxy::host
