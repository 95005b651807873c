// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Patience.h"

#include <cstddef>
#include <string_view>

namespace wasmproxy::redis {

/// Bytes to and from a server. One thread at a time. Throws ServerFault.
class Channel {
public:
    virtual ~Channel() = default;
    virtual void send(std::string_view bytes, const Patience& patience) = 0;
    /// What is there, at least one byte.
    virtual std::size_t receive(char* buffer, std::size_t size, const Patience& patience) = 0;
    /// Still open, and nothing has come that nobody asked for.
    virtual bool quiet() const = 0;
};

} // namespace wasmproxy::redis
