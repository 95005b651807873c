// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Credential.h"

#include "wasmproxy/oci/Error.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

namespace wasmproxy {

namespace {

std::array<unsigned char, 32> randomKey() {
    std::array<unsigned char, 32> key;
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
        throw Error(ErrorCode::Internal, "no random bytes from OpenSSL");
    return key;
}

void appendField(std::string& text, std::string_view field) {
    text += std::to_string(field.size());
    text += ':';
    text += field;
}

} // namespace

std::string Credential::fingerprint() const {
    static const std::array<unsigned char, 32> key = randomKey();
    std::string text;
    text.reserve(64 + username.size() + secret.reveal().size()); // one buffer, so that wiping it wipes all
    appendField(text, std::to_string(static_cast<int>(kind)));
    appendField(text, username);
    appendField(text, secret.reveal());
    std::array<unsigned char, 32> mac;
    unsigned int size = 0;
    const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
    Secret::wipe(text);
    if (!done) throw Error(ErrorCode::Internal, "OpenSSL cannot compute HMAC-SHA256");
    std::string result;
    for (std::size_t i = 0; i < 16; ++i) {
        result += "0123456789abcdef"[mac[i] >> 4];
        result += "0123456789abcdef"[mac[i] & 15];
    }
    return result;
}

} // namespace wasmproxy
