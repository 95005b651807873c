// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace wasmproxy::redis {

/// A connection that is of no use any more, or that could not be made. Stays inside this plugin.
class ServerFault : public std::runtime_error {
public:
    enum class Blame {
        Server, ///< Redis or the way to it: the Breaker counts it
        Caller  ///< who asked had no time left
    };

    explicit ServerFault(const std::string& message, std::string hint = {}, Blame blame = Blame::Server)
        : std::runtime_error(message), _hint(std::move(hint)), _blame(blame) {}

    const std::string& hint() const noexcept { return _hint; }
    Blame blame() const noexcept { return _blame; }

private:
    std::string _hint;
    Blame _blame;
};

} // namespace wasmproxy::redis
