// SPDX-License-Identifier: Apache-2.0
#include "dataplane/RequestTarget.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::string_view FetchPrefix = "/fetch/";
constexpr std::string_view ModulesPrefix = "/modules/sha256/";
constexpr std::string_view ModulesSuffix = ".wasm";
constexpr std::string_view Scheme = "oci://";
constexpr std::size_t LongestPath = 8 * 1024;

bool startsWith(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
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
        if (high < 0 || low < 0) refuse("the path has a % that is not followed by two hex digits");
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

Reference parseFetch(std::string_view encoded) {
    const std::string url = base64Decoded(percentDecoded(encoded));
    if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        refuse("the URL in the path has a control character");
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (url.size() < Scheme.size() ||
        !std::equal(Scheme.begin(), Scheme.end(), url.begin(), [&](char a, char b) { return a == lower(b); }))
        refuse("only oci:// URLs are served: /fetch/ takes the base64 of oci://host/repository:tag");
    return Reference::parse(std::string_view(url).substr(Scheme.size()));
}

} // namespace

const char* nameOf(Surface surface) noexcept {
    switch (surface) {
    case Surface::Fetch:
        return "fetch";
    case Surface::Modules:
        return "modules";
    case Surface::Other:
        break;
    }
    return "other";
}

Surface RequestTarget::surfaceOf(std::string_view target) noexcept {
    if (startsWith(target, FetchPrefix)) return Surface::Fetch;
    return startsWith(target, ModulesPrefix) ? Surface::Modules : Surface::Other;
}

RequestTarget RequestTarget::parse(std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (path.size() > LongestPath) refuse("the path is longer than 8 KiB");
    RequestTarget result;
    if (startsWith(path, FetchPrefix)) {
        result.surface = Surface::Fetch;
        result.reference = parseFetch(path.substr(FetchPrefix.size()));
    } else if (startsWith(path, ModulesPrefix) && path.size() == ModulesPrefix.size() + 64 + ModulesSuffix.size() &&
               path.substr(path.size() - ModulesSuffix.size()) == ModulesSuffix) {
        result.module = Digest::tryParse("sha256:" + std::string(path.substr(ModulesPrefix.size(), 64)));
        if (result.module) result.surface = Surface::Modules;
    }
    return result;
}

} // namespace wasmproxy::host
