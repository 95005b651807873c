// SPDX-License-Identifier: Apache-2.0
#include "admin/FreshnessEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/OrderKey.h"
#include "admin/Page.h"
#include "admin/TimeText.h"
#include "freshness/TagMoves.h"
#include "pull/Prefetch.h"

#include <Poco/JSON/Object.h>
#include <Poco/String.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Object;

constexpr int Options = Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE;

Object describe(const TagMove& move) {
    Object event(Options);
    event.set("kind", "tag-moved");
    event.set("at", timeText(move.at));
    event.set("reference", move.reference);
    event.set("previousDigest", move.from.str());
    event.set("digest", move.to.str());
    event.set("requestId", move.requestId);
    return event;
}

Object describe(const Prefetch::Item& item) {
    Object object(Options);
    object.set("reference", item.reference);
    object.set("state", item.error ? "failed" : item.module ? "pulled" : "pending");
    if (item.module) {
        object.set("manifestDigest", item.manifest->str());
        object.set("moduleSha256", std::string(item.module->hex()));
        object.set("size", static_cast<Poco::UInt64>(item.size));
        object.set("pulledAt", timeText(item.pulledAt));
    }
    if (item.error) {
        Object error(Options);
        error.set("code", traitsOf(item.error->code()).name);
        error.set("message", item.error->what());
        if (!item.error->hint().empty()) error.set("hint", item.error->hint());
        object.set("error", error);
    }
    return object;
}

} // namespace

void FreshnessEndpoints::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/events", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.events(request); }});
    server.add({"GET", "/api/v1/prefetch", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.prefetch(request); }});
}

AdminAnswer FreshnessEndpoints::events(const AdminRequest& request) const {
    const Page page(request);
    auto reference = request.parameter("reference");
    if (Poco::icompare(reference, 0, 6, "oci://") == 0) reference.erase(0, 6);
    auto moves = _moves->newestFirst();
    moves.erase(std::remove_if(moves.begin(), moves.end(),
                               [&](const TagMove& each) { return !reference.empty() && each.reference != reference; }),
                moves.end());
    Object body(Options);
    body.set("total", static_cast<Poco::UInt64>(moves.size()));
    page.write(
        body, moves, [](const TagMove& each) { return newestFirst(each.number); },
        [](const TagMove& each) { return describe(each); });
    return AdminAnswer::json(body);
}

AdminAnswer FreshnessEndpoints::prefetch(const AdminRequest& request) const {
    const Page page(request);
    const auto state = _prefetch->state();
    Object body(Options);
    body.set("total", static_cast<Poco::UInt64>(state.items.size()));
    body.set("pulled", static_cast<Poco::UInt64>(state.pulled()));
    body.set("failed", static_cast<Poco::UInt64>(state.failed()));
    body.set("everySeconds", static_cast<double>(state.every.count()) / 1000);
    body.set("readinessWaits", state.waiting);
    page.write(
        body, state.items, [](const Prefetch::Item& each) { return each.reference; },
        [](const Prefetch::Item& each) { return describe(each); });
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
