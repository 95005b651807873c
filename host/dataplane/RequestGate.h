// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace wasmproxy::host {

/// Finds the end of a request's head and refuses, before any parser sees it, everything that two parsers may read in
/// two ways: bare CR or LF, folded lines, NUL and control characters, space around names, targets that are not a path,
/// versions other than HTTP/1.0 and 1.1. A byte is judged as it arrives, so nonsense (a TLS ClientHello, say) is
/// refused at its first byte and not after a timeout.
class RequestGate {
public:
    static constexpr std::size_t Limit = 16 * 1024; ///< real tokens are that long

    enum class Verdict { More, Complete, Malformed, TooLarge };

    /// `bytes` begins at the head's first byte and only grows between calls; what was judged is not judged again.
    Verdict scan(const char* bytes, std::size_t size) noexcept;
    std::size_t headSize() const noexcept { return _position; } ///< after Complete
    const char* reason() const noexcept { return _reason; }     ///< after Malformed
    void reset() noexcept { *this = RequestGate(); }

private:
    enum class State : std::uint8_t { Method, Target, Version, Line, LineEnd, LineStart, Name, Value, HeadEnd };

    bool step(unsigned char byte) noexcept; ///< false: malformed, or complete where _reason is null
    bool fail(const char* reason) noexcept;

    std::size_t _position = 0;
    std::size_t _length = 0; ///< of the method, target, version or name so far
    const char* _reason = nullptr;
    State _state = State::Method;
};

} // namespace wasmproxy::host
