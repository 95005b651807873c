// SPDX-License-Identifier: Apache-2.0
// What is accepted, written out again from what the getters say, reads back as the same; keys are unique, and an
// integer is the digits that stood there.
#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/oci/Error.h"

#include "Oracle.h"

#include <cmath>
#include <set>

using namespace wasmproxy;

namespace {

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        char escaped[8];
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
            std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            result += escaped;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

template <class Action>
bool works(Action action) {
    try {
        action();
        return true;
    } catch (const Error& e) {
        REQUIRE(e.code() == ErrorCode::UpstreamInvalid);
        for (const char c : std::string(e.what()))
            REQUIRE(c >= 0x20 && c < 0x7f);
        return false;
    }
}

std::string written(const StrictJson& json) {
    std::string text;
    if (json.isNull()) return "null";
    if (json.isString()) return quoted(json.asString());
    if (json.isArray()) {
        for (const auto& item : json.items())
            text += (text.empty() ? "" : ",") + written(item);
        return "[" + text + "]";
    }
    if (json.isObject()) {
        std::set<std::string> keys;
        for (const auto& [key, value] : json.members()) {
            REQUIRE(keys.insert(key).second);
            REQUIRE(key.find('\0') == std::string::npos);
            text += (text.empty() ? "" : ",") + quoted(key) + ":" + written(value);
        }
        return "{" + text + "}";
    }
    std::uint64_t integer = 0;
    double number = 0;
    bool flag = false;
    if (works([&] { flag = json.asBool(); })) return flag ? "true" : "false";
    if (works([&] { integer = json.asUnsigned(~std::uint64_t(0)); })) return std::to_string(integer);
    if (!works([&] { number = json.asNumber(); })) return "null"; // in no range of ours
    REQUIRE(std::isfinite(number));
    char buffer[40];
    std::snprintf(buffer, sizeof(buffer), "%.17g", number);
    return buffer;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string once;
    if (!works([&] { once = written(StrictJson::parse(text, "doc", ErrorCode::UpstreamInvalid)); })) return 0;
    if (once.find('e') != std::string::npos && once.size() > (1u << 19)) return 0;
    REQUIRE(written(StrictJson::parse(once, "doc", ErrorCode::UpstreamInvalid)) == once);
    return 0;
}
