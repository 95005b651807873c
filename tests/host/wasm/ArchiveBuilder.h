// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

struct archive;

namespace wasmproxy::host {

/// Writes a tar in memory with libarchive's writers.
class ArchiveBuilder {
public:
    /// `format`: "pax", "gnutar", "ustar" or "v7tar".
    explicit ArchiveBuilder(const char* format = "pax");
    ~ArchiveBuilder();
    ArchiveBuilder(const ArchiveBuilder&) = delete;
    ArchiveBuilder& operator=(const ArchiveBuilder&) = delete;

    ArchiveBuilder& file(const std::string& path, const std::string& content);
    ArchiveBuilder& directory(const std::string& path);
    ArchiveBuilder& symbolicLink(const std::string& path, const std::string& target);
    ArchiveBuilder& hardLink(const std::string& path, const std::string& target);
    ArchiveBuilder& device(const std::string& path);
    /// `content`, then a hole up to `size`.
    ArchiveBuilder& sparse(const std::string& path, const std::string& content, std::int64_t size);
    std::string tar(); ///< once

private:
    ArchiveBuilder& add(const std::string& path, unsigned type, const std::string& content,
                        const std::string& link = {}, bool hard = false, std::int64_t holeUpTo = -1);

    std::string _out;
    archive* _archive;
};

std::string gzip(const std::string& bytes);
std::string zstd(const std::string& bytes);

/// An empty core module of 8 bytes, followed by a custom section that makes it `size` bytes long with unlike bytes.
std::string coreModule(std::size_t size = 8);
std::string componentModule();

} // namespace wasmproxy::host
