// SPDX-License-Identifier: Apache-2.0
#include "dataplane/RequestTarget.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::string_view FetchPrefix = "/fetch/";
constexpr std::string_view ExtensionsPrefix = "/extensions/";
constexpr std::string_view ModulesPrefix = "/modules/sha256/";
constexpr std::string_view WasmSuffix = ".wasm";
constexpr std::size_t LongestPath = 8 * 1024;
constexpr std::size_t LongestUrl = 4 * 1024;
constexpr std::size_t LongestName = 253;

bool startsWith(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool endsWith(std::string_view text, std::string_view suffix) {
    return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// What Kubernetes lets Secrets and Extensions be named: a DNS subdomain.
bool isName(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= LongestName && plain(text.front()) && plain(text.back()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

int hexValue(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64Value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

[[noreturn]] void refuse(const char* message) {
    throw Error(ErrorCode::ReferenceInvalid, message);
}

std::string percentDecoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hexValue(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hexValue(text[i + 2]) : -1;
        if (high < 0 || low < 0) refuse("the target has a % that is not followed by two hex digits");
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string base64Decoded(std::string_view text) {
    std::size_t size = text.size();
    while (size > 0 && text.size() - size < 2 && text[size - 1] == '=')
        --size;
    const std::size_t padding = text.size() - size;
    if (size % 4 == 1 || (padding != 0 && text.size() % 4 != 0))
        refuse("what follows /fetch/ is not base64: its length is impossible");
    std::string out;
    out.reserve(size / 4 * 3 + 3);
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text.substr(0, size)) {
        const int value = base64Value(c);
        if (value < 0) refuse("what follows /fetch/ is not base64");
        held = (held << 6 | static_cast<unsigned>(value)) & 0xffffu;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out += static_cast<char>(held >> bits & 0xffu);
    }
    if ((held & ((1u << bits) - 1)) != 0) refuse("what follows /fetch/ is not base64: bits are left over at its end");
    return out;
}

/// The value of `name` in a query, decoded; nullopt: it is not there.
std::optional<std::string> parameter(std::string_view query, std::string_view name) {
    std::optional<std::string> value;
    while (!query.empty()) {
        const auto part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        if (!startsWith(part, name) || (part.size() > name.size() && part[name.size()] != '=')) continue;
        // Of two, whoever checks and whoever serves may take different ones.
        if (value) refuse("the query has a parameter twice");
        value = percentDecoded(part.substr(std::min(part.size(), name.size() + 1)));
    }
    return value;
}

void parseFetch(std::string_view encoded, std::string_view query, RequestTarget& result) {
    std::string url = base64Decoded(percentDecoded(encoded));
    if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        refuse("the URL in the path has a control character");
    if (const auto secret = parameter(query, "secret")) {
        if (!isName(*secret)) refuse("?secret= takes the name of a Secret");
        result.secret = *secret;
    }
    const auto scheme = std::min(url.find("://"), url.size());
    std::transform(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(scheme), url.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (startsWith(url, "oci://")) {
        result.reference = Reference::parse(std::string_view(url).substr(6));
        return;
    }
    if (!startsWith(url, "http://") && !startsWith(url, "https://"))
        refuse("only oci://, http:// and https:// URLs are served: /fetch/ takes the base64 of "
               "oci://host/repository:tag");
    if (url.size() > LongestUrl) refuse("the URL in the path is longer than 4 KiB");
    const auto authority = std::string_view(url).substr(scheme + 3);
    if (authority.substr(0, authority.find_first_of("/?#")).find('@') != std::string_view::npos)
        refuse("user names and passwords do not belong in a URL");
    result.url = std::move(url);
}

void parseExtension(std::string_view file, std::string_view query, RequestTarget& result) {
    if (!endsWith(file, WasmSuffix)) return;
    const auto name = file.substr(0, file.size() - WasmSuffix.size());
    if (!isName(name))
        refuse("what follows /extensions/ is no Extension's name: lower-case letters, digits, '-' and '.'");
    if (const auto digest = parameter(query, "digest")) result.digest = Digest::parse(*digest);
    result.extension = name;
}

} // namespace

const char* nameOf(Surface surface) noexcept {
    switch (surface) {
    case Surface::Fetch:
        return "fetch";
    case Surface::Extensions:
        return "extensions";
    case Surface::Modules:
        return "modules";
    case Surface::Other:
        break;
    }
    return "other";
}

Surface RequestTarget::surfaceOf(std::string_view target) noexcept {
    if (startsWith(target, FetchPrefix)) return Surface::Fetch;
    if (startsWith(target, ExtensionsPrefix)) return Surface::Extensions;
    return startsWith(target, ModulesPrefix) ? Surface::Modules : Surface::Other;
}

RequestTarget RequestTarget::parse(std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
    if (path.size() > LongestPath) refuse("the path is longer than 8 KiB");
    RequestTarget result;
    if (startsWith(path, FetchPrefix)) {
        result.surface = Surface::Fetch;
        parseFetch(path.substr(FetchPrefix.size()), query, result);
    } else if (startsWith(path, ExtensionsPrefix)) {
        result.surface = Surface::Extensions;
        parseExtension(path.substr(ExtensionsPrefix.size()), query, result);
    } else if (startsWith(path, ModulesPrefix) && path.size() == ModulesPrefix.size() + 64 + WasmSuffix.size() &&
               endsWith(path, WasmSuffix)) {
        result.module = Digest::tryParse("sha256:" + std::string(path.substr(ModulesPrefix.size(), 64)));
        if (result.module) result.surface = Surface::Modules;
    }
    return result;
}

} // namespace wasmproxy::host
