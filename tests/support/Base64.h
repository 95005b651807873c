// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Base64Encoder.h>

#include <sstream>
#include <string>

namespace wasmproxy::test {

/// On one line; `options` as Poco's encoder has them.
inline std::string base64(const std::string& bytes, int options = 0) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out, options);
    encoder.rdbuf()->setLineLength(0);
    encoder << bytes;
    encoder.close();
    return out.str();
}

/// As URLs have it, without padding.
inline std::string base64Url(const std::string& bytes) {
    return base64(bytes, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
}

} // namespace wasmproxy::test
