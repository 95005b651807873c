// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Agent.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// What became of one push.
struct FleetResult {
    int agents = 0;
    int denied = 0;                    ///< agents that put deny-all in place at some time
    int deniedAtEnd = 0;               ///< of those, whom no later push got out of it
    std::vector<double> seconds;       ///< from the push to the module, sorted; of those that have it
    std::map<std::string, int> causes; ///< why agents denied, and how many
    long requests = 0;

    /// Of all agents; nullopt: that agent never got it.
    std::optional<double> percentile(double part) const;
};

/// A thousand istio-agents that are pushed one WasmPlugin.
class Fleet {
public:
    using MakeFetch = std::function<std::unique_ptr<Fetch>(const WantedModule& module, unsigned seed, bool again)>;
    struct Options {
        int agents = 1000;
        std::chrono::milliseconds spread{1000}; ///< within which the push reaches them all
        double linkRate = 0;                    ///< bytes per second; 0: no limit
        /// A second push, so long after the first: those in deny-all fetch again, as a changed pull secret makes them.
        std::optional<std::chrono::milliseconds> secondPush;
        unsigned seed = 1;
    };

    /// Agents take `modules` in turn; all outlive it.
    Fleet(const Options& options, const std::vector<WantedModule>& modules, const Service& service,
          const Service* tokens, MakeFetch makeFetch);

    /// On this thread, until every agent is done.
    FleetResult run(Loop::Clock::time_point push);

private:
    struct Member {
        Agent agent;
        const WantedModule& module;
        unsigned seed;
        std::chrono::milliseconds delay;
        bool denied = false;
        bool again = false;
    };
    void start(Member& member);
    void done(Member& member, bool loaded, const std::string& why);

    const Options _options;
    MakeFetch _makeFetch;
    Loop _loop;
    Link _link;
    Loop::Clock::time_point _push;
    std::deque<Member> _members;
    int _left = 0;
    FleetResult _result;
};

} // namespace wasmproxy::test
