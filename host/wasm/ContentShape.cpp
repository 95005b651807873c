// SPDX-License-Identifier: Apache-2.0
#include "wasm/ContentShape.h"

#include <algorithm>
#include <cctype>

namespace wasmproxy::host {

using namespace std::string_view_literals;

namespace {

bool startsWith(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

/// ustar, pax and GNU say so; a header of the oldest kind is known by its checksum alone.
bool isTarHeader(std::string_view block) {
    if (block.size() < 512) return false;
    if (block.substr(257, 5) == "ustar") return true;
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    if (sum == 8 * ' ') return true; // a block of zeros ends an archive, so this one is empty
    unsigned declared = 0;
    std::size_t i = 148;
    while (i < 156 && block[i] == ' ')
        ++i;
    if (i == 156 || block[i] < '0' || block[i] > '7') return false;
    for (; i < 156 && block[i] >= '0' && block[i] <= '7'; ++i)
        declared = declared * 8 + unsigned(block[i] - '0');
    return declared == sum;
}

struct Signature {
    std::string_view magic;
    const char* words;
};

constexpr Signature Signatures[] = {
    {"\x1f\x8b"sv, "gzip data"},
    {"\x28\xb5\x2f\xfd"sv, "zstd data"},
    {"\x7f"
     "ELF"sv,
     "an ELF binary"},
    {"PK\x03\x04"sv, "a zip archive"},
    {"BZh"sv, "bzip2 data"},
    {"\xfd"
     "7zXZ"sv,
     "xz data"},
    {"#!"sv, "a script"},
    {"BC\xc0\xde"sv, "LLVM bitcode"},
    {"!<arch>"sv, "an ar archive (object files that were not linked)"},
};

bool startsTag(std::string_view text, std::string_view lowered) {
    return text.size() >= lowered.size() &&
           std::equal(lowered.begin(), lowered.end(), text.begin(),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

} // namespace

ContentShape shapeOf(std::string_view beginning) {
    if (beginning.empty()) return ContentShape::Empty;
    if (startsWith(beginning, "\0asm"sv)) return ContentShape::Wasm;
    if (startsWith(beginning, "\x1f\x8b\x08"sv)) return ContentShape::Gzip;
    if (startsWith(beginning, "\x28\xb5\x2f\xfd"sv)) return ContentShape::Zstd;
    // A skippable frame may stand before the data (pzstd writes one).
    if (beginning.size() >= 8 && (static_cast<unsigned char>(beginning[0]) & 0xf0) == 0x50 &&
        startsWith(beginning.substr(1), "\x2a\x4d\x18"sv))
        return ContentShape::Zstd;
    return isTarHeader(beginning) ? ContentShape::Tar : ContentShape::Other;
}

std::string describeBytes(std::string_view beginning) {
    if (beginning.empty()) return "empty";
    for (const auto& signature : Signatures)
        if (startsWith(beginning, signature.magic)) return signature.words;
    if (isTarHeader(beginning)) return "a tar archive";
    std::string_view text = beginning;
    if (startsWith(text, "\xef\xbb\xbf"sv)) text.remove_prefix(3);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    if (startsTag(text, "<!doctype") || startsTag(text, "<html")) return "an HTML page";
    if (startsTag(text, "<?xml")) return "an XML document";
    if (startsWith(text, "(module")) return "WebAssembly text (run wat2wasm on it)";
    if (!text.empty() && (text.front() == '{' || text.front() == '[')) return "a JSON document";
    static const char hex[] = "0123456789abcdef";
    std::string out = "bytes";
    for (const char c : beginning.substr(0, 8)) {
        const auto byte = static_cast<unsigned char>(c);
        out += {' ', hex[byte >> 4], hex[byte & 15]};
    }
    return out;
}

} // namespace wasmproxy::host
