// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace wasmproxy::host {

/// Where a connection comes from, without the port. IPv4 addresses that arrive on an IPv6 socket (::ffff:10.1.2.3) are
/// IPv4 addresses. Value type.
class CallerAddress {
public:
    CallerAddress() = default;
    explicit CallerAddress(const sockaddr_storage& address) noexcept;

    const std::array<std::uint8_t, 16>& bytes() const noexcept { return _bytes; } ///< IPv4 in its mapped form
    bool isIpv4() const noexcept;
    std::string str() const;

    friend bool operator==(const CallerAddress& a, const CallerAddress& b) noexcept { return a._bytes == b._bytes; }
    friend bool operator<(const CallerAddress& a, const CallerAddress& b) noexcept { return a._bytes < b._bytes; }

private:
    std::array<std::uint8_t, 16> _bytes{};
};

} // namespace wasmproxy::host
