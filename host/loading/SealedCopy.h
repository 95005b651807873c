// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "observe/OwnedFd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wasmproxy::host {

/// The content of a file, in memory that nobody can change any more: what is checked is what is opened, and writing to
/// the file reaches no running code.
class SealedCopy {
public:
    static constexpr std::uint64_t MaxSize = 256u << 20;

    /// Copies all of `source`; `file` names it. Throws Error{PluginFault}.
    SealedCopy(int source, const std::string& file);
    ~SealedCopy();
    SealedCopy(const SealedCopy&) = delete;
    SealedCopy& operator=(const SealedCopy&) = delete;

    int descriptor() const noexcept { return _fd.get(); }
    std::string path() const { return "/proc/self/fd/" + std::to_string(_fd.get()); }
    std::string_view bytes() const noexcept { return {_bytes, _size}; }

    /// Never closes the descriptor. For opened libraries: the dynamic linker knows them by path(), so its number must
    /// not come to mean another file.
    void keepOpen() noexcept { _fd.release(); }

private:
    OwnedFd _fd;
    const char* _bytes = nullptr;
    std::size_t _size = 0;
};

} // namespace wasmproxy::host
