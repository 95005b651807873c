// SPDX-License-Identifier: Apache-2.0
#include "Play.h"

#include <algorithm>
#include <exception>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

using Clock = Loop::Clock;

constexpr std::chrono::milliseconds Lead{1000}; // between the first event and now

int lastCore() {
    return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)) - 1;
}

} // namespace

void leaveAgentsTheirCore() {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int core = 0; core < std::max(1, lastCore()); ++core)
        CPU_SET(core, &cores);
    ::sched_setaffinity(0, sizeof(cores), &cores);
}

ReportRow play(const Fault& fault, const std::string& name, Upstream& upstream, const PlayOptions& options) {
    std::vector<WantedModule> modules;
    for (int at = 0; at < fault.modules; ++at)
        modules.push_back(upstream.publish(fault.name, fault.moduleBytes));
    const auto system = makeSystem(name, upstream, fault.system);
    upstream.front.forget();

    Fleet::Options fleetOptions;
    fleetOptions.agents = options.agents;
    fleetOptions.linkRate = fault.linkRate;
    if (fault.corrected.count() > 0 && system->correctionIsPushed()) fleetOptions.secondPush = fault.corrected;
    const Service service(system->endpoints());
    const Service tokens(std::deque<Service::Endpoint>{{upstream.front.port()}});
    Fleet fleet(fleetOptions, modules, service, &tokens, [&](const WantedModule& module, unsigned seed, bool again) {
        return system->fetch(module, seed, again);
    });

    auto first = std::chrono::milliseconds(0);
    for (const auto& event : fault.events)
        first = std::min(first, event.at);
    Fault::Scene scene{upstream, *system, modules, Clock::now() + Lead - first};
    ReportRow row{&fault, name, {}, 0};
    std::exception_ptr failure;
    std::thread agents([&] {
        if (options.pin) {
            cpu_set_t core;
            CPU_ZERO(&core);
            CPU_SET(lastCore(), &core);
            ::sched_setaffinity(0, sizeof(core), &core);
        }
        try {
            row.result = fleet.run(scene.push);
        } catch (...) {
            failure = std::current_exception();
        }
    });
    try {
        for (const auto& event : fault.events) {
            std::this_thread::sleep_until(scene.push + event.at);
            event.deed(scene);
        }
    } catch (...) {
        agents.join();
        upstream.front.pass();
        throw;
    }
    agents.join();
    row.upstreamRequests = upstream.front.requests();
    upstream.front.pass();
    if (failure) std::rethrow_exception(failure);
    return row;
}

} // namespace wasmproxy::test
