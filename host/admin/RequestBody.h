// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "wasmproxy/oci/StrictJson.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The JSON object in a request, read strictly: unknown keys are refused, so that a misspelt one is not a default. An
/// absent body is an empty object. All throw Refusal{400}.
class RequestBody {
public:
    RequestBody(const AdminRequest& request, const std::vector<std::string>& known);

    std::string text(const std::string& key) const; ///< empty: absent
    std::string needed(const std::string& key) const;
    std::vector<std::string> texts(const std::string& key, std::size_t most) const; ///< at least one
    std::uint64_t number(const std::string& key, std::uint64_t fallback) const;
    /// Which one of these keys is there; another number of them is refused.
    std::string only(const std::vector<std::string>& keys) const;

private:
    template <class Read>
    auto reading(Read read) const;

    std::optional<StrictJson> _json;
};

} // namespace wasmproxy::host
