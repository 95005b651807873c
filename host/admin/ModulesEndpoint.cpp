// SPDX-License-Identifier: Apache-2.0
#include "admin/ModulesEndpoint.h"

#include "admin/AdminServer.h"
#include "admin/OrderKey.h"
#include "admin/Page.h"
#include "admin/RequestRules.h"
#include "admin/TimeText.h"
#include "pull/CacheTiers.h"
#include "routing/RouteTable.h"
#include "wasm/ModuleInspector.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/JSON/Array.h>
#include <Poco/String.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

// For reading a module's sections from the cache.
constexpr std::chrono::seconds InspectLimit{10};

template <class Names>
Array arrayOf(const Names& names) {
    Array array;
    for (const auto& name : names)
        array.add(name);
    return array;
}

std::vector<std::string> repositoriesOf(const DigestIndex& index, const Digest& manifest) {
    std::vector<std::string> names;
    for (const Repository& repository : index.links(manifest))
        names.push_back(repository.str());
    std::sort(names.begin(), names.end());
    return names;
}

bool contains(const std::string& text, const std::string& part) {
    return Poco::toLower(text).find(part) != std::string::npos;
}

bool isDigest(const Digest& digest, const std::string& text) {
    return digest.str() == text || digest.hex() == text;
}

std::string orderOf(const ModuleRecord& record) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(record.pulledAt.time_since_epoch());
    return newestFirst(static_cast<std::uint64_t>(std::max<std::int64_t>(micros.count(), 0))) + " " +
           record.manifest.str();
}

/// "host/path" of "host/path:tag".
std::string repositoryOf(const std::string& tag) {
    return tag.substr(0, tag.rfind(':'));
}

} // namespace

void ModulesEndpoint::addTo(AdminServer& server) const {
    server.add({"GET", "/api/v1/modules", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.list(request); }});
    server.add({"GET", "/api/v1/modules/{digest}", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.inspect(request); }});
    server.add({"GET", "/api/v1/tags", AdminRole::Read,
                [self = *this](const AdminRequest& request) { return self.tags(request); }});
}

Object ModulesEndpoint::describe(const ModuleRecord& record) const {
    Object module(Poco::JSON_PRESERVE_KEY_ORDER);
    module.set("moduleSha256", std::string(record.module.hex()));
    module.set("size", static_cast<Poco::UInt64>(record.size));
    module.set("manifestDigest", record.manifest.str());
    module.set("selectedManifestDigest", record.selectedManifest.str());
    module.set("layer", record.layer.str());
    module.set("layout", record.layout);
    module.set("entry", record.entry);
    module.set("proxyAbi", record.proxyAbi);
    module.set("pulledAt", timeText(record.pulledAt));
    auto names = _index->tagsOf(record.manifest);
    std::sort(names.begin(), names.end());
    module.set("tags", arrayOf(names));
    module.set("repositories", arrayOf(repositoriesOf(*_index, record.manifest)));
    module.set("pinned", _index->pinned(record.manifest) || _index->pinned(record.module));
    return module;
}

bool ModulesEndpoint::matches(const ModuleRecord& record, const AdminRequest& request) const {
    const auto repository = request.parameter("repository");
    const auto tag = request.parameter("tag");
    const auto digest = request.parameter("digest");
    const auto text = Poco::toLower(request.parameter("text"));
    if (!digest.empty() && !isDigest(record.manifest, digest) && !isDigest(record.selectedManifest, digest) &&
        !isDigest(record.module, digest) && !isDigest(record.layer, digest))
        return false;
    if (repository.empty() && tag.empty() && text.empty()) return true;
    const auto repositories = repositoriesOf(*_index, record.manifest);
    const auto tags = _index->tagsOf(record.manifest);
    if (!repository.empty() && std::find(repositories.begin(), repositories.end(), repository) == repositories.end())
        return false;
    if (!tag.empty() && std::none_of(tags.begin(), tags.end(), [&](const std::string& each) {
            return each == tag || each.substr(each.rfind(':') + 1) == tag;
        }))
        return false;
    if (text.empty()) return true;
    const auto found = [&](const std::string& each) { return contains(each, text); };
    return std::any_of(repositories.begin(), repositories.end(), found) ||
           std::any_of(tags.begin(), tags.end(), found) || found(record.module.str()) || found(record.manifest.str()) ||
           found(record.entry) || found(record.layout);
}

AdminAnswer ModulesEndpoint::list(const AdminRequest& request) const {
    const Page page(request);
    auto records = _index->modules();
    records.erase(std::remove_if(records.begin(), records.end(),
                                 [&](const ModuleRecord& each) { return !matches(each, request); }),
                  records.end());
    // Newest first; what came in the same moment by its digest, so that two calls list alike.
    std::sort(records.begin(), records.end(),
              [](const ModuleRecord& a, const ModuleRecord& b) { return orderOf(a) < orderOf(b); });
    Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("total", static_cast<Poco::UInt64>(records.size()));
    page.write(body, records, orderOf, [this](const ModuleRecord& each) { return describe(each); });
    return AdminAnswer::json(body);
}

AdminAnswer ModulesEndpoint::inspect(const AdminRequest& request) const {
    const auto& text = request.segments.at("digest");
    auto digest = Digest::tryParse(text);
    if (!digest) digest = Digest::tryParse("sha256:" + text);
    if (!digest) throw RequestRefusal{400, "give a module's or a manifest's digest: sha256:<64 hex digits>"};
    auto record = _index->module(*digest);
    if (!record) {
        const auto records = _index->modulesBySha256(*digest);
        if (records.empty())
            return AdminAnswer::refusal(404, "NOT_FOUND", "no module or manifest " + digest->str() + " is known",
                                        request.requestId);
        record = records.front();
    }
    auto body = describe(*record);
    Call call(request.requestId, Call::Clock::now() + InspectLimit);
    const auto blob = _cache->openTrusted(call, record->module);
    body.set("cached", blob != nullptr);
    if (blob) {
        const auto facts = inspectModule(*blob);
        body.set("imports", arrayOf(facts.imports));
        body.set("exports", arrayOf(facts.exports));
    }
    return AdminAnswer::json(body);
}

const char* ModulesEndpoint::stateOf(const std::string& tag, const TagRecord& record) const {
    const auto route = _findRoute(Reference::parse(tag).repository());
    return route ? nameOf(route->freshness().at(record.validatedAt)) : "unrouted";
}

AdminAnswer ModulesEndpoint::tags(const AdminRequest& request) const {
    const Page page(request);
    const auto repository = request.parameter("repository");
    const auto digest = request.parameter("digest");
    const auto text = Poco::toLower(request.parameter("text"));
    auto tags = _index->tags();
    tags.erase(std::remove_if(tags.begin(), tags.end(),
                              [&](const auto& each) {
                                  return (!repository.empty() && repositoryOf(each.first) != repository) ||
                                         (!digest.empty() && !isDigest(each.second.digest, digest)) ||
                                         (!text.empty() && !contains(each.first, text));
                              }),
               tags.end());
    Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("total", static_cast<Poco::UInt64>(tags.size()));
    page.write(
        body, tags, [](const auto& each) { return each.first; },
        [this](const auto& each) {
            Object tag(Poco::JSON_PRESERVE_KEY_ORDER);
            tag.set("reference", each.first);
            tag.set("digest", each.second.digest.str());
            if (!each.second.previous.empty()) tag.set("previousDigest", each.second.previous.str());
            tag.set("validatedAt", timeText(each.second.validatedAt));
            tag.set("state", stateOf(each.first, each.second));
            return tag;
        });
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
