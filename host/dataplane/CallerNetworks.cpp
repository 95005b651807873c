// SPDX-License-Identifier: Apache-2.0
#include "dataplane/CallerNetworks.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace wasmproxy::host {

CallerNetworks::CallerNetworks(const std::vector<std::string>& networks) {
    for (const std::string& text : networks)
        _networks.push_back(parse(text));
}

CallerNetworks::Network CallerNetworks::parse(const std::string& text) {
    const Error wrong(ErrorCode::SettingsInvalid, "allow-from: '" + text + "' is not a network",
                      "write it as 10.0.0.0/8, fd00::/8 or as one address");
    const std::size_t slash = text.find('/');
    const std::string host = text.substr(0, slash);
    sockaddr_storage storage{};
    in_addr v4{};
    in6_addr v6{};
    Network network;
    unsigned width = 0;
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr = v4;
        std::memcpy(&storage, &address, sizeof address);
        width = 32;
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_addr = v6;
        std::memcpy(&storage, &address, sizeof address);
        width = 128;
    } else {
        throw wrong;
    }
    network.bits = width;
    if (slash != std::string::npos) {
        const std::string digits = text.substr(slash + 1);
        if (digits.empty() || digits.size() > 3 ||
            !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
            throw wrong;
        network.bits = static_cast<unsigned>(std::stoul(digits));
        if (network.bits > width) throw wrong;
    }
    const CallerAddress address(storage);
    network.bytes = address.bytes();
    if (width == 32) network.bits += 96;
    network.ipv4 = address.isIpv4() && network.bits >= 96;
    return network;
}

bool CallerNetworks::contains(const CallerAddress& address) const noexcept {
    const bool ipv4 = address.isIpv4();
    return std::any_of(_networks.begin(), _networks.end(), [&](const Network& network) {
        if (network.ipv4 != ipv4) return false;
        const unsigned whole = network.bits / 8;
        const unsigned rest = network.bits % 8;
        if (std::memcmp(network.bytes.data(), address.bytes().data(), whole) != 0) return false;
        if (rest == 0) return true;
        const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
        return (network.bytes[whole] & mask) == (address.bytes()[whole] & mask);
    });
}

} // namespace wasmproxy::host
