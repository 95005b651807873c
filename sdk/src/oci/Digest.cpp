// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Digest.h"

#include "wasmproxy/oci/Error.h"

#include "Printable.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace wasmproxy {

namespace {

std::size_t hexLengthOf(std::string_view algorithm) {
    if (algorithm == "sha256") return 64;
    if (algorithm == "sha512") return 128;
    return 0;
}

bool isDigest(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const auto length = hexLengthOf(text.substr(0, colon));
    const auto hex = text.substr(colon + 1);
    return length != 0 && hex.size() == length &&
           std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string toHex(const unsigned char* bytes, std::size_t size) {
    static const char* const Digits = "0123456789abcdef";
    std::string text;
    text.reserve(size * 2);
    for (std::size_t i = 0; i < size; ++i) {
        text += Digits[bytes[i] >> 4];
        text += Digits[bytes[i] & 15];
    }
    return text;
}

} // namespace

Digest Digest::parse(std::string_view text) {
    if (!isDigest(text))
        throw Error(ErrorCode::DigestInvalid, "'" + printable(text) + "' is not a digest",
                    "write sha256: and 64 lower-case hex digits (or sha512: and 128)");
    Digest digest;
    digest._text = text;
    return digest;
}

std::optional<Digest> Digest::tryParse(std::string_view text) noexcept {
    if (!isDigest(text)) return {};
    Digest digest;
    digest._text = text;
    return digest;
}

Digest Digest::of(std::string_view bytes) {
    DigestStream stream;
    stream.update(bytes.data(), bytes.size());
    return stream.finish();
}

std::string_view Digest::algorithm() const noexcept {
    return std::string_view(_text).substr(0, _text.find(':'));
}

std::string_view Digest::hex() const noexcept {
    const auto colon = _text.find(':');
    return colon == std::string::npos ? std::string_view() : std::string_view(_text).substr(colon + 1);
}

struct DigestStream::State {
    struct Free {
        void operator()(EVP_MD_CTX* spent) const { EVP_MD_CTX_free(spent); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
    std::string algorithm;
};

DigestStream::DigestStream(std::string_view algorithm) : _state(std::make_unique<State>()) {
    if (hexLengthOf(algorithm) == 0)
        throw Error(ErrorCode::DigestInvalid, "'" + printable(algorithm) + "' is not a supported digest algorithm",
                    "use sha256 or sha512");
    _state->algorithm = algorithm;
    const EVP_MD* md = algorithm == "sha256" ? EVP_sha256() : EVP_sha512();
    if (!_state->context || EVP_DigestInit_ex(_state->context.get(), md, nullptr) != 1)
        throw Error(ErrorCode::Internal, "OpenSSL cannot compute " + _state->algorithm);
}

DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::update(const char* bytes, std::size_t size) {
    if (!_state) throw Error(ErrorCode::Internal, "a DigestStream was used after finish()");
    if (EVP_DigestUpdate(_state->context.get(), bytes, size) != 1)
        throw Error(ErrorCode::Internal, "OpenSSL failed while hashing");
}

Digest DigestStream::finish() {
    if (!_state) throw Error(ErrorCode::Internal, "a DigestStream was used after finish()");
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(_state->context.get(), bytes.data(), &size) != 1)
        throw Error(ErrorCode::Internal, "OpenSSL failed while hashing");
    const std::string algorithm = _state->algorithm;
    _state.reset();
    return Digest::parse(algorithm + ":" + toHex(bytes.data(), size));
}

} // namespace wasmproxy
