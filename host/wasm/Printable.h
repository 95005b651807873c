// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::host {

/// An image author's words, made fit for logs, JSON and terminals: whatever is not printable ASCII becomes `\xNN`, and
/// what goes past `limit` characters is cut and marked.
std::string printable(std::string_view text, std::size_t limit = 200);

} // namespace wasmproxy::host
