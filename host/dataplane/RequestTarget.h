// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Reference.h"

#include <optional>
#include <string_view>

namespace wasmproxy::host {

enum class Surface { Fetch, Modules, Other };
const char* nameOf(Surface surface) noexcept; ///< as metrics call it

/// What a request's target asks for. One of `reference` and `module` is set, except for Surface::Other.
struct RequestTarget {
    Surface surface = Surface::Other;
    std::optional<Reference> reference;
    std::optional<Digest> module;

    /// Fetch: `/fetch/` and the rest of the path is base64 of `oci://…`, in the standard or the URL alphabet, padded or
    /// not, percent-encoded or not. Modules: `/modules/sha256/<64 lower hex>.wasm`. A query is ignored. Throws
    /// Error{ReferenceInvalid} or {DigestInvalid}; the surface of a target that throws is surfaceOf(target).
    static RequestTarget parse(std::string_view target);
    static Surface surfaceOf(std::string_view target) noexcept;
};

} // namespace wasmproxy::host
