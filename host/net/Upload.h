// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/SpeedGuard.h"

#include "wasmproxy/plugin/HttpTransport.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace wasmproxy::host {

/// A request's body that is read from the caller's file while it is sent.
class Upload {
public:
    using Clock = std::chrono::steady_clock;

    /// `where` names the other side in errors.
    Upload(const HttpUpload& file, SpeedGuard speed, std::string where)
        : _file(file), _speed(speed), _where(std::move(where)) {}

    std::uint64_t size() const noexcept { return _file.size; }
    /// The next bytes; 0 only at the end. Throws Error{StorageFault} where the file cannot be read or is shorter.
    std::size_t read(char* buffer, std::size_t size);
    /// For libcurl, which sends anew what a dead connection swallowed.
    void rewind(std::uint64_t offset) noexcept { _offset = offset; }
    /// It has begun and not ended, so nobody can answer yet. Throws Error{UpstreamUnavailable} once it was too slow for
    /// too long; to be asked after each step.
    bool sending(Clock::time_point now);

    std::chrono::milliseconds slice() const noexcept { return _speed.slice(); }

private:
    const HttpUpload _file;
    SpeedGuard _speed;
    const std::string _where;
    std::uint64_t _offset = 0;
    std::uint64_t _judged = 0; ///< of _offset, when sending() was asked last
    Clock::time_point _asked{};
};

} // namespace wasmproxy::host
