// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// What a `listen` key says: a literal address and a port, "127.0.0.1:8080" or "[::1]:8080". No names: which addresses
/// are open must not depend on a resolver.
struct Listener {
    std::string address; ///< without brackets
    std::uint16_t port = 0;
    bool loopback = false;

    static std::optional<Listener> parse(const std::string& text);
    static const char* expected();
};

/// Whether `text` is a literal address or a network in CIDR notation, "10.0.0.0/8".
bool isNetwork(const std::string& text);

} // namespace wasmproxy::host
