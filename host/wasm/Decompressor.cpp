// SPDX-License-Identifier: Apache-2.0
#include "wasm/Decompressor.h"

#include "wasm/ZstdFrames.h"

#include <archive.h>
#include <archive_entry.h>

namespace wasmproxy::host {

namespace {

constexpr std::uint64_t MaxZstdWindow = 32u << 20;

ArchiveInput::Watch watchFor(ContentShape shape, const std::string& layer) {
    if (shape != ContentShape::Zstd) return {};
    auto frames = std::make_shared<ZstdFrames>(layer, MaxZstdWindow);
    return [frames](const char* bytes, std::size_t size) { frames->see(bytes, size); };
}

} // namespace

Decompressor::Decompressor(std::unique_ptr<BodyReader> source, ContentShape shape, const std::string& layer,
                           UnpackBudget& budget)
    : _input(std::move(source), layer, watchFor(shape, layer)), _layer(layer), _budget(budget) {
    archive* const handle = _input.handle();
    const int filter = shape == ContentShape::Zstd ? ARCHIVE_FILTER_ZSTD : ARCHIVE_FILTER_GZIP;
    _input.check(archive_read_append_filter(handle, filter));
    _input.check(archive_read_support_format_raw(handle));
    _input.check(archive_read_support_format_empty(handle));
    _input.open();
    // A decoder that fails on its first block looks like an empty stream to libarchive's formats, but leaves its error.
    if (archive_errno(handle) != 0) _input.fail();
    archive_entry* entry = nullptr;
    _empty = _input.check(archive_read_next_header(handle, &entry)) == ARCHIVE_EOF;
}

std::size_t Decompressor::read(char* buffer, std::size_t size) {
    if (_empty) return 0;
    const auto count = _input.checkCount(archive_read_data(_input.handle(), buffer, size));
    _budget.unpacked(count, _layer);
    return count;
}

} // namespace wasmproxy::host
