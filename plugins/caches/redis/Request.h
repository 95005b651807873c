// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace wasmproxy::redis {

/// Commands to be sent together, as Redis reads them. May hold a password: wiped when it goes.
class Request {
public:
    Request() = default;
    explicit Request(std::initializer_list<std::string_view> words) { add(words); }
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    /// One command and its arguments, which may be any bytes.
    void add(std::initializer_list<std::string_view> words);

    const std::string& bytes() const noexcept { return _bytes; }
    std::size_t commands() const noexcept { return _commands; }

private:
    std::string _bytes;
    std::size_t _commands = 0;
};

} // namespace wasmproxy::redis
