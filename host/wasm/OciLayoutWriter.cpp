// SPDX-License-Identifier: Apache-2.0
#include "wasm/OciLayoutWriter.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include <archive.h>
#include <archive_entry.h>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <memory>
#include <new>
#include <sstream>
#include <vector>

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 256 * 1024;

std::string indexOf(const Descriptor& manifest) {
    Poco::JSON::Object entry(Poco::JSON_PRESERVE_KEY_ORDER);
    entry.set("mediaType", manifest.mediaType);
    entry.set("digest", manifest.digest.str());
    entry.set("size", static_cast<Poco::UInt64>(manifest.size));
    if (!manifest.annotations.empty()) {
        Poco::JSON::Object annotations;
        for (const auto& [key, value] : manifest.annotations)
            annotations.set(key, value);
        entry.set("annotations", annotations);
    }
    Poco::JSON::Array manifests;
    manifests.add(entry);
    Poco::JSON::Object index(Poco::JSON_PRESERVE_KEY_ORDER);
    index.set("schemaVersion", 2);
    index.set("mediaType", media::OciIndex);
    index.set("manifests", manifests);
    std::ostringstream out;
    index.stringify(out);
    return out.str();
}

} // namespace

OciLayoutWriter::OciLayoutWriter(int descriptor) : _archive(archive_write_new()) {
    if (!_archive) throw std::bad_alloc();
    try {
        check(archive_write_set_format_pax_restricted(_archive)); // plain ustar, but for what does not fit in it
        check(archive_write_set_bytes_in_last_block(_archive, 1));
        check(archive_write_open_fd(_archive, descriptor));
        file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    } catch (...) {
        archive_write_free(_archive);
        throw;
    }
}

OciLayoutWriter::~OciLayoutWriter() {
    archive_write_free(_archive);
}

void OciLayoutWriter::add(Call& call, const Digest& digest, Blob& content) {
    if (!_written.insert(digest).second) return;
    begin("blobs/" + std::string(digest.algorithm()) + "/" + std::string(digest.hex()), content.size());
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t offset = 0;
    while (const auto count = content.read(offset, chunk.data(), chunk.size())) {
        write(chunk.data(), count);
        offset += count;
        call.check("writing the archive");
    }
    if (offset != content.size()) throw Error(ErrorCode::StorageFault, "cached content ended early: " + digest.str());
}

void OciLayoutWriter::finish(const Descriptor& manifest) {
    file("index.json", indexOf(manifest));
    check(archive_write_close(_archive));
}

void OciLayoutWriter::file(const std::string& path, const std::string& bytes) {
    begin(path, bytes.size());
    write(bytes.data(), bytes.size());
}

void OciLayoutWriter::begin(const std::string& path, std::uint64_t size) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
    if (!entry) throw std::bad_alloc();
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    check(archive_write_header(_archive, entry.get()));
}

void OciLayoutWriter::write(const char* bytes, std::size_t size) {
    while (size > 0) {
        const auto written = archive_write_data(_archive, bytes, size);
        if (written <= 0) check(ARCHIVE_FATAL);
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
}

void OciLayoutWriter::check(int result) {
    if (result >= ARCHIVE_OK || result == ARCHIVE_WARN) return;
    const char* words = archive_error_string(_archive);
    throw Error(ErrorCode::StorageFault, std::string("the archive cannot be written: ") + (words ? words : "?"),
                "free space in the folder for temporary files");
}

} // namespace wasmproxy::host
