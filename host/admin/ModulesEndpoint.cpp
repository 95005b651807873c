// SPDX-License-Identifier: Apache-2.0
#include "admin/ModulesEndpoint.h"

#include "admin/TimeText.h"
#include "index/DigestIndex.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::size_t DefaultLimit = 100;
constexpr std::size_t MaxLimit = 1000;

Poco::JSON::Object describe(const ModuleRecord& record, const DigestIndex& index) {
    Poco::JSON::Object module(Poco::JSON_PRESERVE_KEY_ORDER);
    module.set("moduleSha256", std::string(record.module.hex()));
    module.set("size", record.size);
    module.set("manifestDigest", record.manifest.str());
    module.set("selectedManifestDigest", record.selectedManifest.str());
    module.set("layer", record.layer.str());
    module.set("layout", record.layout);
    module.set("entry", record.entry);
    module.set("proxyAbi", record.proxyAbi);
    module.set("pulledAt", timeText(record.pulledAt));
    auto names = index.tagsOf(record.manifest);
    std::sort(names.begin(), names.end());
    Poco::JSON::Array tags;
    for (const std::string& name : names)
        tags.add(name);
    module.set("tags", tags);
    auto links = index.links(record.manifest);
    std::sort(links.begin(), links.end());
    Poco::JSON::Array repositories;
    for (const Repository& repository : links)
        repositories.add(repository.str());
    module.set("repositories", repositories);
    return module;
}

} // namespace

AdminAnswer ModulesEndpoint::operator()(const AdminRequest& request) const {
    std::size_t limit = DefaultLimit;
    if (const std::string text = request.parameter("limit"); !text.empty()) {
        const bool digits = text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 4;
        limit = digits ? std::stoul(text) : 0;
        if (limit == 0 || limit > MaxLimit)
            return AdminAnswer::refusal(400, "REQUEST_INVALID", "limit must be 1 to " + std::to_string(MaxLimit),
                                        request.requestId);
    }
    auto records = _index->modules();
    // Newest first; what came in the same moment by its digest, so that two calls list alike.
    std::sort(records.begin(), records.end(), [](const ModuleRecord& a, const ModuleRecord& b) {
        return a.pulledAt != b.pulledAt ? a.pulledAt > b.pulledAt : a.manifest < b.manifest;
    });
    Poco::JSON::Array modules;
    for (std::size_t i = 0; i < std::min(limit, records.size()); ++i)
        modules.add(describe(records[i], *_index));
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("total", static_cast<Poco::UInt64>(records.size()));
    body.set("modules", modules);
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
