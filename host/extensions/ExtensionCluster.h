// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "extensions/ExtensionStatus.h"
#include "wasmproxy/kubernetes/ApiClient.h"
#include "wasmproxy/kubernetes/Watch.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::host {

/// Keeps the catalog's source "kubernetes" as the WasmExtension resources of one namespace are, and writes into their
/// status what became of them. While the API server is away, the Extensions that are known stay in force. Owns the
/// watch's thread and the status' one, and what both speak through: whoever tells an outcome may be its last holder.
class ExtensionCluster final : private kubernetes::WatchListener {
public:
    /// `catalog` outlives this. `url` makes the address of an Extension for its status, from name and
    /// manifest digest.
    ExtensionCluster(std::unique_ptr<HostServices> services, kubernetes::ClusterConfig config,
                     const std::string& nameSpace, ExtensionCatalog& catalog, ExtensionStatus::UrlOf urlOf,
                     const kubernetes::WatchTiming& timing = {});
    ~ExtensionCluster();

    void start(); ///< once
    /// For ExtensionCatalog::onOutcome().
    void outcome(const ExtensionCatalog::Entry& entry);

    static kubernetes::ApiResource resource(const std::string& nameSpace);
    /// All there are now, asked once. Throws Error.
    static std::vector<ExtensionDocument> list(Call& call, HostServices& services,
                                               const kubernetes::ClusterConfig& config, const std::string& nameSpace);

private:
    void listBegins() override { _listed.clear(); }
    void listed(const StrictJson& object) override;
    void listEnds() override;
    void changed(const StrictJson& object) override;
    void deleted(const StrictJson& object) override;
    void failed(const Error& error) override; // the Watch tells the log

    static ExtensionDocument read(const std::string& nameSpace, const StrictJson& object);
    void know(const StrictJson& object);
    void forget(const std::string& name);
    void publish();

    const std::string _nameSpace;
    const std::unique_ptr<HostServices> _services; // before all that uses it
    ExtensionCatalog& _catalog;
    std::map<std::string, ExtensionDocument> _documents; // by name; of the watch's thread
    std::map<std::string, ExtensionDocument> _listed;
    std::map<std::string, std::string> _uids; // by name
    bool _undefined = false;                  // said
    kubernetes::ApiClient _client;
    ExtensionStatus _status;
    kubernetes::Watch _watch;
};

} // namespace wasmproxy::host
