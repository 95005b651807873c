// SPDX-License-Identifier: Apache-2.0
#include "net/AddressPolicy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>

namespace wasmproxy::host {
namespace {

using V6 = std::array<std::uint8_t, 16>;

struct V4Range {
    std::uint32_t network;
    unsigned bits;
    AddressClass kind;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (a << 24) | (b << 16) | (c << 8) | d;
}

// First match decides. IANA's special-purpose registry, and the addresses where clouds keep their metadata services.
constexpr V4Range V4Ranges[] = {
    {v4(0, 0, 0, 0), 8, AddressClass::Forbidden},          {v4(169, 254, 0, 0), 16, AddressClass::Forbidden},
    {v4(100, 100, 100, 200), 32, AddressClass::Forbidden}, // Alibaba Cloud's metadata
    {v4(168, 63, 129, 16), 32, AddressClass::Forbidden},   // Azure's wire server
    {v4(192, 0, 0, 192), 32, AddressClass::Forbidden},     // Oracle Cloud's metadata, old form
    {v4(224, 0, 0, 0), 3, AddressClass::Forbidden},        // multicast, reserved, broadcast
    {v4(10, 0, 0, 0), 8, AddressClass::Private},           {v4(127, 0, 0, 0), 8, AddressClass::Private},
    {v4(100, 64, 0, 0), 10, AddressClass::Private},        {v4(172, 16, 0, 0), 12, AddressClass::Private},
    {v4(192, 168, 0, 0), 16, AddressClass::Private},       {v4(192, 0, 0, 0), 24, AddressClass::Private},
    {v4(192, 0, 2, 0), 24, AddressClass::Private},         {v4(198, 18, 0, 0), 15, AddressClass::Private},
    {v4(198, 51, 100, 0), 24, AddressClass::Private},      {v4(203, 0, 113, 0), 24, AddressClass::Private},
};

AddressClass classifyV4(std::uint32_t address) {
    for (const auto& range : V4Ranges) {
        if ((address >> (32 - range.bits)) == (range.network >> (32 - range.bits))) return range.kind;
    }
    return AddressClass::Public;
}

bool startsWith(const V6& address, std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), address.begin());
}

AddressClass classifyV4At(const V6& address, std::size_t offset) {
    return classifyV4(v4(address[offset], address[offset + 1], address[offset + 2], address[offset + 3]));
}

AddressClass classifyV6(const V6& a) {
    static constexpr V6 Unspecified{};
    static constexpr V6 Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (a == Unspecified) return AddressClass::Forbidden;
    if (a == Loopback) return AddressClass::Private;
    // Forms with an IPv4 address inside: mapped, compatible, translated (SIIT), NAT64, 6to4.
    if (startsWith(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return classifyV4At(a, 12);
    if (startsWith(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return classifyV4At(a, 12);
    if (startsWith(a, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) return classifyV4At(a, 12);
    if (startsWith(a, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return classifyV4At(a, 12);
    if (startsWith(a, {0x20, 0x02})) return classifyV4At(a, 2);
    // NAT64 for local use: where the IPv4 address stands depends on the site, so it is private at best.
    if (startsWith(a, {0, 0x64, 0xff, 0x9b, 0, 1})) return std::max(AddressClass::Private, classifyV4At(a, 12));

    if (a[0] == 0xff) return AddressClass::Forbidden;
    if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) return AddressClass::Forbidden;
    if (startsWith(a, {0xfd, 0x00, 0x0e, 0xc2})) return AddressClass::Forbidden; // AWS
    if (startsWith(a, {0xfd, 0x20, 0x00, 0xce})) return AddressClass::Forbidden; // Google Cloud
    if (startsWith(a, {0xfd, 0x00, 0x00, 0xc1})) return AddressClass::Forbidden; // Oracle Cloud
    if (startsWith(a, {0x20, 0x01, 0x0d, 0xb8}) || startsWith(a, {0x20, 0x01, 0, 0})) return AddressClass::Private;
    // Only 2000::/3 is global unicast; unique local, site-local, discard and the unassigned rest are not.
    return (a[0] & 0xe0) == 0x20 ? AddressClass::Public : AddressClass::Private;
}

} // namespace

AddressClass classify(const sockaddr& address) noexcept {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof(in));
        return classifyV4(ntohl(in.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof(in));
        V6 bytes{};
        std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
        return classifyV6(bytes);
    }
    return AddressClass::Forbidden;
}

} // namespace wasmproxy::host
