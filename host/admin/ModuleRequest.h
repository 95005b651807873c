// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleService.h"
#include "wasmproxy/oci/Reference.h"

#include <string>

namespace wasmproxy::host {

/// A module as an operator names it: an artifact's reference, an http(s) url that an Extension has, or an Extension.
struct ModuleRequest {
    enum class Kind { Artifact, Url, Extension };

    Kind kind = Kind::Artifact;
    Reference reference; ///< of an artifact
    std::string text;    ///< canonical reference, url or Extension's name

    /// `reference`: with or without oci://, or an http(s) url. Throws Refusal where not one of the two is given, and
    /// what Reference::parse() throws.
    static ModuleRequest parse(const std::string& reference, const std::string& extension);
    std::string named() const; ///< `text` without what may be secret in a url
    void ask(ModuleService& modules, const Caller& caller, ModuleCallback callback) const;
};

/// Only an artifact's; the scheme oci:// may stand before it. Throws Refusal, and what Reference::parse() throws.
Reference parseReference(const std::string& text);

} // namespace wasmproxy::host
