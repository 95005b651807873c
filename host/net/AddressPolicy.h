// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

namespace wasmproxy::host {

enum class AddressClass {
    Public,
    Private,  ///< RFC 1918, loopback, unique local, carrier-grade NAT, documentation: allowed by setting
    Forbidden ///< link-local, cloud metadata (100.100.100.200, 168.63.129.16, fd00:ec2::/32, fd20:ce::/32, …),
              ///< unspecified, multicast, reserved, broadcast: never, unless the operator wrote the host
};

/// Of the address that would be dialled; IPv4-mapped, 6to4 and NAT64 forms count as the IPv4 address inside.
AddressClass classify(const sockaddr& address) noexcept;

} // namespace wasmproxy::host
