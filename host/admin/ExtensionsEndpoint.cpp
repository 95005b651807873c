// SPDX-License-Identifier: Apache-2.0
#include "admin/ExtensionsEndpoint.h"

#include "admin/AdminServer.h"
#include "admin/Page.h"
#include "admin/TimeText.h"
#include "extensions/ExtensionCatalog.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <map>

namespace wasmproxy::host {

namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

Object allowedIn(const std::vector<std::string>& names) {
    Array values;
    for (const auto& name : names)
        values.add(name);
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("values", values);
    object.set("enforced", false);
    object.set("note", "not enforced at fetch");
    return object;
}

void describe(const Extension& extension, Object& to) {
    to.set("url", extension.url);
    to.set("imagePullPolicy", extension.pullPolicy == Extension::PullPolicy::Always ? "Always" : "IfNotPresent");
    if (!extension.imagePullSecret.empty()) to.set("imagePullSecret", extension.imagePullSecret);
    if (extension.sha256) to.set("sha256", std::string(extension.sha256->hex()));
    if (!extension.phase.empty()) to.set("phase", extension.phase);
    to.set("priority", static_cast<Poco::Int64>(extension.priority));
    if (!extension.description.empty()) to.set("description", extension.description);
    to.set("allowedIn", allowedIn(extension.allowedIn));
}

void addProblem(const std::string& field, const std::string& message, Array& to) {
    Object problem(Poco::JSON_PRESERVE_KEY_ORDER);
    problem.set("field", field);
    problem.set("message", message);
    to.add(problem);
}

Object describe(const ExtensionOutcome& outcome) {
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    if (outcome.manifest) object.set("manifestDigest", outcome.manifest->str());
    if (outcome.module) object.set("moduleSha256", std::string(outcome.module->hex()));
    if (!outcome.error.empty()) object.set("error", outcome.error);
    object.set("at", timeText(outcome.at));
    return object;
}

Object describe(const ExtensionCatalog::Entry& entry, bool enabled) {
    const auto& document = entry.document;
    const bool good = document.extension != nullptr;
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("name", document.name);
    object.set("origin", document.origin);
    object.set("source", entry.source);
    object.set("state", !good ? "refused" : enabled ? "in force" : "switched off");
    if (good) describe(*document.extension, object);
    Array problems;
    for (const auto& each : document.problems)
        addProblem(each.field, each.message, problems);
    if (problems.size() != 0) object.set("problems", problems);
    Array warnings;
    if (const auto why = good ? document.extension->secretIgnored() : ""; !why.empty())
        addProblem("spec.imagePullSecret", why, warnings);
    if (warnings.size() != 0) object.set("warnings", warnings);
    if (entry.outcome.at != std::chrono::system_clock::time_point{}) object.set("lastPull", describe(entry.outcome));
    return object;
}

} // namespace

void ExtensionsEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/extensions", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.list(request); }});
    server.add({"GET", "/api/v1/extensions/{name}", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.show(request); }});
}

AdminAnswer ExtensionsEndpoint::list(const AdminRequest& request) const {
    const Page page(request);
    std::map<std::string, ExtensionCatalog::Entry> entries; // two documents may give one name
    for (auto& entry : _catalog->entries())
        entries.emplace(entry.document.name + "\n" + entry.source + "\n" + entry.document.origin, entry);
    Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("enabled", _catalog->enabled());
    if (!_catalog->enabled()) body.set("note", "[mesh] enable-wasm-download-proxy is false: no Extension is served");
    page.write(
        body, entries, [](const auto& each) { return each.first; },
        [this](const auto& each) { return describe(each.second, _catalog->enabled()); });
    return AdminAnswer::json(body);
}

AdminAnswer ExtensionsEndpoint::show(const AdminRequest& request) const {
    const auto name = request.segment("name");
    const ExtensionCatalog::Entry* found = nullptr;
    const auto entries = _catalog->entries();
    for (const auto& entry : entries)
        if (entry.document.name == name && (!found || entry.document.extension)) found = &entry;
    if (!found)
        return AdminAnswer::refusal(404, "NOT_FOUND", "there is no Extension " + name, request.requestId,
                                    "/api/v1/extensions lists all documents");
    return AdminAnswer::json(describe(*found, _catalog->enabled()));
}

} // namespace wasmproxy::host
