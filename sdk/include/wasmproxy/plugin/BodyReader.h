// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace wasmproxy {

/// Bytes that arrive. Used on one thread, before the Call it came from ends; destroying it early abandons the rest.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    /// Blocks until at least one byte is there; returns how many were written to `buffer`, 0 only at the true end.
    /// Throws Error: a cut body, a passed deadline or a broken connection is never an end.
    virtual std::size_t read(char* buffer, std::size_t size) = 0;
};

} // namespace wasmproxy
