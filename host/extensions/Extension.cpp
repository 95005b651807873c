// SPDX-License-Identifier: Apache-2.0
#include "extensions/Extension.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <string_view>

namespace wasmproxy::host {

namespace {

constexpr std::size_t LongestUrl = 4 * 1024;

[[noreturn]] void refuse(const std::string& why, std::string hint = "write http(s)://host/path") {
    // Never the url itself: what is wrong with it may be that it holds a password.
    throw Error(ErrorCode::ReferenceInvalid, "the url is not valid: " + why, std::move(hint));
}

/// What follows `scheme`, in any case; nullopt: another scheme.
std::optional<std::string_view> after(std::string_view scheme, std::string_view url) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (url.size() < scheme.size() || !std::equal(scheme.begin(), scheme.end(), url.begin(),
                                                  [&](char expected, char c) { return expected == lower(c); }))
        return {};
    return url.substr(scheme.size());
}

} // namespace

std::string Extension::secretIgnored() const {
    if (httpUrl.empty() || imagePullSecret.empty()) return {};
    return "is not used: what an http(s) url leads to is fetched without a credential; only oci:// urls have one";
}

Reference referenceOfUrl(const std::string& url) {
    if (url.size() > LongestUrl) refuse("it is longer than 4 KiB");
    for (const unsigned char c : url)
        if (c <= ' ' || c >= 0x7f || c == '\\')
            refuse("it has white space, a backslash, a control or a non-ASCII character", "percent-encode it");
    const auto secure = after("https://", url);
    const auto rest = secure ? secure : after("http://", url);
    if (!rest) refuse("its scheme is not http or https");
    if (rest->find('#') != std::string_view::npos) refuse("it has a fragment");
    const auto authority = rest->substr(0, rest->find_first_of("/?"));
    if (authority.find('@') != std::string_view::npos)
        refuse(
            "it has a user name or a password, which everybody would see who sees the url",
            "what an http(s) url leads to is fetched without a credential: give it where none is wanted, or push the "
            "module to a registry, whose credentials a Secret may hold");
    if (authority.empty()) refuse("it has no host");
    std::string host(authority);
    // A repository's host without a dot needs a port.
    if (host.find_first_of(".:[") == std::string::npos) host += secure ? ":443" : ":80";
    try {
        return Reference(Repository(host, "url-sha256/" + std::string(Digest::of(url).hex())), "current");
    } catch (const Error& e) {
        refuse(e.what());
    }
}

} // namespace wasmproxy::host
