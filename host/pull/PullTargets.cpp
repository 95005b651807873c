// SPDX-License-Identifier: Apache-2.0
#include "pull/PullTargets.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr const char* SwitchedOff = "Extensions are switched off: [mesh] enable-wasm-download-proxy = false";

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
    throw Error(ErrorCode::RouteUnknown, message, hint);
}

} // namespace

PullTarget PullTargets::byReference(const Reference& reference, const std::string& secret) const {
    if (auto target = ofExtensions(_extensions.byReference(reference), secret)) return std::move(*target);
    if (!secret.empty())
        refuse("no Extension has the url oci://" + reference.str() + " and the imagePullSecret " + secret,
               _extensions.enabled() ? "?secret= chooses among Extensions of one url only" : SwitchedOff);
    if (auto route = _routes.find(reference.repository())) return {reference, std::move(route)};
    refuse("no route serves " + reference.repository().str(),
           "add a [route.NAME] with match = " + reference.repository().host() +
               "/**, or a WasmExtension with this url");
}

PullTarget PullTargets::byUrl(const std::string& url, const std::string& secret) const {
    if (auto target = ofExtensions(_extensions.byUrl(url), secret)) return std::move(*target);
    refuse("no Extension has this http(s) url" + (secret.empty() ? "" : " and the imagePullSecret " + secret),
           _extensions.enabled() ? "http(s) urls are served only where a WasmExtension has exactly them" : SwitchedOff);
}

PullTarget PullTargets::byExtension(const std::string& name) const {
    if (!_extensions.enabled())
        refuse("Extension " + name + " is not served: Extensions are switched off", SwitchedOff);
    const auto extension = _extensions.find(name);
    if (!extension)
        refuse("there is no Extension " + name + " in force",
               "/api/v1/extensions lists all documents and their faults");
    return of(extension);
}

std::optional<PullTarget> PullTargets::byManifest(const Repository& repository, const Digest& manifest) const {
    const Reference reference(repository, {}, manifest);
    if (auto route = _routes.find(repository)) return PullTarget{reference, std::move(route)};
    const auto extensions = _extensions.byRepository(repository);
    if (extensions.empty() || !_extensions.enabled()) return std::nullopt;
    auto target = of(extensions.front());
    target.reference = reference;
    return target;
}

std::optional<PullTarget> PullTargets::ofExtensions(const Extensions& candidates, const std::string& secret) const {
    if (!_extensions.enabled()) return std::nullopt;
    const auto chosen = std::find_if(candidates.begin(), candidates.end(), [&](const auto& each) {
        return secret.empty() || each->imagePullSecret == secret;
    });
    if (chosen == candidates.end()) return std::nullopt;
    return of(*chosen);
}

PullTarget PullTargets::of(const std::shared_ptr<const Extension>& extension) const {
    const auto& repository = extension->reference.repository();
    auto route = extension->httpUrl.empty() ? _routes.find(repository) : nullptr;
    if (!route) route = _unrouted(repository);
    return {extension->reference, std::move(route), extension, extension->sha256};
}

} // namespace wasmproxy::host
