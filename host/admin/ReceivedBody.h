// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <istream>
#include <string>

namespace wasmproxy::host {

/// The body of one request as it comes in: into memory, or into a temporary file that goes with this.
class ReceivedBody {
public:
    ReceivedBody() = default;
    ~ReceivedBody() { remove(); }
    ReceivedBody(const ReceivedBody&) = delete;
    ReceivedBody& operator=(const ReceivedBody&) = delete;

    /// Reads `length` bytes. Throws RequestRefusal where they end early.
    static std::string read(std::istream& from, std::uint64_t length);
    /// The same into a file of `directory` (empty: the system's) that only this user may read. Also throws
    /// Error{StorageFault}.
    const std::string& readToFile(std::istream& from, std::uint64_t length, const std::string& directory);

    void remove() noexcept; ///< the file, which nobody needs any more

    /// Removes what a process that was killed left in `directory`.
    static void removeLeftovers(const std::string& directory);

private:
    std::string _file;
};

} // namespace wasmproxy::host
