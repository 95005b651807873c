// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/BodyReader.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct archive;

namespace wasmproxy::host {

/// A libarchive reader that is fed from a BodyReader. No exception crosses libarchive's C: what the source throws is
/// kept and thrown again by check(). One thread at a time.
class ArchiveInput {
public:
    /// Sees every chunk that goes to libarchive; may throw.
    using Watch = std::function<void(const char* bytes, std::size_t size)>;

    ArchiveInput(std::unique_ptr<BodyReader> source, std::string layer, Watch watch = {});
    ~ArchiveInput();
    ArchiveInput(const ArchiveInput&) = delete;
    ArchiveInput& operator=(const ArchiveInput&) = delete;

    archive* handle() const { return _archive; }
    void open(); ///< once formats and filters are set

    /// How much the calls up to the next allow() may take from the source: some of libarchive's allocations grow with
    /// what it reads in one call (sparse maps, pax headers).
    void allow(std::uint64_t bytes) { _allowance = bytes; }

    /// Throws unless `result` is a success, a warning or the end: the source's exception, or Error{ModuleUnusable} with
    /// libarchive's words. Returns `result`.
    long check(long result);
    std::size_t checkCount(long result); ///< of a read: a warning is an error too
    [[noreturn]] void fail();            ///< with libarchive's words

private:
    static long readCallback(archive* handle, void* self, const void** bytes);
    std::size_t fill();

    std::unique_ptr<BodyReader> _source;
    std::string _layer;
    Watch _watch;
    std::vector<char> _buffer;
    std::uint64_t _allowance = ~std::uint64_t(0);
    std::exception_ptr _failure;
    archive* _archive;
};

} // namespace wasmproxy::host
