// SPDX-License-Identifier: Apache-2.0
#include "wasm/TarReader.h"

#include "wasmproxy/oci/Error.h"

#include <archive.h>
#include <archive_entry.h>

namespace wasmproxy::host {

namespace {

// Names are short, and so are most pax headers. Libarchive takes quadratic time for an access list (64 KiB: 60 ms), so
// what goes past the ordinary costs its square: at most a few seconds in all.
constexpr std::uint64_t MaxHeaderBytes = 128u << 10;
constexpr std::uint64_t OrdinaryHeaderBytes = 2048;
constexpr std::uint64_t MaxHeaderCost = 50000000000;
// Between two blocks of data a sparse file has its map.
constexpr std::uint64_t MaxReadBytes = 1u << 20;

std::string nameOf(archive_entry* entry) {
    if (const char* name = archive_entry_pathname(entry)) return name;
    // The C locale cannot express it.
    const char* name = archive_entry_pathname_utf8(entry);
    return name ? name : "";
}

TarEntry::Kind kindOf(archive_entry* entry) {
    if (archive_entry_hardlink(entry) || archive_entry_hardlink_utf8(entry)) return TarEntry::Kind::HardLink;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return TarEntry::Kind::File;
    case AE_IFDIR:
        return TarEntry::Kind::Directory;
    case AE_IFLNK:
        return TarEntry::Kind::SymbolicLink;
    default:
        return TarEntry::Kind::Other;
    }
}

const char* targetOf(archive_entry* entry, TarEntry::Kind kind) {
    const char* target = nullptr;
    if (kind == TarEntry::Kind::HardLink) target = archive_entry_hardlink(entry);
    if (kind == TarEntry::Kind::SymbolicLink) target = archive_entry_symlink(entry);
    return target ? target : "";
}

} // namespace

std::string normalPath(std::string_view path) {
    constexpr std::size_t MaxPathBytes = 4096;
    constexpr unsigned MaxParts = 128;
    if (path.size() > MaxPathBytes) return {};
    std::string out;
    unsigned parts = 0;
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(part.size() + (part.size() < path.size() ? 1 : 0));
        if (part.empty() || part == ".") continue;
        if (part == ".." || ++parts > MaxParts) return {};
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

TarReader::TarReader(std::unique_ptr<BodyReader> source, const std::string& layer)
    : _input(std::move(source), layer), _layer(layer) {
    _input.check(archive_read_support_format_tar(_input.handle()));
    _input.allow(MaxHeaderBytes);
    _input.open();
}

std::optional<TarEntry> TarReader::next() {
    if (_count > 0) {
        _input.allow(~std::uint64_t(0));
        _input.check(archive_read_data_skip(_input.handle()));
    }
    _input.allow(MaxHeaderBytes);
    const auto from = archive_filter_bytes(_input.handle(), 0);
    archive_entry* entry = nullptr;
    if (_input.check(archive_read_next_header(_input.handle(), &entry)) == ARCHIVE_EOF) return std::nullopt;
    chargeHeader(static_cast<std::uint64_t>(archive_filter_bytes(_input.handle(), 0) - from));
    TarEntry out;
    const std::string name = nameOf(entry);
    out.kind = kindOf(entry);
    out.path = normalPath(name);
    out.target = targetOf(entry, out.kind);
    out.index = _count++;
    out.rawBytes = name.size() + out.target.size();
    return out;
}

void TarReader::chargeHeader(std::uint64_t bytes) {
    if (bytes <= OrdinaryHeaderBytes) return;
    _headerCost += (bytes - OrdinaryHeaderBytes) * (bytes - OrdinaryHeaderBytes);
    if (_headerCost > MaxHeaderCost)
        throw Error(ErrorCode::ModuleUnusable, _layer + " has too many large headers of archive entries");
}

std::size_t TarReader::read(char* buffer, std::size_t size) {
    _input.allow(MaxReadBytes);
    return _input.checkCount(archive_read_data(_input.handle(), buffer, size));
}

} // namespace wasmproxy::host
