// SPDX-License-Identifier: Apache-2.0
#include "RegistryAnswer.h"

#include "wasmproxy/oci/MediaType.h"
#include "wasmproxy/oci/StrictJson.h"

#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeParser.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace wasmproxy {

namespace {

constexpr std::size_t MessageLimit = 300;
constexpr std::size_t ErrorBodyLimit = 64 * 1024;
constexpr std::int64_t LongestRetryAfter = 3600;

/// Length of the well-formed UTF-8 sequence at `text`'s begin, 0: it is broken.
std::size_t decode(std::string_view text, std::uint32_t& point) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || length > text.size()) return 0;
    point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) return 0;
        point = (point << 6) | (byte & 0x3fu);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    return overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : length;
}

bool isInvisible(std::uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xe0000 && point <= 0xe007f);
}

/// `https://storage/x?X-Amz-Signature=…` -> `https://storage/x?...`
void dropQueries(std::string& text) {
    for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
        const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>", at), text.size());
        const std::size_t query = text.find('?', at);
        if (query < end) text.replace(query + 1, end - query - 1, "...");
    }
}

std::string messageOf(const StrictJson& json) {
    if (const auto errors = json.find("errors"); errors && errors->isArray()) {
        const auto items = errors->items();
        if (!items.empty() && items.front().isObject())
            return items.front().stringOr("message", items.front().stringOr("code", ""));
    }
    for (const char* key : {"message", "details", "error_description", "error"})
        if (const auto text = json.find(key); text && text->isString()) return text->asString();
    return {};
}

} // namespace

std::string presentable(std::string_view text, const std::vector<std::string_view>& secrets) {
    std::string whole(text.substr(0, ErrorBodyLimit));
    for (const auto& secret : secrets) {
        if (secret.size() < 4) continue; // such a short one hides in any text and its absence would tell more
        for (std::size_t at = whole.find(secret); at != std::string::npos; at = whole.find(secret, at))
            whole.replace(at, secret.size(), "<redacted>");
    }
    dropQueries(whole);
    std::string result;
    for (std::size_t at = 0; at < whole.size() && result.size() < MessageLimit;) {
        std::uint32_t point = 0;
        const std::size_t length = decode(std::string_view(whole).substr(at), point);
        if (length == 0) {
            result += '?';
        } else if (point == ' ' || isInvisible(point)) {
            if (!result.empty() && result.back() != ' ') result += ' ';
        } else if (result.size() + length <= MessageLimit) {
            result.append(whole, at, length);
        } else {
            break;
        }
        at += std::max<std::size_t>(length, 1);
    }
    while (!result.empty() && result.back() == ' ')
        result.pop_back();
    return result;
}

std::string errorMessage(HttpResponse& response) {
    std::string body;
    try {
        std::array<char, 4096> buffer;
        while (body.size() < ErrorBodyLimit) {
            const std::size_t size = response.read(buffer.data(), buffer.size());
            if (size == 0) break;
            body.append(buffer.data(), size);
        }
    } catch (const Error&) {
        // The status says enough; what broke while reading the explanation does not matter.
    }
    const std::string type = media::essence(response.header("Content-Type"));
    if (type == "text/html" || body.compare(0, 1, "<") == 0) return {};
    try {
        return messageOf(StrictJson::parse(body, "error body", ErrorCode::UpstreamInvalid));
    } catch (const Error&) {
        return body.size() <= 1024 ? body : std::string();
    }
}

std::chrono::seconds retryAfter(const HttpResponse& response, std::chrono::system_clock::time_point now) {
    const std::string value = response.header("Retry-After");
    if (value.empty()) return std::chrono::seconds(0);
    std::int64_t seconds = 0;
    if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        seconds = value.size() > 6 ? LongestRetryAfter : std::stol(value);
    } else {
        Poco::DateTime date;
        int zone = 0;
        if (!Poco::DateTimeParser::tryParse(Poco::DateTimeFormat::HTTP_FORMAT, value, date, zone))
            return std::chrono::seconds(0);
        seconds = date.timestamp().epochTime() - std::chrono::system_clock::to_time_t(now);
    }
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, LongestRetryAfter));
}

ErrorCode codeOfStatus(int status) noexcept {
    switch (status) {
    case 401:
        return ErrorCode::CredentialRefused;
    case 403:
        return ErrorCode::RepositoryDenied;
    case 408:
        return ErrorCode::UpstreamUnavailable;
    case 412:
        return ErrorCode::Blocked;
    case 429:
        return ErrorCode::TooManyRequests;
    default:
        return status >= 500 ? ErrorCode::UpstreamUnavailable : ErrorCode::UpstreamInvalid;
    }
}

} // namespace wasmproxy
