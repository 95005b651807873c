// SPDX-License-Identifier: Apache-2.0
#include "admin/SetupRows.h"

#include <algorithm>
#include <array>

namespace wasmproxy::host {
namespace {

constexpr const char* Redacted = "<redacted>";

bool endsWith(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

std::string redacted(const std::string& key, const std::string& value) {
    static const std::array<std::string, 6> Secrets{"password",   "passwd",  "token",
                                                    "secret-key", "api-key", "secret-access-key"};
    if (value.empty()) return value;
    if (std::any_of(Secrets.begin(), Secrets.end(), [&](const std::string& each) { return endsWith(key, each); }))
        return Redacted;
    std::string clean = value;
    for (auto scheme = clean.find("://"); scheme != std::string::npos; scheme = clean.find("://", scheme + 3)) {
        const auto start = scheme + 3;
        const auto end = std::min(clean.find_first_of("/?# ,", start), clean.size());
        const auto at = clean.rfind('@', end == 0 ? 0 : end - 1);
        if (at != std::string::npos && at >= start) clean.replace(start, at - start, Redacted);
    }
    return clean;
}

} // namespace wasmproxy::host
