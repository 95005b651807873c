// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Repository.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy {

/// A key of `auths`: which repositories a credential is for. Value type.
///
/// The rules are the kubelet's keyring: scheme and a leading /v1/ or /v2/ do not count, each label of the host is a
/// glob of its own, ports are equal, the path is a prefix. Unlike the kubelet's, the prefix ends at a '/'
/// (kubernetes#102472).
class RegistryPattern {
public:
    /// nullopt: not a registry (empty, white space, user information, a port that is none).
    static std::optional<RegistryPattern> parse(std::string_view key);

    bool matches(const Repository& repository) const;
    /// One registry as a whole: neither glob nor path.
    bool isHost() const noexcept { return !_glob && _path.empty(); }
    /// Strict weak order, the most specific first: a literal host before globs, then longer before shorter.
    static bool moreSpecific(const RegistryPattern& a, const RegistryPattern& b);

private:
    std::vector<std::string> _labels; ///< of the host; one for an IPv6 address
    std::string _port;                ///< may be empty
    std::string _path;                ///< without slashes at its ends; may be empty
    bool _glob = false;
    std::size_t _hostSize = 0;
};

/// `*`, `?` and `[a-z]` (`[^…]`, `[!…]`) against the whole of `text`; a bracket that is not closed is itself.
/// Time is bounded by the product of the lengths.
bool matchGlob(std::string_view pattern, std::string_view text);

} // namespace wasmproxy
