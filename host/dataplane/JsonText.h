// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::host {

/// `text` as a JSON string with its quotes, pure ASCII: what is not valid UTF-8 becomes U+FFFD. Poco's writer passes
/// broken UTF-8 on, and these texts may quote what a client sent.
std::string jsonText(std::string_view text);

} // namespace wasmproxy::host
