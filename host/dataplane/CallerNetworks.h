// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/CallerAddress.h"

#include <vector>

namespace wasmproxy::host {

/// The networks that may ask (`allow-from`). Constant once built.
class CallerNetworks {
public:
    /// `10.0.0.0/8`, `fd00::/8`, or an address alone. Throws Error{SettingsInvalid} naming the text that is wrong.
    explicit CallerNetworks(const std::vector<std::string>& networks);

    bool contains(const CallerAddress& address) const noexcept;

private:
    struct Network {
        std::array<std::uint8_t, 16> bytes{};
        unsigned bits = 0;
        bool ipv4 = false; ///< `::/0` does not mean IPv4's mapped form
    };
    static Network parse(const std::string& text);

    std::vector<Network> _networks;
};

} // namespace wasmproxy::host
