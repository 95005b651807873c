// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"
#include "admin/PluginsEndpoint.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// What came of a reload.
struct ReloadReport {
    bool applied = false;                   ///< false: the configuration before is still in force
    std::uint64_t generation = 1;           ///< of the configuration in force
    std::vector<SettingsProblem> problems;  ///< why it was not
    std::vector<std::string> restartNeeded; ///< keys that changed and count only after a restart
};

/// The composition root: builds every room in order, starts the listeners last, and takes all down in reverse. One
/// thread but for reload().
class Host {
public:
    /// Where the configuration comes from, and comes from again.
    struct Source {
        std::string path;
        std::vector<std::string> environment;
    };

    /// `configuration` was read from `source` without a problem.
    Host(std::shared_ptr<const Configuration> configuration, Source source);
    ~Host();

    /// Opens index and caches, then listens. Throws Error that names what could not be opened and what to do.
    void start();
    /// Reads the source whole, checks it whole, and puts it in force at once and whole, or not at all. Requests that
    /// wait go on with what they began with. `why` goes to the log. Any thread.
    ReloadReport reload(const std::string& why);
    /// To be called every few seconds by the thread that waits: ends configurations that nobody uses any more, and
    /// reloads a file that has changed, if that was asked for.
    void tidy();
    /// Readiness off, answers in progress are finished, then everything ends. `why` goes to the log.
    void stop(const char* why);

private:
    struct Rooms;
    std::vector<PluginsEndpoint::Use> pluginUses() const;
    void useSettings(const Configuration& configuration, const Configuration* before);
    void startExtensions(const Configuration& configuration, const Configuration* before);
    std::vector<SettingsProblem> validate(const std::string& ini) const;
    void addEndpoints();
    std::string fileIdentity() const;

    std::shared_ptr<const Configuration> _first;
    const Source _source;
    std::unique_ptr<Rooms> _rooms;
};

} // namespace wasmproxy::host
