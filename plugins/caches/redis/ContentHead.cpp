// SPDX-License-Identifier: Apache-2.0
#include "ContentHead.h"

#include <charconv>

namespace wasmproxy::redis {

std::string ContentHead::str() const {
    return "1 " + std::to_string(size) + " " + upload;
}

std::optional<ContentHead> ContentHead::parse(std::string_view text) {
    if (text.size() > MaxText || text.substr(0, 2) != "1 ") return std::nullopt;
    ContentHead head;
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data() + 2, end, head.size);
    if (number.ec != std::errc() || number.ptr == end || *number.ptr != ' ') return std::nullopt;
    head.upload.assign(number.ptr + 1, end);
    if (head.size > MaxSize || head.upload.size() != 32 ||
        head.upload.find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::nullopt;
    return head;
}

} // namespace wasmproxy::redis
