// SPDX-License-Identifier: Apache-2.0
#include "dataplane/RequestGate.h"

#include <array>

namespace wasmproxy::host {

namespace {

constexpr std::size_t LongestMethod = 32;

constexpr std::array<bool, 256> tokenCharacters() {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c)
        table[c] = true;
    for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
        table[static_cast<unsigned char>(c)] = true;
    return table;
}

constexpr std::array<bool, 256> Token = tokenCharacters();
constexpr char Version[] = "HTTP/1.";
constexpr std::size_t VersionSize = sizeof Version - 1;

} // namespace

RequestGate::Verdict RequestGate::scan(const char* bytes, std::size_t size) noexcept {
    if (_reason) return Verdict::Malformed;
    while (_position < size) {
        if (_position == Limit) return Verdict::TooLarge;
        const auto byte = static_cast<unsigned char>(bytes[_position++]);
        if (_state == State::Value && byte >= 0x20 && byte != 0x7f) continue;
        if (step(byte)) continue;
        return _reason ? Verdict::Malformed : Verdict::Complete;
    }
    return _position >= Limit ? Verdict::TooLarge : Verdict::More;
}

bool RequestGate::fail(const char* reason) noexcept {
    _reason = reason;
    return false;
}

bool RequestGate::step(unsigned char byte) noexcept {
    switch (_state) {
    case State::Method:
        if (byte == ' ' && _length > 0) {
            _state = State::Target;
            _length = 0;
            return true;
        }
        if (!Token[byte] || ++_length > LongestMethod) return fail("not an HTTP request");
        return true;
    case State::Target:
        if (byte == ' ' && _length > 0) {
            _state = State::Version;
            _length = 0;
            return true;
        }
        if (byte <= ' ' || byte >= 0x7f || byte == '#') return fail("a character that no target may have");
        if (_length++ == 0 && byte != '/') return fail("the target must be a path");
        return true;
    case State::Version:
        if (_length < VersionSize ? byte != static_cast<unsigned char>(Version[_length]) : byte != '0' && byte != '1')
            return fail("only versions 1.0 and 1.1 of HTTP are spoken here");
        if (_length++ == VersionSize) _state = State::Line;
        return true;
    case State::Line:
        if (byte != '\r') return fail("the request line does not end after the version");
        _state = State::LineEnd;
        return true;
    case State::LineEnd:
        if (byte != '\n') return fail("a CR without LF");
        _state = State::LineStart;
        return true;
    case State::LineStart:
        if (byte == '\r') {
            _state = State::HeadEnd;
            return true;
        }
        if (!Token[byte]) return fail("a header line that begins with no name");
        _state = State::Name;
        return true;
    case State::Name:
        if (byte == ':') {
            _state = State::Value;
            return true;
        }
        if (!Token[byte]) return fail("a header name that is no token");
        return true;
    case State::Value:
        if (byte == '\t') return true;
        if (byte != '\r') return fail("a control character in a header");
        _state = State::LineEnd;
        return true;
    case State::HeadEnd:
        if (byte != '\n') return fail("a CR without LF");
        return false;
    }
    return fail("not an HTTP request");
}

} // namespace wasmproxy::host
