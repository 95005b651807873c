// SPDX-License-Identifier: Apache-2.0
#include "wasm/UnpackBudget.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

[[noreturn]] void refuse(const std::string& layer, const std::string& reason) {
    throw Error(ErrorCode::ModuleUnusable, layer + " " + reason);
}

} // namespace

void UnpackBudget::startLayer() {
    _packed = 0;
    _unpackedOfLayer = 0;
}

void UnpackBudget::unpacked(std::size_t bytes, const std::string& layer) {
    constexpr std::uint64_t RatioFrom = 1u << 20;
    _unpacked += bytes;
    _unpackedOfLayer += bytes;
    if (_unpacked > _limits.archiveBytes)
        refuse(layer, "brings what must be unpacked to more than " + std::to_string(_limits.archiveBytes) + " bytes");
    if (_unpackedOfLayer > RatioFrom && _unpackedOfLayer / std::max(1u, _limits.ratio) > _packed)
        refuse(layer, "unpacks to more than " + std::to_string(_limits.ratio) + " times its size");
}

void UnpackBudget::entry(std::size_t nameBytes, const std::string& layer) {
    _nameBytes += nameBytes;
    if (++_entries > _limits.entries)
        refuse(layer, "brings the archive entries to more than " + std::to_string(_limits.entries));
    if (_nameBytes > _limits.nameBytes)
        refuse(layer,
               "brings the names of archive entries to more than " + std::to_string(_limits.nameBytes) + " bytes");
}

void UnpackBudget::look(const std::string& layer) {
    if (++_layers > _limits.layers)
        refuse(layer, "is one more than the " + std::to_string(_limits.layers) + " layers that are searched");
}

} // namespace wasmproxy::host
