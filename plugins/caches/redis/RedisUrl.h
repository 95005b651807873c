// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace wasmproxy::redis {

/// Where a Redis is: redis://host:port/database, or rediss:// for TLS. Holds no secret. Value type.
struct RedisUrl {
    bool tls = false;
    std::string host; ///< a name, or an address without brackets
    int port = 6379;
    unsigned database = 0;

    /// nullopt: not such a URL; then `problem` says what was expected and shows nothing of `text`.
    static std::optional<RedisUrl> parse(const std::string& text, std::string& problem);
    std::string authority() const; ///< "host:port", "[v6]:port"
};

} // namespace wasmproxy::redis
