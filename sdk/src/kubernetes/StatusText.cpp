// SPDX-License-Identifier: Apache-2.0
#include "StatusText.h"

#include <algorithm>

namespace wasmproxy::kubernetes {
namespace {

constexpr std::uint64_t LongestWait = 600; // seconds
constexpr std::size_t LongestText = 300;

std::string shown(std::string text) {
    if (text.size() > LongestText) text = text.substr(0, LongestText) + "...";
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return text;
}

} // namespace

StatusText StatusText::of(const StrictJson& status) {
    StatusText result;
    result.reason = shown(status.stringOr("reason", ""));
    result.message = shown(status.stringOr("message", ""));
    if (const auto code = status.find("code")) result.code = static_cast<int>(code->asUnsigned(999));
    if (const auto details = status.find("details"))
        if (const auto wait = details->find("retryAfterSeconds"))
            result.retryAfter = std::chrono::seconds(std::min(wait->asUnsigned(), LongestWait));
    return result;
}

void StatusText::waitAccording(const std::string& header) {
    if (header.empty() || header.size() > 6 || header.find_first_not_of("0123456789") != std::string::npos) return;
    retryAfter = std::chrono::seconds(std::min<std::uint64_t>(std::stoul(header), LongestWait));
}

ApiError StatusText::error(const std::string& what, const std::string& hint) const {
    ApiError result(code == 429 ? ErrorCode::TooManyRequests : ErrorCode::UpstreamUnavailable,
                    what + ": " + (message.empty() ? "" : message + " ") + "(" + std::to_string(code) +
                        (reason.empty() ? "" : " " + reason) + ")",
                    hint, code, reason);
    result.withRetryAfter(retryAfter);
    return result;
}

} // namespace wasmproxy::kubernetes
