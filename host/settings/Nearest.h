// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace wasmproxy::host {

/// The candidate that `word` was most likely meant to be; "" if none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

} // namespace wasmproxy::host
