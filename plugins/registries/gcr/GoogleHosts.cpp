// SPDX-License-Identifier: Apache-2.0
#include "GoogleHosts.h"

#include <algorithm>
#include <string_view>

namespace wasmproxy::gcr {

namespace {

/// Takes `tail` off the end of `text`, if it is there and leaves something.
bool cutTail(std::string_view& text, std::string_view tail) {
    if (text.size() <= tail.size() || text.substr(text.size() - tail.size()) != tail) return false;
    text.remove_suffix(tail.size());
    return true;
}

bool isLabel(std::string_view text) {
    return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

} // namespace

bool isGoogleRegistry(const std::string& host) {
    std::string_view rest = host;
    cutTail(rest, ":443");
    if (rest == "gcr.io") return true;
    if (cutTail(rest, ".gcr.io") || cutTail(rest, "-docker.pkg.dev")) return isLabel(rest);
    const std::string_view front = "docker.";
    if (!cutTail(rest, ".rep.pkg.dev") || rest.substr(0, front.size()) != front) return false;
    return isLabel(rest.substr(front.size()));
}

bool isGooglePattern(const std::string& host) {
    if (host.find('*') == std::string::npos) return isGoogleRegistry(host);
    // Whatever a star before these stands for is a host of Google's.
    std::string_view rest = host;
    cutTail(rest, ":443");
    return (cutTail(rest, ".gcr.io") || cutTail(rest, ".pkg.dev")) && rest.find(':') == std::string_view::npos;
}

bool isGoogleApi(const std::string& host) {
    std::string_view rest = host;
    if (!cutTail(rest, ".googleapis.com")) return false;
    return rest.front() != '.' && rest.back() != '.';
}

} // namespace wasmproxy::gcr
