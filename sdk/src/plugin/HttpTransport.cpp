// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/HttpTransport.h"

#include "wasmproxy/plugin/Secret.h"

#include <array>

namespace wasmproxy {

namespace {

bool equalIgnoringCase(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

} // namespace

std::string HttpResponse::header(std::string_view name) const {
    for (const auto& header : headers())
        if (equalIgnoringCase(header.name, name)) return header.value;
    return {};
}

std::vector<std::string> HttpResponse::headerValues(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& header : headers())
        if (equalIgnoringCase(header.name, name)) values.push_back(header.value);
    return values;
}

std::string HttpResponse::readAll(std::size_t limit, const char* what) {
    std::string body;
    std::array<char, 16384> buffer;
    while (const auto size = read(buffer.data(), buffer.size())) {
        if (size > limit - body.size())
            throw Error(ErrorCode::UpstreamInvalid,
                        std::string(what) + " is larger than " + std::to_string(limit) + " bytes");
        if (size > body.capacity() - body.size()) { // what is outgrown may hold a token
            std::string grown;
            grown.reserve(2 * (body.size() + size));
            grown.append(body);
            body.swap(grown);
            Secret::wipe(grown);
        }
        body.append(buffer.data(), size);
    }
    return body;
}

} // namespace wasmproxy
