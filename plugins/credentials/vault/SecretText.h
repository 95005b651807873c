// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/SecretText.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy::vault {

/// `{"name":"value",…}`, built without leaving copies of the values behind.
Secret jsonObject(const std::vector<std::pair<std::string_view, std::string_view>>& members);

} // namespace wasmproxy::vault
