// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace wasmproxy::s3 {

/// A content on its way: a file without a name, in memory or in a directory. It goes with this object, whatever
/// happens to the process. Written by one thread, then read by many.
class Spool {
public:
    /// `directory` empty: in memory. Throws Error{StorageFault}, as all here.
    Spool(const std::string& directory, std::uint64_t limit);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    void append(const char* bytes, std::size_t size);
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) const;
    std::uint64_t size() const noexcept { return _size; }
    int descriptor() const noexcept { return _file; }

private:
    [[noreturn]] void fail(const char* doing, int number) const;

    const std::string _directory;
    const std::uint64_t _limit;
    int _file;
    std::uint64_t _size = 0;
};

} // namespace wasmproxy::s3
