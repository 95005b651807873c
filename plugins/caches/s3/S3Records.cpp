// SPDX-License-Identifier: Apache-2.0
#include "S3Records.h"

#include "wasmproxy/oci/Digest.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

constexpr std::string_view Magic = "wasm-proxy record 1\n";
constexpr std::size_t Limit = SharedStore::MaxRecord + SharedStore::MaxKey + 64;

std::string objectOf(const std::string& key) {
    return "records/" + std::string(Digest::of(key).hex());
}

void check(const std::string& key) {
    const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (key.empty() || key.size() > SharedStore::MaxKey || !plain)
        throw Error(ErrorCode::Internal, "a record's key is empty, too long or not printable");
}

std::string_view lineOf(std::string_view& rest) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
}

} // namespace

std::optional<std::string> S3Records::record(Call& call, const std::string& key) {
    check(key);
    const auto found = _client->fetchText(call, objectOf(key), Limit);
    if (!found) return {};
    std::string_view rest = *found;
    if (rest.substr(0, Magic.size()) != Magic) return {}; // of somebody else, or of a later version
    rest.remove_prefix(Magic.size());
    if (lineOf(rest) != key) return {};
    const auto until = lineOf(rest);
    const bool number = !until.empty() && until.size() <= 12 &&
                        std::all_of(until.begin(), until.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number || rest.size() > MaxRecord) return {};
    if (std::stoll(std::string(until)) <= std::chrono::system_clock::to_time_t(_host.now())) return {};
    return std::string(rest);
}

void S3Records::putRecord(Call& call, const std::string& key, const std::string& value, std::chrono::seconds lifetime) {
    check(key);
    if (value.size() > MaxRecord) throw Error(ErrorCode::Internal, "a record is larger than 64 KiB");
    if (lifetime.count() <= 0) return removeRecord(call, key);
    const auto longest = std::chrono::hours(24 * 365 * 10);
    const auto until =
        std::chrono::system_clock::to_time_t(_host.now() + std::min<std::chrono::seconds>(lifetime, longest));
    _client->storeText(call, objectOf(key), std::string(Magic) + key + "\n" + std::to_string(until) + "\n" + value);
}

void S3Records::removeRecord(Call& call, const std::string& key) {
    check(key);
    _client->remove(call, objectOf(key));
}

} // namespace wasmproxy::s3
