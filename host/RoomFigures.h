// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Generation.h"
#include "admin/Jobs.h"
#include "eviction/Evictor.h"
#include "observe/AskedFigures.h"
#include "pull/Prefetch.h"
#include "pull/PullService.h"

namespace wasmproxy::host {

/// Asks the rooms for the figures that nobody keeps, each time somebody reads the metrics. Blocks on no disk. Used by
/// several threads at once.
class RoomFigures {
public:
    struct Rooms {
        const PullService& pulls;
        const DigestIndex& index;
        const CacheTiers& cache;
        const CredentialMemory& memory;
        const ExtensionCatalog& extensions;
        const PluginCatalog& plugins;
        const Evictor& evictor;
        const Jobs* jobs;         ///< nullptr: there are none yet
        const Prefetch* prefetch; ///< nullptr: there is none yet
    };

    explicit RoomFigures(const Rooms& rooms) : _rooms(rooms) {}

    /// `now`: the configuration in force.
    void ask(const Generation& now, AskedFigures& figures) const;

private:
    void askCache(AskedFigures& figures) const;
    void askTags(const RouteTable& routes, AskedFigures& figures) const;
    void askCredentials(const Keychain& keychain, AskedFigures& figures) const;
    void askStates(AskedFigures& figures) const;

    const Rooms _rooms;
};

} // namespace wasmproxy::host
