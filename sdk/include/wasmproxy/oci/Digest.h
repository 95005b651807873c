// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy {

/// A content digest, `sha256:<64 lower hex>` or `sha512:<128 lower hex>`; nothing else parses, so a Digest is safe in a
/// path, a URL or a query. Value type; a default-constructed Digest is empty.
/// Source: OCI image-spec, descriptor.md#digests.
class Digest {
public:
    Digest() = default;

    /// Throws Error{DigestInvalid}.
    static Digest parse(std::string_view text);
    static std::optional<Digest> tryParse(std::string_view text) noexcept;
    /// The sha256 of `bytes`.
    static Digest of(std::string_view bytes);

    bool empty() const noexcept { return _text.empty(); }
    const std::string& str() const noexcept { return _text; } ///< "sha256:…"
    std::string_view algorithm() const noexcept;              ///< "sha256"
    std::string_view hex() const noexcept;                    ///< "6c3c…"

    friend bool operator==(const Digest& a, const Digest& b) noexcept { return a._text == b._text; }
    friend bool operator!=(const Digest& a, const Digest& b) noexcept { return a._text != b._text; }
    friend bool operator<(const Digest& a, const Digest& b) noexcept { return a._text < b._text; }

private:
    std::string _text;
};

/// Computes a digest over bytes as they pass (OpenSSL EVP). One thread at a time.
class DigestStream {
public:
    explicit DigestStream(std::string_view algorithm = "sha256"); ///< throws Error{DigestInvalid} for another algorithm
    ~DigestStream();
    DigestStream(DigestStream&&) noexcept;
    DigestStream& operator=(DigestStream&&) noexcept;

    void update(const char* bytes, std::size_t size);
    Digest finish(); ///< once; the stream is spent after it

private:
    struct State;
    std::unique_ptr<State> _state;
};

} // namespace wasmproxy

template <>
struct std::hash<wasmproxy::Digest> {
    std::size_t operator()(const wasmproxy::Digest& digest) const noexcept {
        return std::hash<std::string>()(digest.str());
    }
};
