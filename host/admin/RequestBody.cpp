// SPDX-License-Identifier: Apache-2.0
#include "admin/RequestBody.h"

#include "admin/Refusal.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr const char* What = "the request's body";

std::string listed(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& key : keys)
        text += (text.empty() ? "" : ", ") + key;
    return text;
}

} // namespace

template <class Read>
auto RequestBody::reading(Read read) const {
    try {
        return read();
    } catch (const Error& error) {
        throw Refusal::invalid(error.what(), error.hint());
    }
}

RequestBody::RequestBody(const AdminRequest& request, const std::vector<std::string>& known) {
    if (request.body.empty()) return;
    reading([&] {
        StrictJson::Limits limits;
        limits.bytes = request.body.size();
        _json = StrictJson::parse(request.body, What, ErrorCode::ReferenceInvalid, limits);
        if (!_json->isObject()) throw Refusal::invalid(std::string(What) + " must be a JSON object");
        for (const auto& member : _json->members())
            if (std::find(known.begin(), known.end(), member.first) == known.end())
                throw Refusal::invalid(std::string(What) + " has an unknown key; known are " + listed(known));
    });
}

std::string RequestBody::text(const std::string& key) const {
    if (!_json) return {};
    return reading([&] { return _json->stringOr(key, {}); });
}

std::string RequestBody::needed(const std::string& key) const {
    auto value = text(key);
    if (value.empty()) throw Refusal::invalid(std::string(What) + " lacks " + key);
    return value;
}

std::vector<std::string> RequestBody::texts(const std::string& key, std::size_t most) const {
    std::vector<std::string> values;
    if (_json)
        reading([&] {
            const auto list = _json->find(key);
            if (!list) return;
            for (const auto& item : list->items())
                values.push_back(item.asString());
        });
    if (values.empty() || values.size() > most)
        throw Refusal::invalid(key + " must be a list of 1 to " + std::to_string(most) + " texts");
    return values;
}

std::uint64_t RequestBody::number(const std::string& key, std::uint64_t fallback) const {
    if (!_json) return fallback;
    return reading([&] {
        const auto value = _json->find(key);
        return value ? value->asUnsigned() : fallback;
    });
}

std::string RequestBody::only(const std::vector<std::string>& keys) const {
    std::string given;
    int count = 0;
    for (const auto& key : keys) {
        if (text(key).empty()) continue;
        given = key;
        ++count;
    }
    if (count != 1) throw Refusal::invalid(std::string(What) + " must have one of " + listed(keys));
    return given;
}

} // namespace wasmproxy::host
