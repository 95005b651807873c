// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Secret.h"

#include <chrono>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// A program to run, and all that it is given.
struct HelperCommand {
    std::string program;                  ///< absolute
    std::vector<std::string> arguments;   ///< behind its name
    std::vector<std::string> environment; ///< NAME=value; nothing is inherited
    std::string input;                    ///< its standard input; a few KiB at most
};

/// How it ended by itself.
struct HelperResult {
    static constexpr std::size_t MaxOutput = 64 * 1024;

    int status = 0;             ///< exit status, or -1
    int signal = 0;             ///< that killed it, or 0
    Secret output;              ///< its standard output
    std::size_t errorBytes = 0; ///< how much it wrote to standard error, which is never kept

    bool succeeded() const noexcept { return status == 0; }
    /// "exit 1, 123 bytes on stderr not shown".
    std::string ending() const;
};

/// Runs it in a process group of its own and waits for its end, not for that of what it left behind: the whole group is
/// killed then, as it is when the call's deadline or `limit` passes or the output is larger than MaxOutput. It gets
/// none of our descriptors, signal masks or environment. Throws Error: DeadlineExceeded where the call ended first,
/// else CredentialSourceFault. Thread-safe.
HelperResult runHelper(Call& call, const HelperCommand& command, std::chrono::milliseconds limit);

} // namespace wasmproxy::file
