// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/Repository.h"

#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy {

/// registry/repository plus tag and/or digest; where both are given the digest decides what is meant. Value type.
/// Its canonical form is the key of Flights and of the DigestIndex.
/// Source: distribution/reference grammar; go-containerregistry `name` (the first component is a host only if it is
/// `localhost` or has a `.` or `:`; else Docker Hub).
class Reference {
public:
    Reference() = default;
    Reference(Repository repository, std::string tag, std::optional<Digest> digest = {});

    /// `[host/]path[:tag][@digest]`, without scheme; neither tag nor digest means `latest`. Anything with white space,
    /// a control character, `//`, `..`, upper case in the path, or an unknown digest algorithm is refused. Throws
    /// Error{ReferenceInvalid} or Error{DigestInvalid}, whose message names the part that is wrong.
    static Reference parse(std::string_view text);

    const Repository& repository() const noexcept { return _repository; }
    const std::string& tag() const noexcept { return _tag; } ///< may be empty when there is a digest
    const std::optional<Digest>& digest() const noexcept { return _digest; }

    /// What a manifest URL ends in: the digest if there is one, else the tag.
    std::string manifestKey() const { return _digest ? _digest->str() : _tag; }
    /// Canonical: `host/path:tag`, `host/path@digest` or `host/path:tag@digest`.
    std::string str() const;
    /// The same repository and tag, pinned to `digest`.
    Reference pinned(const Digest& digest) const { return Reference(_repository, _tag, digest); }

    friend bool operator==(const Reference& a, const Reference& b) { return a.str() == b.str(); }

private:
    Repository _repository;
    std::string _tag;
    std::optional<Digest> _digest;
};

} // namespace wasmproxy
