// SPDX-License-Identifier: Apache-2.0
#include "Keys.h"

#include "wasmproxy/oci/Error.h"

#include <openssl/rand.h>

namespace wasmproxy::redis {

std::string Keys::blobPattern() const {
    std::string pattern;
    for (const char c : prefix) {
        if (std::string_view("*?[]^-\\").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern + "blob:*";
}

std::optional<Digest> Keys::digestOf(std::string_view key) const {
    const std::string start = prefix + "blob:";
    if (key.substr(0, start.size()) != start) return std::nullopt;
    return Digest::tryParse(key.substr(start.size()));
}

std::string Keys::unique() {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) throw Error(ErrorCode::Internal, "OpenSSL has no random bytes");
    std::string text;
    for (const unsigned char byte : bytes)
        for (const int digit : {byte >> 4, byte & 15})
            text += "0123456789abcdef"[digit];
    return text;
}

} // namespace wasmproxy::redis
