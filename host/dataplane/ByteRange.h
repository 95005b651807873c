// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace wasmproxy::host {

/// What a Range header asks for. Several ranges, other units and what does not parse ask for everything: RFC 9110 §14.2
/// lets a server ignore Range, and multipart answers have bought other servers nothing but attacks.
struct ByteRange {
    enum class Kind { Whole, Part, Unsatisfiable };

    Kind kind = Kind::Whole;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    /// Of content of `size` bytes. Pure.
    static ByteRange parse(std::string_view header, std::uint64_t size) noexcept;
};

} // namespace wasmproxy::host
