// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wasmproxy {

/// What a plugin says about itself in its note (see Abi.h).
struct PluginIdentity {
    std::uint32_t revision = 0;
    std::string signature;
    std::string id;
    std::string version;
};

/// The build signature of this program or library.
const char* buildSignature() noexcept;

/// `[a-z][a-z0-9-]*`, at most 63 characters: ids of plugins and names of components.
bool isPluginName(std::string_view name) noexcept;

/// Reads the note from the bytes of an ELF file; runs nothing of it. Throws Error{PluginFault} where the bytes are not
/// a whole 64-bit shared library for this machine, or have no note, or a broken one. `file` names it in errors.
PluginIdentity readPluginNote(std::string_view elf, const std::string& file);

/// Throws Error{PluginFault} where a plugin of that identity cannot be opened by this program.
void requireCompatible(const PluginIdentity& identity, const std::string& file);

} // namespace wasmproxy
