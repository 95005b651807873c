// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionCluster.h"

#include "extensions/ExtensionReader.h"
#include "observe/Log.h"
#include "wasmproxy/kubernetes/ApiError.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::milliseconds LongestPause{10000}; // before a status is written again

std::string nameOf(const StrictJson& object) {
    return object.at("metadata").stringOr("name", "");
}

} // namespace

kubernetes::ApiResource ExtensionCluster::resource(const std::string& nameSpace) {
    return {"extension.wasmproxy.io", "v1alpha1", nameSpace, "wasmextensions"};
}

ExtensionCluster::ExtensionCluster(std::unique_ptr<HostServices> services, kubernetes::ClusterConfig config,
                                   const std::string& nameSpace, ExtensionCatalog& catalog,
                                   ExtensionStatus::UrlOf urlOf, const kubernetes::WatchTiming& timing)
    : _nameSpace(nameSpace),
      _services(std::move(services)),
      _catalog(catalog),
      _client(*_services, std::move(config)),
      _status(_client, resource(nameSpace), std::move(urlOf), std::min(timing.longestDelay, LongestPause)),
      _watch(_client, resource(nameSpace), {}, *this, timing) {}

std::vector<ExtensionDocument> ExtensionCluster::list(Call& call, HostServices& services,
                                                      const kubernetes::ClusterConfig& config,
                                                      const std::string& nameSpace) {
    std::vector<ExtensionDocument> documents;
    kubernetes::ApiClient(services, config).list(call, resource(nameSpace), {}, [&](const StrictJson& object) {
        documents.push_back(read(nameSpace, object));
    });
    return documents;
}

void ExtensionCluster::start() {
    _watch.start();
}

ExtensionCluster::~ExtensionCluster() {
    _watch.stop();
    _status.stop();
}

void ExtensionCluster::outcome(const ExtensionCatalog::Entry& entry) {
    if (entry.source == "kubernetes") _status.write(entry.document.name, entry.outcome);
}

void ExtensionCluster::listed(const StrictJson& object) {
    know(object);
    _listed.insert_or_assign(nameOf(object), read(_nameSpace, object));
}

void ExtensionCluster::listEnds() {
    for (const auto& [name, document] : _documents)
        if (!_listed.count(name)) forget(name);
    _documents = std::move(_listed);
    _listed.clear();
    _undefined = false;
    publish();
}

void ExtensionCluster::changed(const StrictJson& object) {
    know(object);
    _documents.insert_or_assign(nameOf(object), read(_nameSpace, object));
    publish();
}

void ExtensionCluster::deleted(const StrictJson& object) {
    const auto name = nameOf(object);
    _documents.erase(name);
    publish();
    forget(name);
}

void ExtensionCluster::failed(const Error& error) {
    const auto* answer = dynamic_cast<const kubernetes::ApiError*>(&error);
    if (!answer || !answer->absent() || _undefined) return;
    _undefined = true;
    log(LogLevel::Warning, "the API server does not know WasmExtension resources",
        {{"hint", "apply packaging/kubernetes/wasmextensions.yaml; they are taken once it is there"}});
}

/// One that was deleted and made anew while nobody looked has no status.
void ExtensionCluster::know(const StrictJson& object) {
    auto uid = object.at("metadata").stringOr("uid", "");
    auto& known = _uids[nameOf(object)];
    if (!known.empty() && known != uid) _status.repeat(nameOf(object));
    known = std::move(uid);
}

void ExtensionCluster::forget(const std::string& name) {
    _uids.erase(name);
    _status.forget(name);
}

ExtensionDocument ExtensionCluster::read(const std::string& nameSpace, const StrictJson& object) {
    const auto name = nameOf(object);
    const auto origin = nameSpace + "/" + name;
    // Items of a list have neither kind nor apiVersion, and what Kubernetes keeps about them is not the document's.
    const auto spec = object.find("spec");
    const std::string text = "{\"apiVersion\":\"extension.wasmproxy.io/v1alpha1\",\"kind\":\"WasmExtension\","
                             "\"metadata\":{\"name\":\"" +
                             name + "\"}" + (spec ? ",\"spec\":" + spec->str() : "") + "}";
    auto documents = readExtensions(text, DocumentFormat::Json, origin);
    if (documents.size() != 1) return {name, origin, nullptr, {{"", "it is no WasmExtension"}}};
    return std::move(documents.front());
}

void ExtensionCluster::publish() {
    std::vector<ExtensionDocument> documents;
    for (const auto& [name, document] : _documents)
        documents.push_back(document);
    _catalog.replace("kubernetes", std::move(documents));
    for (const auto& [name, document] : _documents) {
        if (document.problems.empty()) continue;
        ExtensionOutcome outcome;
        for (const auto& problem : document.problems)
            outcome.error += (outcome.error.empty() ? "" : "; ") + problem.field + ": " + problem.message;
        if (_status.write(name, outcome))
            log(LogLevel::Warning, "extension refused", {{"extension", document.origin}, {"cause", outcome.error}});
    }
}

} // namespace wasmproxy::host
