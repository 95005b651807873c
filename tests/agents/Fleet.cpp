// SPDX-License-Identifier: Apache-2.0
#include "Fleet.h"

#include <algorithm>
#include <cmath>

namespace wasmproxy::test {

std::optional<double> FleetResult::percentile(double part) const {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(part * agents)));
    if (rank > seconds.size()) return std::nullopt;
    return seconds[rank - 1];
}

Fleet::Fleet(const Options& options, const std::vector<WantedModule>& modules, const Service& service,
             const Service* tokens, MakeFetch makeFetch)
    : _options(options), _makeFetch(std::move(makeFetch)), _link(_loop, options.linkRate) {
    std::mt19937 random(options.seed);
    std::uniform_int_distribution<int> delay(0, static_cast<int>(options.spread.count()));
    for (int at = 0; at < options.agents; ++at) {
        const auto& module = modules[static_cast<std::size_t>(at) % modules.size()];
        const auto seed = static_cast<unsigned>(random());
        const Agent::Surroundings surroundings{_loop, _link, service, tokens};
        _members.push_back({Agent(surroundings, module, seed), module, seed, std::chrono::milliseconds(delay(random))});
    }
}

FleetResult Fleet::run(Loop::Clock::time_point push) {
    _push = push;
    _left = _result.agents = _options.agents;
    for (auto& member : _members)
        _loop.at(push + member.delay, [this, &member] { start(member); });
    _loop.run();
    std::sort(_result.seconds.begin(), _result.seconds.end());
    for (const auto& member : _members)
        _result.requests += member.agent.requests();
    return std::move(_result);
}

void Fleet::start(Member& member) {
    member.agent.start(_makeFetch(member.module, member.seed, member.again),
                       [this, &member](bool loaded, const std::string& why) { done(member, loaded, why); });
}

void Fleet::done(Member& member, bool loaded, const std::string& why) {
    if (loaded) {
        _result.seconds.push_back(std::chrono::duration<double>(Loop::Clock::now() - _push).count());
    } else {
        if (!member.denied) {
            ++_result.denied;
            ++_result.causes[why];
        }
        member.denied = true;
        if (_options.secondPush && !member.again) {
            member.again = true;
            const auto again = std::max(_push + *_options.secondPush + member.delay, Loop::Clock::now());
            _loop.at(again, [this, &member] { start(member); });
            return;
        }
        ++_result.deniedAtEnd;
    }
    if (--_left == 0) _loop.stop();
}

} // namespace wasmproxy::test
