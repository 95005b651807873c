// SPDX-License-Identifier: Apache-2.0
#include "wasm/ArchiveInput.h"

#include "wasm/Printable.h"
#include "wasmproxy/oci/Error.h"

#include <archive.h>

#include <cerrno>
#include <new>

namespace wasmproxy::host {

namespace {
constexpr std::size_t ChunkBytes = 32 * 1024;
}

ArchiveInput::ArchiveInput(std::unique_ptr<BodyReader> source, std::string layer, Watch watch)
    : _source(std::move(source)),
      _layer(std::move(layer)),
      _watch(std::move(watch)),
      _buffer(ChunkBytes),
      _archive(archive_read_new()) {
    if (!_archive) throw std::bad_alloc();
}

ArchiveInput::~ArchiveInput() {
    archive_read_free(_archive);
}

void ArchiveInput::open() {
    check(archive_read_open2(_archive, this, nullptr, &ArchiveInput::readCallback, nullptr, nullptr));
}

long ArchiveInput::readCallback(archive* handle, void* self, const void** bytes) {
    auto& input = *static_cast<ArchiveInput*>(self);
    if (input._failure) return ARCHIVE_FATAL;
    try {
        *bytes = input._buffer.data();
        return static_cast<long>(input.fill());
    } catch (...) {
        input._failure = std::current_exception();
        archive_set_error(handle, EIO, "the source failed");
        return ARCHIVE_FATAL;
    }
}

std::size_t ArchiveInput::fill() {
    const std::size_t count = _source->read(_buffer.data(), _buffer.size());
    if (count > _allowance)
        throw Error(ErrorCode::ModuleUnusable, _layer + " has an archive entry whose header is too large");
    _allowance -= count;
    if (_watch) _watch(_buffer.data(), count);
    return count;
}

long ArchiveInput::check(long result) {
    // A failure of the source may be taken for an end of the data, so it is looked at first.
    if (_failure) std::rethrow_exception(_failure);
    if (result < ARCHIVE_OK && result != ARCHIVE_WARN) fail();
    return result;
}

std::size_t ArchiveInput::checkCount(long result) {
    if (check(result) < 0) fail();
    return static_cast<std::size_t>(result);
}

void ArchiveInput::fail() {
    const char* words = archive_error_string(_archive);
    throw Error(ErrorCode::ModuleUnusable,
                _layer + " cannot be unpacked: " + printable(words ? words : "unknown reason"));
}

} // namespace wasmproxy::host
