// SPDX-License-Identifier: Apache-2.0
#include "admin/ResolveEndpoint.h"

#include "admin/StopSignal.h"
#include "index/DigestIndex.h"
#include "pull/ModuleService.h"

#include <Poco/Base64Encoder.h>
#include <Poco/JSON/Object.h>
#include <Poco/String.h>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <sstream>

namespace wasmproxy::host {

namespace {

/// Where the callback leaves its result; outlives whichever of the two goes first.
struct Result {
    void set(ModuleResult result) {
        {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!value) value.emplace(std::move(result));
        }
        changed.notify_all();
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::optional<ModuleResult> value;
};

std::string base64Url(const std::string& text) {
    std::ostringstream out;
    Poco::Base64Encoder encoder(out, Poco::BASE64_URL_ENCODING | Poco::BASE64_NO_PADDING);
    encoder.rdbuf()->setLineLength(0);
    encoder << text;
    encoder.close();
    return out.str();
}

} // namespace

AdminAnswer ResolveEndpoint::operator()(const AdminRequest& request) const {
    std::string text = request.parameter("ref");
    if (Poco::icompare(text, 0, 6, "oci://") == 0) text.erase(0, 6);
    if (text.empty())
        return AdminAnswer::refusal(400, "REQUEST_INVALID", "give a reference: ?ref=oci://host/repository:tag",
                                    request.requestId);
    const Reference reference = Reference::parse(text);

    const auto result = std::make_shared<Result>();
    const StopSignal::Subscription onStop(*request.stop,
                                          [result] { result->set(Error(ErrorCode::Busy, "the proxy is stopping")); });
    _modules->byReference(reference, {}, {request.requestId, request.caller},
                          [result](ModuleResult given) { result->set(std::move(given)); });
    std::unique_lock<std::mutex> lock(result->mutex);
    if (!result->changed.wait_for(lock, _patience, [&] { return result->value.has_value(); }))
        return AdminAnswer::of(
            Error(ErrorCode::DeadlineExceeded, reference.str() + " is still being pulled", "ask again"),
            request.requestId);
    if (const auto* error = std::get_if<Error>(&*result->value)) return AdminAnswer::of(*error, request.requestId);

    const auto& served = std::get<ServedModule>(*result->value);
    const auto record = _index->module(served.manifest);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    body.set("reference", reference.str());
    body.set("manifestDigest", served.manifest.str());
    body.set("selectedManifestDigest", record ? record->selectedManifest.str() : served.manifest.str());
    body.set("moduleSha256", std::string(served.module.hex()));
    body.set("size", static_cast<Poco::UInt64>(served.content->size()));
    body.set("layout", record ? record->layout : "");
    body.set("proxyAbi", record ? record->proxyAbi : "");
    body.set("url", _publicUrl + "/fetch/" + base64Url("oci://" + reference.pinned(served.manifest).str()));
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
