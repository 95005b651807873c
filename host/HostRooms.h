// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Components.h"
#include "Generation.h"
#include "Host.h"
#include "admin/AdminServer.h"
#include "admin/HealthServer.h"
#include "admin/Jobs.h"
#include "dataplane/DataPlane.h"
#include "eviction/Evictor.h"
#include "eviction/Scrubber.h"
#include "extensions/ExtensionCluster.h"
#include "extensions/ExtensionDirectory.h"
#include "loading/PluginDirectoryWatch.h"
#include "pull/Prefetch.h"
#include "pull/PullService.h"

#include <atomic>
#include <mutex>

namespace wasmproxy::host {

/// In the order they are built; destroyed in reverse.
struct Host::Rooms {
    explicit Rooms(const Configuration& configuration);

    Generation::Shared shared() { return {metrics, cache, index, memory, extensions}; }
    std::shared_ptr<Generation> current() {
        const std::lock_guard<std::mutex> lock(mutex);
        return generation;
    }

    Metrics metrics;
    DigestIndex index;
    Components stores;
    CacheTiers cache;
    CredentialMemory memory;
    ExtensionCatalog extensions;
    std::mutex mutex; // the next two
    std::shared_ptr<Generation> generation;
    std::vector<std::shared_ptr<Generation>> retired; ///< until nobody holds them; ended by tidy(), never by a loop
    std::mutex reloading;
    std::string seenFile;               ///< the identity of the configuration's file when it was read
    std::unique_ptr<Prefetch> prefetch; ///< before what answers it: that must end first
    PullService pulls;
    DataPlane dataPlane;
    std::shared_ptr<ExtensionDirectory> extensionFiles;   // by std::atomic_load and atomic_store
    std::shared_ptr<ExtensionCluster> extensionResources; // by std::atomic_load and atomic_store
    std::unique_ptr<Evictor> evictor;
    std::unique_ptr<Scrubber> scrubber;
    Jobs jobs;
    std::unique_ptr<HealthServer> health;
    std::unique_ptr<AdminServer> admin;
    std::atomic<bool> ready{false};
    std::unique_ptr<PluginDirectoryWatch> pluginFiles; ///< last: it reloads
};

} // namespace wasmproxy::host
