// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::s3 {

/// A page of ListObjectsV2. Value type.
struct ObjectList {
    struct Object {
        std::string key; ///< whole
        std::uint64_t size = 0;
    };
    std::vector<Object> objects;
    std::string continuation; ///< of the next page; empty: there is none

    /// Read strictly: elements and text, no document type, no comment, at most 16 levels. Throws Error{StorageFault}.
    static ObjectList parse(std::string_view xml);
};

} // namespace wasmproxy::s3
