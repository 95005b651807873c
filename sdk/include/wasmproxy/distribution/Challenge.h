// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy {

/// One challenge of a `WWW-Authenticate` answer. Value type. Source: RFC 7235; distribution's token specification.
struct Challenge {
    std::string scheme;                            ///< lower case: "bearer"
    std::map<std::string, std::string> parameters; ///< names in lower case; of duplicates the first

    std::string parameter(const std::string& name) const;

    /// All challenges of all header values, in order. Never throws: registries write commas without quotes, spaces
    /// round '=', several challenges per line and empty values; what makes no sense is passed over.
    static std::vector<Challenge> parse(const std::vector<std::string>& headerValues);
};

} // namespace wasmproxy
