// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleInspector.h"

#include "wasm/ContentShape.h"
#include "wasm/Printable.h"
#include "wasm/WasmCursor.h"
#include "wasmproxy/oci/Error.h"

#include <cctype>
#include <optional>

namespace wasmproxy::host {

using namespace std::string_view_literals;

namespace {

constexpr std::size_t MaxNames = 1000;
constexpr std::uint32_t MaxWalked = 1000000; // engines take no more imports or exports than that
constexpr std::uint32_t MaxSections = 1000000;
constexpr std::size_t MaxNameBytes = 4096;

enum SectionId : unsigned { ImportSection = 2, ExportSection = 7 };
enum Kind : unsigned { Function = 0, Table = 1, Memory = 2, Global = 3, Tag = 4 };

void skipValueType(WasmCursor& cursor) {
    const unsigned type = cursor.byte();
    if (type == 0x63 || type == 0x64) cursor.leb(33); // a typed reference, which names a heap type
}

void skipLimits(WasmCursor& cursor) {
    const unsigned flags = cursor.byte();
    cursor.leb(64);
    if (flags & 1) cursor.leb(64);
}

void skipImportType(WasmCursor& cursor) {
    switch (const unsigned kind = cursor.byte()) {
    case Function:
        cursor.leb(32);
        break;
    case Table:
        skipValueType(cursor);
        skipLimits(cursor);
        break;
    case Memory:
        skipLimits(cursor);
        break;
    case Global:
        skipValueType(cursor);
        cursor.byte();
        break;
    case Tag:
        cursor.byte();
        cursor.leb(32);
        break;
    default:
        cursor.fail("has an import of unknown kind " + std::to_string(kind));
    }
}

void readImports(WasmCursor& cursor, ModuleFacts& facts) {
    const std::uint64_t count = cursor.leb(32);
    for (std::uint64_t i = 0; i < count && i < MaxWalked; ++i) {
        const auto module = cursor.name(MaxNameBytes);
        const auto name = cursor.name(MaxNameBytes);
        skipImportType(cursor);
        if (module && name && facts.imports.size() < MaxNames)
            facts.imports.push_back(printable(*module, 4 * MaxNameBytes) + "." + printable(*name, 4 * MaxNameBytes));
    }
}

/// "0.2.1" of "proxy_abi_version_0_2_1"; empty for anything else.
std::string abiOf(std::string_view name) {
    constexpr std::string_view Start = "proxy_abi_version_";
    if (name.substr(0, Start.size()) != Start || name.size() > Start.size() + 20) return {};
    std::string version;
    unsigned dots = 0;
    bool digit = false;
    for (const char c : name.substr(Start.size())) {
        if (c == '_' && digit) {
            ++dots;
            digit = false;
            version += '.';
        } else if (std::isdigit(static_cast<unsigned char>(c))) {
            digit = true;
            version += c;
        } else {
            return {};
        }
    }
    return digit && dots == 2 ? version : std::string();
}

void readExports(WasmCursor& cursor, ModuleFacts& facts) {
    const std::uint64_t count = cursor.leb(32);
    for (std::uint64_t i = 0; i < count && i < MaxWalked; ++i) {
        const auto name = cursor.name(MaxNameBytes);
        const unsigned kind = cursor.byte();
        cursor.leb(32);
        if (!name) continue;
        if (kind == Function && facts.proxyAbi.empty()) facts.proxyAbi = abiOf(*name);
        if (facts.exports.size() < MaxNames) facts.exports.push_back(printable(*name, 4 * MaxNameBytes));
    }
}

} // namespace

std::string moduleHeaderProblem(std::string_view beginning) {
    if (beginning.substr(0, 4) != "\0asm"sv) {
        if (beginning.empty()) return "is empty";
        return "is not WebAssembly but " + describeBytes(beginning);
    }
    if (beginning.size() < 8) return "ends inside WebAssembly's header";
    const std::string_view version = beginning.substr(4, 4);
    if (version == "\x01\0\0\0"sv) return {};
    if (version == "\x0d\0\x01\0"sv)
        return "is a WebAssembly component (WASI preview 2), which proxies cannot load: build a core module";
    // A component's layer word is 1 in every version; a module's is 0.
    if (version.substr(2) == "\x01\0"sv)
        return "is a WebAssembly component of an unknown version, which proxies cannot load: build a core module";
    return "has a version of WebAssembly that proxies cannot load (" + describeBytes(version) + ")";
}

void checkModuleHeader(const char* bytes, std::size_t size) {
    const std::string problem = moduleHeaderProblem({bytes, size});
    if (!problem.empty()) throw Error(ErrorCode::ModuleUnusable, "the content " + problem);
}

ModuleFacts inspectModule(Blob& module) {
    WasmCursor cursor(module);
    const std::string header = cursor.beginning();
    checkModuleHeader(header.data(), header.size());
    ModuleFacts facts;
    std::uint32_t sections = 0;
    while (!cursor.atEnd()) {
        if (++sections > MaxSections) cursor.fail("has more than " + std::to_string(MaxSections) + " sections");
        const unsigned id = cursor.byte();
        cursor.enter(cursor.leb(32));
        if (id == ImportSection) readImports(cursor, facts);
        if (id == ExportSection) readExports(cursor, facts);
        cursor.leave();
    }
    return facts;
}

} // namespace wasmproxy::host
