// SPDX-License-Identifier: Apache-2.0
#include "admin/ResolveEndpoint.h"

#include "admin/AwaitedModule.h"
#include "admin/Refusal.h"
#include "index/DigestIndex.h"

#include <Poco/Base64Encoder.h>
#include <Poco/JSON/Object.h>
#include <sstream>

namespace wasmproxy::host {

namespace {

std::string base64Url(const std::string& text) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
    encoder.rdbuf()->setLineLength(0);
    encoder << text;
    encoder.close();
    return out.str();
}

std::string pathOf(const Reference& reference, const Digest& manifest) {
    return "/fetch/" + base64Url("oci://" + reference.pinned(manifest).str());
}

std::string pathOf(const ModuleRequest& request, const Digest& manifest) {
    switch (request.kind) {
    case ModuleRequest::Kind::Url:
        return "/fetch/" + base64Url(request.text); // what an http(s) url gives cannot be pinned in it
    case ModuleRequest::Kind::Extension:
        return "/extensions/" + request.text + ".wasm?digest=" + manifest.str();
    case ModuleRequest::Kind::Artifact:
        break;
    }
    return pathOf(request.reference, manifest);
}

Poco::JSON::Object describe(const char* kind, const std::string& named, const ModuleRecord& record,
                            const std::string& url) {
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set(kind, named);
    body.set("manifestDigest", record.manifest.str());
    body.set("selectedManifestDigest", record.selectedManifest.str());
    body.set("moduleSha256", std::string(record.module.hex()));
    body.set("size", static_cast<Poco::UInt64>(record.size));
    body.set("layout", record.layout);
    body.set("proxyAbi", record.proxyAbi);
    body.set("url", url);
    return body;
}

} // namespace

Poco::JSON::Object ModuleDescription::of(const ModuleRequest& request, const ServedModule& served) const {
    auto record = _index->module(served.manifest).value_or(ModuleRecord());
    if (record.manifest.empty()) record.manifest = record.selectedManifest = served.manifest;
    record.module = served.module;
    record.size = served.content->size();
    const bool extension = request.kind == ModuleRequest::Kind::Extension;
    return describe(extension ? "extension" : "reference", request.text, record,
                    _publicUrl + pathOf(request, served.manifest));
}

Poco::JSON::Object ModuleDescription::of(const Reference& reference, const ModuleRecord& record) const {
    return describe("reference", reference.str(), record, _publicUrl + pathOf(reference, record.manifest));
}

AdminAnswer ModuleDescription::answer(ModuleService& modules, const ModuleRequest& wanted, const AdminRequest& request,
                                      const Caller& caller, std::chrono::milliseconds patience) const {
    AwaitedModule module;
    wanted.ask(modules, caller, module.callback());
    const auto result = module.wait(patience, *request.stop);
    if (!result)
        return AdminAnswer::of(Error(ErrorCode::DeadlineExceeded, wanted.text + " is still being pulled", "ask again"),
                               request.requestId);
    if (const auto* error = std::get_if<Error>(&*result)) return AdminAnswer::of(*error, request.requestId);
    return AdminAnswer::json(of(wanted, std::get<ServedModule>(*result)));
}

AdminAnswer ResolveEndpoint::operator()(const AdminRequest& request) const {
    ModuleRequest wanted;
    try {
        wanted = ModuleRequest::parse(request.parameter("ref"), request.parameter("extension"));
    } catch (const Refusal& refusal) {
        return AdminAnswer::refusal(refusal.status, refusal.code, refusal.message, request.requestId, refusal.hint);
    }
    return _description.answer(*_modules, wanted, request, {request.requestId, request.caller}, _patience);
}

} // namespace wasmproxy::host
