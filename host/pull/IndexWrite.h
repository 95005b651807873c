// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <string>

namespace wasmproxy::host {

/// Runs a write to the DigestIndex. Where the disk behind it fails, memory is right all the same: that is logged, and
/// no pull fails for it.
template <class Write>
void writeIndex(const std::string& requestId, Write&& write) {
    try {
        write();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::StorageFault) throw;
        log(LogLevel::Error, "the index could not be written; it is kept in memory",
            {{"request", requestId}, {"cause", error.what()}, {"hint", error.hint()}});
    }
}

} // namespace wasmproxy::host
