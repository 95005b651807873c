// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "System.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// One thing that goes wrong around a push. Times count from the push; the agents start within a second of it.
struct Fault {
    struct Scene {
        Upstream& upstream;
        System& system;
        const std::vector<WantedModule>& modules;
        Loop::Clock::time_point push;
    };
    using Deed = std::function<void(Scene&)>;
    struct Event {
        std::chrono::milliseconds at; ///< before the push: negative
        Deed deed;
    };

    std::string name;
    std::string title; ///< as in the table
    std::string when;  ///< exactly what happens
    std::vector<Event> events = {};
    System::Options system = {};
    std::size_t moduleBytes = 1 << 20;
    int modules = 1;
    double linkRate = 0;
    std::chrono::milliseconds corrected{0}; ///< the agents' own password, if they hold one
};

const std::vector<Fault>& allFaults();

} // namespace wasmproxy::test
