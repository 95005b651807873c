// SPDX-License-Identifier: Apache-2.0
#include "admin/AccessesEndpoint.h"

#include "admin/AdminServer.h"
#include "admin/Page.h"
#include "admin/RequestRules.h"
#include "admin/TimeText.h"
#include "index/DigestIndex.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/NumberParser.h>

#include <ctime>
#include <sstream>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;
using Time = std::chrono::system_clock::time_point;

constexpr std::int64_t SecondsOfDay = 86400;
constexpr int FirstYear = 70; // since 1900, as in std::tm
constexpr int LastYear = 300;

std::optional<Digest> moduleOf(const AdminRequest& request) {
    const auto text = request.parameter("module");
    if (text.empty()) return std::nullopt;
    auto digest = Digest::tryParse(text);
    if (!digest) digest = Digest::tryParse("sha256:" + text);
    if (!digest) throw RequestRefusal{400, "module must be a digest: sha256:<64 hex digits>"};
    return digest;
}

std::optional<Time> timeOf(const AdminRequest& request, const char* name, const char* format, const char* example) {
    const auto text = request.parameter(name);
    if (text.empty()) return std::nullopt;
    // Poco 1.11 takes almost anything for a time.
    std::tm fields{};
    const char* end = ::strptime(text.c_str(), format, &fields);
    const bool whole = end && *end == '\0' && fields.tm_year >= FirstYear && fields.tm_year <= LastYear;
    const auto day = fields.tm_mday;
    const auto time = whole ? ::timegm(&fields) : 0;
    if (!whole || fields.tm_mday != day) // the 31st of February became another day
        throw RequestRefusal{400, std::string(name) + " must be a time such as " + example};
    return std::chrono::system_clock::from_time_t(time);
}

std::int64_t dayOf(Time time) {
    return std::chrono::system_clock::to_time_t(time) / SecondsOfDay;
}

std::string dayText(std::int64_t day) {
    return timeText(std::chrono::system_clock::from_time_t(day * SecondsOfDay)).substr(0, 10);
}

[[noreturn]] void refuseCursor() {
    throw RequestRefusal{400, "after is no cursor: take the \"next\" of the page before, as it is"};
}

} // namespace

void AccessesEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/accesses", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.list(request); }});
    server.add({"GET", "/api/v1/accesses/counts", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.counts(request); }});
}

AdminAnswer AccessesEndpoint::list(const AdminRequest& request) const {
    const Page page(request);
    AccessQuery query;
    query.module = moduleOf(request);
    query.caller = request.parameter("caller");
    query.from = timeOf(request, "from", "%Y-%m-%dT%H:%M:%SZ", "2026-01-31T12:00:00Z");
    query.until = timeOf(request, "until", "%Y-%m-%dT%H:%M:%SZ", "2026-01-31T12:00:00Z");
    query.limit = page.limit();
    Poco::Int64 before = 0;
    if (!page.after().empty() && (!Poco::NumberParser::tryParse64(page.after(), before) || before <= 0)) refuseCursor();
    query.before = before;
    const auto found = _index->accesses(query);
    Array items;
    for (const auto& access : found.rows) {
        Object item(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
        item.set("at", timeText(access.at));
        item.set("moduleSha256", std::string(access.module.hex()));
        item.set("reference", access.reference);
        item.set("caller", access.caller);
        items.add(item);
    }
    Object body(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
    body.set("dropped", static_cast<Poco::UInt64>(_index->droppedAccesses()));
    body.set("items", items);
    if (found.next != 0) body.set("next", Page::cursor(std::to_string(found.next)));
    return AdminAnswer::json(body);
}

AdminAnswer AccessesEndpoint::counts(const AdminRequest& request) const {
    const Page page(request);
    AccessCountQuery query;
    query.module = moduleOf(request);
    query.caller = request.parameter("caller");
    if (const auto from = timeOf(request, "from", "%Y-%m-%d", "2026-01-31")) query.fromDay = dayOf(*from);
    if (const auto until = timeOf(request, "until", "%Y-%m-%d", "2026-01-31")) query.untilDay = dayOf(*until);
    query.limit = page.limit() + 1; // one more tells whether there are more
    if (!page.after().empty()) {
        AccessCount last;
        std::string module;
        std::istringstream in(page.after());
        in >> last.day >> module >> std::ws;
        std::getline(in, last.caller);
        const auto digest = Digest::tryParse(module);
        if (!digest) refuseCursor();
        last.module = *digest;
        query.after = last;
    }
    auto rows = _index->accessCounts(query);
    const bool more = rows.size() > page.limit();
    if (more) rows.pop_back();
    Array items;
    for (const auto& row : rows) {
        Object item(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
        item.set("day", dayText(row.day));
        item.set("moduleSha256", std::string(row.module.hex()));
        item.set("caller", row.caller);
        item.set("count", static_cast<Poco::UInt64>(row.count));
        items.add(item);
    }
    Object body(Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE);
    body.set("items", items);
    if (more)
        body.set("next", Page::cursor(std::to_string(rows.back().day) + " " + rows.back().module.str() + " " +
                                      rows.back().caller));
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
