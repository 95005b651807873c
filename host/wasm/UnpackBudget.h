// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ModuleFinder.h"

#include <cstdint>
#include <string>

namespace wasmproxy::host {

/// What unpacking may still cost; every stage charges here while it streams. Throws Error{ModuleUnusable} that names
/// the layer. One thread at a time.
class UnpackBudget {
public:
    explicit UnpackBudget(const ModuleLimits& limits) : _limits(limits) {}

    void startLayer(); ///< the ratio is the layer's own; all else adds up
    void packed(std::size_t bytes) { _packed += bytes; }
    void unpacked(std::size_t bytes, const std::string& layer);
    void entry(std::size_t nameBytes, const std::string& layer);
    void look(const std::string& layer); ///< one more layer is searched

private:
    ModuleLimits _limits;
    std::uint64_t _packed = 0;
    std::uint64_t _unpackedOfLayer = 0;
    std::uint64_t _unpacked = 0;
    std::uint64_t _entries = 0;
    std::uint64_t _nameBytes = 0;
    unsigned _layers = 0;
};

} // namespace wasmproxy::host
