// SPDX-License-Identifier: Apache-2.0
#include "settings/Listener.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace wasmproxy::host {
namespace {

/// Decimal digits without sign or leading zero, at most `limit`.
std::optional<unsigned> number(const std::string& text, unsigned limit) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= limit ? std::optional<unsigned>(value) : std::nullopt;
}

} // namespace

std::optional<Listener> Listener::parse(const std::string& text) {
    Listener result;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return std::nullopt;
    const std::optional<unsigned> port = number(text.substr(colon + 1), 65535);
    if (!port) return std::nullopt;
    result.port = static_cast<std::uint16_t>(*port);
    result.address = text.substr(0, colon);
    if (result.address[0] == '[') {
        if (result.address.back() != ']') return std::nullopt;
        result.address = result.address.substr(1, result.address.size() - 2);
        in6_addr v6{};
        if (::inet_pton(AF_INET6, result.address.c_str(), &v6) != 1) return std::nullopt;
        result.loopback = IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
        return result;
    }
    in_addr v4{};
    if (::inet_pton(AF_INET, result.address.c_str(), &v4) != 1) return std::nullopt;
    result.loopback = ntohl(v4.s_addr) >> 24 == 127;
    return result;
}

const char* Listener::expected() {
    return "expected a literal address and a port: 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for every address";
}

bool isNetwork(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string address = text.substr(0, slash);
    unsigned char bytes[16] = {};
    const bool v4 = ::inet_pton(AF_INET, address.c_str(), bytes) == 1;
    if (!v4 && ::inet_pton(AF_INET6, address.c_str(), bytes) != 1) return false;
    if (slash == std::string::npos) return true;
    const unsigned width = v4 ? 32 : 128;
    const std::optional<unsigned> bits = number(text.substr(slash + 1), width);
    if (!bits) return false;
    // 10.1.2.3/8 is a slip of the pen: either the address or the length is not what was meant.
    for (unsigned bit = *bits; bit < width; ++bit) {
        if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
    }
    return true;
}

} // namespace wasmproxy::host
