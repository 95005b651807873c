// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy::redis {

/// The names of all keys:
///
///     <prefix>blob:sha256:ab12…      a content's ContentHead, written last
///     <prefix>chunk:<upload>:<n>     its pieces
///     <prefix>record:<key>           a record
///     <prefix>lock:<key>             whose turn it is
struct Keys {
    std::string prefix;

    std::string blob(const Digest& digest) const { return prefix + "blob:" + digest.str(); }
    std::string chunk(const std::string& upload, std::uint64_t number) const {
        return prefix + "chunk:" + upload + ":" + std::to_string(number);
    }
    std::string record(const std::string& key) const { return prefix + "record:" + key; }
    std::string lock(const std::string& key) const { return prefix + "lock:" + key; }

    std::string blobPattern() const;                            ///< for SCAN
    std::optional<Digest> digestOf(std::string_view key) const; ///< nullopt: not the key of a blob

    /// 32 hexadecimal digits that nobody else has.
    static std::string unique();
};

} // namespace wasmproxy::redis
