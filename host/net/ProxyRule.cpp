// SPDX-License-Identifier: Apache-2.0
#include "net/ProxyRule.h"

#include "net/HttpText.h"
#include "net/Target.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <netinet/in.h>

namespace wasmproxy::host {
namespace {

struct AddressBytes {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0; ///< 32 or 128; 0: not an address
};

AddressBytes addressOf(const std::string& text) {
    AddressBytes result;
    const auto address = literalAddress(text);
    if (!address) return result;
    if (address->ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &*address, sizeof(in));
        std::memcpy(result.bytes.data(), &in.sin_addr, 4);
        result.bits = 32;
    } else {
        sockaddr_in6 in{};
        std::memcpy(&in, &*address, sizeof(in));
        std::memcpy(result.bytes.data(), &in.sin6_addr, 16);
        result.bits = 128;
    }
    return result;
}

bool inBlock(const std::string& entry, std::size_t slash, const AddressBytes& host) {
    const AddressBytes network = addressOf(normalisedHost(std::string_view(entry).substr(0, slash)));
    const std::string length = entry.substr(slash + 1);
    const bool number = !length.empty() && length.size() <= 3 &&
                        std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number || host.bits == 0 || host.bits != network.bits) return false;
    const unsigned bits = static_cast<unsigned>(std::stoul(length));
    if (bits > host.bits) return false;
    for (unsigned i = 0; i < bits; ++i) {
        const unsigned mask = 0x80u >> (i % 8);
        if ((host.bytes[i / 8] & mask) != (network.bytes[i / 8] & mask)) return false;
    }
    return true;
}

bool matches(std::string entry, const std::string& host, unsigned port) {
    if (entry == "*") return true;
    if (const auto slash = entry.find('/'); slash != std::string::npos) return inBlock(entry, slash, addressOf(host));
    const auto colon = entry.find(':');
    if (colon != std::string::npos && colon == entry.rfind(':')) { // more than one: an IPv6 address
        if (entry.substr(colon + 1) != std::to_string(port)) return false;
        entry.resize(colon);
    }
    if (entry.size() > 1 && entry[0] == '*' && entry[1] == '.') entry.erase(0, 1);
    const bool dotted = !entry.empty() && entry.front() == '.';
    const std::string name = normalisedHost(std::string_view(entry).substr(dotted ? 1 : 0));
    if (name.empty()) return false;
    if (host == name) return true;
    const bool below = host.size() > name.size() && host[host.size() - name.size() - 1] == '.' &&
                       host.compare(host.size() - name.size(), name.size(), name) == 0;
    return below && addressOf(host).bits == 0;
}

} // namespace

bool bypassesProxy(const std::string& noProxy, const std::string& host, unsigned port) {
    std::size_t begin = 0;
    while (begin <= noProxy.size()) {
        const std::size_t end = std::min(noProxy.find(',', begin), noProxy.size());
        const std::string_view entry = trimmed(std::string_view(noProxy).substr(begin, end - begin));
        if (!entry.empty() && matches(std::string(entry), host, port)) return true;
        begin = end + 1;
    }
    return false;
}

} // namespace wasmproxy::host
