// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::gcr {

/// What the process's surroundings say about Google, read once. Value type.
struct Environment {
    std::string credentialsFile; ///< GOOGLE_APPLICATION_CREDENTIALS
    std::string metadataHost;    ///< GCE_METADATA_HOST: host or host:port
    bool onGoogle = false;       ///< the machine is one of Google's

    static Environment read();
};

} // namespace wasmproxy::gcr
