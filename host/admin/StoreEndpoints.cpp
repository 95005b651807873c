// SPDX-License-Identifier: Apache-2.0
#include "admin/StoreEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/JobEndpoints.h"
#include "admin/Jobs.h"
#include "admin/ModuleRequest.h"
#include "admin/Page.h"
#include "admin/Refusal.h"
#include "admin/RequestBody.h"
#include "admin/TimeText.h"
#include "eviction/Evictor.h"
#include "observe/Log.h"

namespace wasmproxy::host {
namespace {

constexpr std::size_t BodyLimit = 8 * 1024;

Poco::JSON::Object describe(const PinRecord& pin) {
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("digest", pin.digest.str());
    body.set("pinnedAt", timeText(pin.since));
    return body;
}

Poco::JSON::Object::Ptr describe(const Purge::Purged& purged) {
    Poco::JSON::Object::Ptr result = new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER);
    result->set("tags", static_cast<Poco::UInt64>(purged.tags));
    result->set("modules", static_cast<Poco::UInt64>(purged.modules));
    result->set("links", static_cast<Poco::UInt64>(purged.links));
    result->set("contents", static_cast<Poco::UInt64>(purged.contents));
    result->set("bytes", static_cast<Poco::UInt64>(purged.bytes));
    Poco::JSON::Array unreached;
    for (const auto& name : purged.unreached)
        unreached.add(name);
    if (unreached.size() > 0) result->set("unreached", unreached);
    return result;
}

Repository parseRepository(const std::string& text) {
    const auto slash = text.rfind('/');
    if (slash == std::string::npos || text.find_first_of(":@", slash) != std::string::npos)
        throw Refusal::invalid("repository must be host/path, without tag or digest");
    return parseReference(text).repository();
}

} // namespace

Digest parseDigest(const std::string& text) {
    return Digest::parse(text.find(':') == std::string::npos ? "sha256:" + text : text);
}

void StoreEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* method, const char* path, AdminRole role, std::size_t body, auto member) {
        server.add({method, path, role,
                    refusing([self = *this, member](const AdminRequest& request) { return (self.*member)(request); }),
                    body});
    };
    add("GET", "/api/v1/pins", AdminRole::Read, 0, &StoreEndpoints::pins);
    add("POST", "/api/v1/modules/{digest}/pin", AdminRole::Operate, BodyLimit, &StoreEndpoints::pin);
    add("DELETE", "/api/v1/modules/{digest}/pin", AdminRole::Operate, 0, &StoreEndpoints::unpin);
    add("DELETE", "/api/v1/modules/{digest}", AdminRole::Operate, 0, &StoreEndpoints::remove);
    add("POST", "/api/v1/purge", AdminRole::Operate, BodyLimit, &StoreEndpoints::purge);
    add("POST", "/api/v1/cache/scrub", AdminRole::Operate, BodyLimit, &StoreEndpoints::scrub);
    add("POST", "/api/v1/cache/evict", AdminRole::Operate, BodyLimit, &StoreEndpoints::evict);
}

AdminAnswer StoreEndpoints::pins(const AdminRequest& request) const {
    const Page page(request);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    page.write(
        body, _rooms.index.pins(), [](const PinRecord& pin) { return pin.digest.str(); },
        [](const PinRecord& pin) { return describe(pin); });
    return AdminAnswer::json(body);
}

AdminAnswer StoreEndpoints::pin(const AdminRequest& request) const {
    const RequestBody body(request, {});
    const auto digest = parseDigest(request.segment("digest"));
    if (!_rooms.index.module(digest) && _rooms.index.modulesBySha256(digest).empty())
        throw Refusal{404, "BLOB_UNKNOWN", "no module or manifest " + digest.str() + " is known here",
                      "/api/v1/modules lists what is known; /api/v1/prefetch pulls more"};
    _rooms.index.pin(digest);
    const auto pin = _rooms.index.pinned(digest);
    if (!pin) throw Refusal{409, "CONFLICT", digest.str() + " was unpinned meanwhile"};
    return AdminAnswer::json(describe(*pin));
}

AdminAnswer StoreEndpoints::unpin(const AdminRequest& request) const {
    const auto digest = parseDigest(request.segment("digest"));
    const auto pin = _rooms.index.pinned(digest);
    if (!pin) throw Refusal{404, "PIN_UNKNOWN", digest.str() + " is not pinned", "/api/v1/pins lists what is"};
    _rooms.index.unpin(digest);
    return AdminAnswer::json(describe(*pin));
}

