// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy::host {

/// What a core module says of itself. Names are printable ASCII: other bytes stand as `\xNN`, names of more than 4 KiB
/// are left out. Source: WebAssembly core spec, binary format; proxy-wasm ABI.
struct ModuleFacts {
    std::string proxyAbi;             ///< "0.2.1" from the function export `proxy_abi_version_0_2_1`; empty: none
    std::vector<std::string> exports; ///< names, at most 1,000
    std::vector<std::string> imports; ///< "module.name", at most 1,000
};

/// What is wrong with content that begins like that ("is a WebAssembly component …", "is not WebAssembly but an HTML
/// page"); empty where it is a core module's header. Pure.
std::string moduleHeaderProblem(std::string_view beginning);

/// Throws Error{ModuleUnusable} unless the bytes begin with a core module's header; says so if it is a component.
void checkModuleHeader(const char* bytes, std::size_t size);

/// Walks the section headers and reads imports and exports; bounded in time and memory whatever the bytes are. Throws
/// Error{ModuleUnusable} where sections overrun the file. Thread-safe.
ModuleFacts inspectModule(Blob& module);

} // namespace wasmproxy::host
