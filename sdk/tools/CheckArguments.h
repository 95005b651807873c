// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::tools {

/// The command line of wasmproxy-plugin-check. Value type.
struct CheckArguments {
    std::string file;
    std::string component; ///< only the component of this name; empty: all
    std::vector<KeyValue> settings;
    bool list = false; ///< list components and settings, check no more

    // Registry backends; empty: the suite's own choice.
    std::string host;
    std::string origin;
    std::string path;
    // Credential sources.
    std::string present;
    std::string absent = "registry.invalid/absent/repository";
    std::string username;
    // Cache stores.
    bool persistent = true;
    std::uint64_t bigBlob = 0; ///< bytes; 0: the suite's own choice

    static const char* usage();
    /// Throws Error{SettingsInvalid} with what is wrong.
    static CheckArguments parse(int count, char** arguments);
};

} // namespace wasmproxy::tools