AdminAnswer StoreEndpoints::purging(const AdminRequest& request, const std::string& what, const Select& select) const {
    const auto plan = select(Purge(_rooms.cache, _rooms.index, _rooms.told, _rooms.manifestBytes));
    if (plan.nothing()) throw Refusal{404, "BLOB_UNKNOWN", "nothing is known of " + what};
    if (!plan.pinned.empty())
        throw Refusal{409, "PINNED", what + " has what is pinned: " + plan.pinned.front().str(),
                      "DELETE /api/v1/modules/" + plan.pinned.front().str() + "/pin first"};
    return JobEndpoints::accepted(
        _rooms.jobs.start("purge", request.actor,
                          [rooms = _rooms, what, select](Jobs::Run& run) {
                              run.progress(0, 0, what);
                              Purge purge(rooms.cache, rooms.index, rooms.told, rooms.manifestBytes);
                              const auto now = select(purge); // it may have waited
                              if (!now.pinned.empty())
                                  throw Error(ErrorCode::CallerRefused,
                                              now.pinned.front().str() + " was pinned meanwhile", "unpin it");
                              const auto purged = purge.run(run.call(), now);
                              if (!purged.unreached.empty())
                                  run.fail(Error(ErrorCode::StorageFault,
                                                 "the shared cache " + *purged.unreached.begin() +
                                                     " could not be asked to remove what is purged",
                                                 "purge again when it is back"));
                              return describe(purged);
                          }),
        what);
}

AdminAnswer StoreEndpoints::remove(const AdminRequest& request) const {
    const auto digest = parseDigest(request.segment("digest"));
    return purging(request, digest.str(), [=](const Purge& purge) { return purge.digest(digest); });
}

AdminAnswer StoreEndpoints::purge(const AdminRequest& request) const {
    const RequestBody body(request, {"reference", "digest", "repository"});
    const auto kind = body.only({"reference", "digest", "repository"});
    const auto text = body.text(kind);
    if (kind == "digest") {
        const auto digest = parseDigest(text);
        return purging(request, digest.str(), [=](const Purge& purge) { return purge.digest(digest); });
    }
    if (kind == "repository") {
        const auto repository = parseRepository(text);
        return purging(request, repository.str(), [=](const Purge& purge) { return purge.repository(repository); });
    }
    const auto reference = parseReference(text);
    return purging(request, reference.str(), [=](const Purge& purge) { return purge.reference(reference); });
}

AdminAnswer StoreEndpoints::scrub(const AdminRequest& request) const {
    const RequestBody body(request, {});
    return JobEndpoints::accepted(_rooms.jobs.start("scrub", request.actor, [rooms = _rooms](Jobs::Run& run) {
        Scrub scrub(rooms.cache, rooms.index, rooms.told.forgetHot);
        const auto report = scrub.run(
            run.call(), [&](std::uint64_t done, std::uint64_t total) { run.progress(done, total, "contents read"); });
        Poco::JSON::Array removed;
        for (const auto& bad : report.bad) {
            Poco::JSON::Object entry(Poco::JSON_PRESERVE_KEY_ORDER);
            entry.set("cache", bad.cache);
            entry.set("digest", bad.digest.str());
            removed.add(entry);
        }
        Poco::JSON::Object::Ptr result = new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER);
        result->set("contents", static_cast<Poco::UInt64>(report.contents));
        result->set("bytes", static_cast<Poco::UInt64>(report.bytes));
        result->set("removed", static_cast<Poco::UInt64>(report.removed));
        result->set("unreadable", static_cast<Poco::UInt64>(report.unreadable));
        result->set("items", removed);
        return result;
    }));
}

AdminAnswer StoreEndpoints::evict(const AdminRequest& request) const {
    const RequestBody body(request, {"bytes"});
    const auto bytes = body.number("bytes", 0);
    return JobEndpoints::accepted(_rooms.jobs.start("evict", request.actor, [rooms = _rooms, bytes](Jobs::Run& run) {
        const auto swept = rooms.evictor.sweep(run.call(), bytes);
        Poco::JSON::Object::Ptr result = new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER);
        result->set("contents", static_cast<Poco::UInt64>(swept.contents));
        result->set("bytes", static_cast<Poco::UInt64>(swept.bytes));
        result->set("left", static_cast<Poco::UInt64>(rooms.index.contentBytes()));
        return result;
    }));
}

} // namespace wasmproxy::host
