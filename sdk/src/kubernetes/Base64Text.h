// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/Base64.h"
#include "wasmproxy/plugin/Secret.h"

#include <optional>
#include <string_view>

namespace wasmproxy::kubernetes {

inline std::optional<Secret> secretFromBase64(std::string_view text) {
    auto decoded = decodeBase64(text);
    if (!decoded) return {};
    Secret result(*decoded);
    Secret::wipe(*decoded);
    return result;
}

} // namespace wasmproxy::kubernetes
