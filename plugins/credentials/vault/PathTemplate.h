// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Repository.h"

#include <string>

namespace wasmproxy::vault {

/// Where the secret of a repository lies: `secret/data/registries/{host}`. Value type.
class PathTemplate {
public:
    /// What is wrong with that text, or "".
    static std::string problemOf(const std::string& text);
    /// `text` has no problem.
    explicit PathTemplate(std::string text) : _text(std::move(text)) {}

    bool namesHost() const { return _text.find("{host}") != std::string::npos; }
    /// As it stands in a URL: what comes from the repository is percent-encoded but for the ':' before a port, which
    /// is legal in a path. Throws Error{CredentialSourceFault} where the result would be another place.
    std::string expand(const Repository& repository) const;

private:
    std::string _text;
};

} // namespace wasmproxy::vault
