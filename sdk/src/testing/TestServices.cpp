// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/TestServices.h"

#include <algorithm>

namespace wasmproxy::testing {

HttpTransport& TestServices::http() {
    if (!_http) throw Error(ErrorCode::Internal, "this test gave its plugin no HttpTransport");
    return *_http;
}

void TestServices::log(LogLevel level, const std::string& line) noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    _lines.push_back({level, line});
}

std::vector<TestServices::Line> TestServices::lines() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _lines;
}

bool TestServices::logged(const std::string& part) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return std::any_of(_lines.begin(), _lines.end(),
                       [&](const Line& line) { return line.text.find(part) != std::string::npos; });
}

} // namespace wasmproxy::testing
