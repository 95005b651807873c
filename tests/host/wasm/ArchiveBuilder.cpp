// SPDX-License-Identifier: Apache-2.0
#include "ArchiveBuilder.h"

#include <archive.h>
#include <archive_entry.h>

#include <stdexcept>

namespace wasmproxy::host {

namespace {

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

void check(archive* handle, long result) {
    if (result < ARCHIVE_WARN) throw std::runtime_error(archive_error_string(handle));
}

std::string compress(const std::string& bytes, int filter) {
    std::string out;
    archive* handle = archive_write_new();
    check(handle, archive_write_set_format_raw(handle));
    check(handle, archive_write_add_filter(handle, filter));
    check(handle, archive_write_set_bytes_in_last_block(handle, 1));
    check(handle, archive_write_open(handle, &out, nullptr, append, nullptr));
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    check(handle, archive_write_header(handle, entry));
    check(handle, archive_write_data(handle, bytes.data(), bytes.size()));
    archive_entry_free(entry);
    check(handle, archive_write_close(handle));
    archive_write_free(handle);
    return out;
}

} // namespace

ArchiveBuilder::ArchiveBuilder(const char* format) : _archive(archive_write_new()) {
    check(_archive, archive_write_set_format_by_name(_archive, format));
    check(_archive, archive_write_set_bytes_in_last_block(_archive, 1));
    check(_archive, archive_write_open(_archive, &_out, nullptr, append, nullptr));
}

ArchiveBuilder::~ArchiveBuilder() {
    archive_write_free(_archive);
}

ArchiveBuilder& ArchiveBuilder::add(const std::string& path, unsigned type, const std::string& content,
                                    const std::string& link, bool hard, std::int64_t holeUpTo) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, path.c_str());
    archive_entry_set_mode(entry, static_cast<__LA_MODE_T>(type | 0644));
    archive_entry_set_size(entry, holeUpTo >= 0 ? holeUpTo : static_cast<std::int64_t>(content.size()));
    if (!link.empty() && hard) archive_entry_set_hardlink(entry, link.c_str());
    if (!link.empty() && !hard) archive_entry_set_symlink(entry, link.c_str());
    if (type == AE_IFCHR) archive_entry_set_rdev(entry, 259);
    if (holeUpTo >= 0) archive_entry_sparse_add_entry(entry, 0, static_cast<std::int64_t>(content.size()));
    check(_archive, archive_write_header(_archive, entry));
    if (!content.empty()) check(_archive, archive_write_data(_archive, content.data(), content.size()));
    archive_entry_free(entry);
    check(_archive, archive_write_finish_entry(_archive));
    return *this;
}

ArchiveBuilder& ArchiveBuilder::file(const std::string& path, const std::string& content) {
    return add(path, AE_IFREG, content);
}
ArchiveBuilder& ArchiveBuilder::directory(const std::string& path) {
    return add(path, AE_IFDIR, {});
}
ArchiveBuilder& ArchiveBuilder::symbolicLink(const std::string& path, const std::string& target) {
    return add(path, AE_IFLNK, {}, target);
}
ArchiveBuilder& ArchiveBuilder::hardLink(const std::string& path, const std::string& target) {
    return add(path, AE_IFREG, {}, target, true);
}
ArchiveBuilder& ArchiveBuilder::device(const std::string& path) {
    return add(path, AE_IFCHR, {});
}
ArchiveBuilder& ArchiveBuilder::sparse(const std::string& path, const std::string& content, std::int64_t size) {
    return add(path, AE_IFREG, content, {}, false, size);
}

std::string ArchiveBuilder::tar() {
    check(_archive, archive_write_close(_archive));
    return std::move(_out);
}

std::string gzip(const std::string& bytes) {
    return compress(bytes, ARCHIVE_FILTER_GZIP);
}
std::string zstd(const std::string& bytes) {
    return compress(bytes, ARCHIVE_FILTER_ZSTD);
}

std::string coreModule(std::size_t size) {
    std::string out("\0asm\1\0\0\0", 8);
    if (size <= out.size()) return out;
    if (size < out.size() + 7) throw std::invalid_argument("no custom section fits");
    std::size_t length = size - out.size() - 6; // what follows the id and five bytes of LEB128
    out += '\0';
    for (int i = 0; i < 5; ++i) {
        out += static_cast<char>((length & 0x7f) | (i < 4 ? 0x80 : 0));
        length >>= 7;
    }
    out += '\0'; // an empty name
    std::uint32_t random = 12345;
    while (out.size() < size) {
        random = random * 1664525 + 1013904223;
        out += static_cast<char>(random >> 24);
    }
    return out;
}

std::string componentModule() {
    return std::string("\0asm\x0d\0\1\0", 8) + std::string(64, 'x');
}

} // namespace wasmproxy::host
