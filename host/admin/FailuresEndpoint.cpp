// SPDX-License-Identifier: Apache-2.0
#include "admin/FailuresEndpoint.h"

#include "admin/AdminServer.h"
#include "admin/OrderKey.h"
#include "admin/Page.h"
#include "admin/TimeText.h"
#include "pull/FailureLog.h"
#include "wasmproxy/oci/Reference.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/String.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

Array namesOf(const std::vector<std::string>& names) {
    Array array;
    for (const auto& name : names)
        array.add(name);
    return array;
}

void describe(const FailureLog::Cause& cause, Object& to) {
    to.set("code", traitsOf(cause.code).name);
    to.set("message", cause.message);
    if (!cause.hint.empty()) to.set("hint", cause.hint);
    if (!cause.requestId.empty()) to.set("requestId", cause.requestId);
    to.set("firstSeen", timeText(cause.firstSeen));
    to.set("lastSeen", timeText(cause.lastSeen));
    to.set("count", static_cast<Poco::UInt64>(cause.count));
}

Object describe(const FailureLog::Entry& entry) {
    Object object(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
    object.set("reference", entry.reference);
    if (!entry.registry.empty()) object.set("registry", entry.registry);
    describe(entry.causes.front(), object);
    object.set("credentials", namesOf(entry.credentials));
    object.set("callers", namesOf(entry.callers));
    if (entry.nextTry) object.set("nextTry", timeText(*entry.nextTry));
    if (entry.recoveredAt) object.set("recoveredAt", timeText(*entry.recoveredAt));
    Array earlier;
    for (auto cause = entry.causes.begin() + 1; cause != entry.causes.end(); ++cause) {
        Object each(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
        describe(*cause, each);
        earlier.add(each);
    }
    object.set("earlier", earlier);
    return object;
}

/// As it is kept; anything else is looked for as it is.
std::string canonical(std::string text) {
    if (Poco::icompare(text, 0, 6, "oci://") == 0) text.erase(0, 6);
    try {
        return text.empty() ? text : Reference::parse(text).str();
    } catch (const Error&) {
        return text;
    }
}

} // namespace

void FailuresEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/failures", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.list(request); }});
}

AdminAnswer FailuresEndpoint::list(const AdminRequest& request) const {
    const Page page(request);
    const auto written = request.parameter("reference");
    const auto reference = canonical(written);
    const auto registry = request.parameter("registry");
    const auto code = request.parameter("code");
    auto entries = _failures->entries();
    entries.erase(std::remove_if(entries.begin(), entries.end(),
                                 [&](const FailureLog::Entry& each) {
                                     return (!written.empty() && each.reference != reference &&
                                             each.reference != written) ||
                                            (!registry.empty() && each.registry != registry) ||
                                            (!code.empty() && traitsOf(each.causes.front().code).name != code);
                                 }),
                  entries.end());
    Object body(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
    body.set("total", static_cast<Poco::UInt64>(entries.size()));
    page.write(
        body, entries, [](const FailureLog::Entry& each) { return newestFirst(each.number); },
        [](const FailureLog::Entry& each) { return describe(each); });
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
