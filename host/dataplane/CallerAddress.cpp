// SPDX-License-Identifier: Apache-2.0
#include "dataplane/CallerAddress.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace wasmproxy::host {

namespace {

constexpr std::array<std::uint8_t, 12> MappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

} // namespace

CallerAddress::CallerAddress(const sockaddr_storage& address) noexcept {
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        std::memcpy(_bytes.data(), MappedPrefix.data(), MappedPrefix.size());
        std::memcpy(_bytes.data() + 12, &v4.sin_addr, 4);
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        std::memcpy(_bytes.data(), &v6.sin6_addr, 16);
    }
}

bool CallerAddress::isIpv4() const noexcept {
    return std::memcmp(_bytes.data(), MappedPrefix.data(), MappedPrefix.size()) == 0;
}

std::string CallerAddress::str() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (isIpv4())
        ::inet_ntop(AF_INET, _bytes.data() + 12, text, sizeof text);
    else
        ::inet_ntop(AF_INET6, _bytes.data(), text, sizeof text);
    return text;
}

} // namespace wasmproxy::host
