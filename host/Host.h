// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"

#include <memory>

namespace wasmproxy::host {

/// The composition root: builds every room in order, starts the listeners last, and takes all down in reverse.
class Host {
public:
    /// `configuration` was read without a problem and outlives the host.
    explicit Host(const Configuration& configuration);
    ~Host();

    /// Opens index and caches, then listens. Throws Error that names what could not be opened and what to do.
    void start();
    /// Readiness off, answers in progress are finished, then everything ends. `why` goes to the log.
    void stop(const char* why);

private:
    void startExtensions();

    struct Rooms;
    const Configuration& _configuration;
    std::unique_ptr<Rooms> _rooms;
};

} // namespace wasmproxy::host
