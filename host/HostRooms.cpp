// SPDX-License-Identifier: Apache-2.0
#include "HostRooms.h"

#include "pull/IndexWrite.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

PullOptions optionsOf(const PullSettings& settings) {
    PullOptions options;
    options.hold = settings.hold;
    options.agentTimeout = settings.agentTimeout;
    options.agentRate = settings.agentRate.get();
    options.deadline = settings.deadline;
    options.secondLook = settings.secondLook;
    options.workers = settings.workers;
    options.workersPerRegistry = settings.workersPerRegistry;
    options.waiting = settings.waiting;
    return options;
}

DataPlaneOptions optionsOf(const DataplaneSettings& settings, const PullSettings& pull, FailureLog& failures) {
    DataPlaneOptions options;
    options.onError = [&failures](const std::string& asked, const std::string& caller, const std::string& requestId,
                                  const Error& error) {
        failures.requestRefused({asked, {}, {}, {caller}, requestId}, error);
    };
    options.listen = settings.listen;
    options.allowFrom = settings.allowFrom;
    options.threads = static_cast<unsigned>(settings.threads.get());
    options.connections = settings.connections;
    options.connectionsPerAddress = settings.connections;
    options.headerTimeout = settings.headerTimeout;
    options.idleTimeout = settings.idleTimeout;
    options.minSendRate = settings.minSendRate.get();
    options.bodies.enabled = settings.bodyBatches;
    options.bodies.always = settings.bodyBatch.get();
    // What is measured is never quite what will be.
    options.bodies.within =
        pull.agentTimeout.get() - std::min(std::chrono::milliseconds(2000), pull.agentTimeout.get() / 5);
    options.bodyHold = pull.hold;
    return options;
}

DigestIndexSettings indexSettings(const IndexSettings& settings) {
    return {settings.path, std::chrono::duration_cast<std::chrono::hours>(settings.accessRetention.get())};
}

} // namespace

Host::Rooms::Rooms(const Configuration& configuration)
    : index(indexSettings(configuration.settings.index)),
      stores(configuration, metrics, Components::Parts::Caches),
      cache(
          stores.tiers(),
          [this](const Digest& digest, std::uint64_t size) {
              writeIndex("shared cache", [&] { index.recordContent(digest, size); });
          },
          configuration.settings.pull.spareMemory.get()),
      pulls(index, cache, metrics, optionsOf(configuration.settings.pull)),
      dataPlane(optionsOf(configuration.settings.dataplane, configuration.settings.pull, pulls.failureLog()), pulls,
                metrics) {
    cache.whenDropped([this](const Digest& digest) { pulls.forgetHot(digest); });
}

} // namespace wasmproxy::host
