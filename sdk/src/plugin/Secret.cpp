// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace wasmproxy {

Secret::Secret(std::string_view value) : _value(value) {}

Secret::~Secret() {
    wipe(_value);
}

Secret::Secret(const Secret& other) : _value(other._value) {}

// A short string is moved by copying, so the source keeps the bytes until it is wiped.
Secret::Secret(Secret&& other) noexcept : _value(std::move(other._value)) {
    wipe(other._value);
}

Secret& Secret::operator=(const Secret& other) {
    if (this == &other) return *this;
    wipe(_value); // before a longer value makes the string give its memory back
    _value = other._value;
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe(_value);
    _value = std::move(other._value);
    wipe(other._value);
    return *this;
}

void Secret::wipe(std::string& text) noexcept {
    text.resize(text.capacity()); // also the bytes that a longer value left behind
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

bool operator==(const Secret& a, const Secret& b) noexcept {
    // Hashed first: the comparison itself then tells nothing of length or common prefix.
    unsigned char hashA[SHA256_DIGEST_LENGTH];
    unsigned char hashB[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(a._value.data()), a._value.size(), hashA);
    SHA256(reinterpret_cast<const unsigned char*>(b._value.data()), b._value.size(), hashB);
    const bool equal = CRYPTO_memcmp(hashA, hashB, sizeof(hashA)) == 0;
    OPENSSL_cleanse(hashA, sizeof(hashA));
    OPENSSL_cleanse(hashB, sizeof(hashB));
    return equal;
}

} // namespace wasmproxy
