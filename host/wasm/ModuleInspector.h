// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstddef>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// What a core module says of itself. Source: WebAssembly core spec, binary format; proxy-wasm ABI.
struct ModuleFacts {
    std::string proxyAbi;             ///< "0.2.1" from the export `proxy_abi_version_0_2_1`; empty: none
    std::vector<std::string> exports; ///< names, at most 1,000
    std::vector<std::string> imports; ///< "module.name", at most 1,000
};

/// Throws Error{ModuleUnusable} unless the eight bytes are a core module's header; says so if it is a component.
void checkModuleHeader(const char* bytes, std::size_t size);

/// Walks the section headers and reads imports and exports; bounded in time and memory whatever the bytes are. Throws
/// Error{ModuleUnusable} where sections overrun the file. Thread-safe.
ModuleFacts inspectModule(Blob& module);

} // namespace wasmproxy::host
