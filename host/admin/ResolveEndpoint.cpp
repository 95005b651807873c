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

} // namespace

std::string ModuleDescription::pinnedUrl(const Reference& reference, const Digest& manifest) const {
    return _publicUrl + pathOf(reference, manifest);
}

Poco::JSON::Object ModuleDescription::of(const ModuleRequest& request, const ServedModule& served) const {
    const auto record = _index->module(served.manifest);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set(request.kind == ModuleRequest::Kind::Extension ? "extension" : "reference", request.text);
    body.set("manifestDigest", served.manifest.str());
    body.set("selectedManifestDigest", record ? record->selectedManifest.str() : served.manifest.str());
    body.set("moduleSha256", std::string(served.module.hex()));
    body.set("size", static_cast<Poco::UInt64>(served.content->size()));
    body.set("layout", record ? record->layout : "");
    body.set("proxyAbi", record ? record->proxyAbi : "");
    body.set("url", _publicUrl + pathOf(request, served.manifest));
    return body;
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
