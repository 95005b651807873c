// SPDX-License-Identifier: Apache-2.0
#include "admin/SettingsEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/Refusal.h"
#include "admin/RequestBody.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

namespace wasmproxy::host {
namespace {

constexpr std::size_t SmallBody = 8 * 1024;
constexpr std::size_t LargestSettings = 2u << 20; // 1 MiB of text, escaped

Poco::JSON::Array describe(const std::vector<SettingsProblem>& problems) {
    Poco::JSON::Array list;
    for (const auto& problem : problems) {
        Poco::JSON::Object entry(Poco::JSON_PRESERVE_KEY_ORDER);
        if (!problem.origin.empty()) entry.set("origin", problem.origin);
        if (!problem.key.empty()) entry.set("key", problem.key);
        entry.set("message", problem.message);
        list.add(entry);
    }
    return list;
}

} // namespace

void SettingsEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* method, const char* path, auto member, std::size_t body) {
        server.add({method, path, AdminRole::Operate,
                    refusing([self = *this, member](const AdminRequest& request) { return (self.*member)(request); }),
                    body});
    };
    add("PUT", "/api/v1/log/level", &SettingsEndpoints::setLevel, SmallBody);
    if (_actions.validate) add("POST", "/api/v1/configuration/validate", &SettingsEndpoints::validate, LargestSettings);
    if (_actions.reload) add("POST", "/api/v1/configuration/reload", &SettingsEndpoints::reload, SmallBody);
}

AdminAnswer SettingsEndpoints::setLevel(const AdminRequest& request) const {
    const RequestBody body(request, {"level"});
    const auto level = body.needed("level");
    try {
        setLogLevel(level);
    } catch (const Error& error) {
        throw Refusal::invalid(error.what(), error.hint());
    }
    Poco::JSON::Object inForce;
    inForce.set("level", level);
    auto answer = AdminAnswer::json(inForce);
    answer.audited = level;
    return answer;
}

AdminAnswer SettingsEndpoints::validate(const AdminRequest& request) const {
    const RequestBody body(request, {"ini"});
    const auto problems = _actions.validate(body.needed("ini"));
    Poco::JSON::Object answer(Poco::JSON_PRESERVE_KEY_ORDER);
    answer.set("valid", problems.empty());
    answer.set("problems", describe(problems));
    return AdminAnswer::json(answer);
}

AdminAnswer SettingsEndpoints::reload(const AdminRequest& request) const {
    const RequestBody body(request, {});
    const auto report = _actions.reload("the admin API, by " + request.actor);
    if (!report.applied) {
        std::vector<std::string> messages;
        for (const auto& problem : report.problems)
            messages.push_back((problem.origin.empty() ? "" : problem.origin + ": ") +
                               (problem.key.empty() ? "" : problem.key + ": ") + problem.message);
        return refuseAll(422, "SETTINGS_INVALID", messages, request.requestId);
    }
    Poco::JSON::Object answer(Poco::JSON_PRESERVE_KEY_ORDER);
    answer.set("generation", static_cast<Poco::UInt64>(report.generation));
    Poco::JSON::Array keys;
    for (const auto& key : report.restartNeeded)
        keys.add(key);
    answer.set("restartNeeded", keys);
    return AdminAnswer::json(answer);
}

} // namespace wasmproxy::host
