// SPDX-License-Identifier: Apache-2.0
#include "AccountWatch.h"

#include <algorithm>

namespace wasmproxy::kubernetes {
namespace {

constexpr std::size_t MaxNames = 32;

} // namespace

AccountWatch::AccountWatch(ApiClient& client, const std::string& nameSpace, const std::string& name,
                           const WatchTiming& timing)
    : _host(client.host()),
      _name(name),
      _title("ServiceAccount " + nameSpace + "/" + name),
      _watch(client, {"", "v1", nameSpace, "serviceaccounts"}, {name, {}, {}}, *this, timing) {
    _watch.start();
}

std::vector<std::string> AccountWatch::names() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _names;
}

std::vector<std::string> AccountWatch::namesIn(const StrictJson& object) const {
    std::vector<std::string> result;
    if (object.at("metadata").at("name").asString() != _name) return result;
    if (const auto entries = object.find("imagePullSecrets"))
        for (const StrictJson& entry : entries->items()) {
            std::string name = entry.stringOr("name", "");
            const bool known = std::find(result.begin(), result.end(), name) != result.end();
            if (isObjectName(name) && !known && result.size() < MaxNames) result.push_back(std::move(name));
        }
    return result;
}

void AccountWatch::publish(std::vector<std::string> names) {
    if (names.empty()) _host.log(LogLevel::Warning, _title + " is absent or has no imagePullSecrets");
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _names = std::move(names);
    }
    _knowledge.learned();
}

} // namespace wasmproxy::kubernetes
