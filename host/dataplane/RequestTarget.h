// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Reference.h"

#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy::host {

enum class Surface { Fetch, Extensions, Modules, Other };
const char* nameOf(Surface surface) noexcept; ///< as metrics call it

/// What a request's target asks for: one of `reference`, `url`, `extension` and `module`, except for Surface::Other.
struct RequestTarget {
    Surface surface = Surface::Other;
    std::optional<Reference> reference;
    std::string url;              ///< http(s), its scheme in lower case
    std::string secret;           ///< of `reference` and `url`: which Extension's; may be empty
    std::string extension;        ///< a name
    std::optional<Digest> digest; ///< of `extension`: that one, else as it is now
    std::optional<Digest> module;

    /// Fetch: `/fetch/` and the rest of the path is base64 of `oci://…` or `http(s)://…`, in the standard or the URL
    /// alphabet, padded or not, percent-encoded or not; `?secret=NAME`. Extensions: `/extensions/<name>.wasm`;
    /// `?digest=sha256:…`. Modules: `/modules/sha256/<64 lower hex>.wasm`. The rest of a query is ignored. Throws
    /// Error{ReferenceInvalid} or {DigestInvalid}; the surface of a target that throws is surfaceOf(target).
    static RequestTarget parse(std::string_view target);
    static Surface surfaceOf(std::string_view target) noexcept;
};

} // namespace wasmproxy::host
