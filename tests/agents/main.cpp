// SPDX-License-Identifier: Apache-2.0
// Pushes a WasmPlugin to a thousand simulated istio-agents while something goes wrong; see docs/agents.md.
#include "Play.h"

#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <sys/resource.h>

using namespace wasmproxy::test;

namespace {

constexpr int Usage = 64;

int usage(const std::string& problem) {
    std::cerr << problem
              << "\nusage: agents [--agents N] [--system NAME]... [--json FILE] [--pin] [--goal] [fault...]\n"
              << "  --system  wasm-proxy, registry, pull-through; all of them without it\n"
              << "  --pin     the agents alone on the last core\n"
              << "  --goal    exit status 1 if wasm-proxy left an agent in deny-all\nfaults:\n";
    std::vector<const Fault*> faults;
    for (const auto& fault : allFaults())
        faults.push_back(&fault);
    printFaults(std::cerr, faults);
    return Usage;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    PlayOptions options;
    std::vector<std::string> systems;
    std::vector<const Fault*> faults;
    std::string json;
    bool goal = false;
    for (int at = 1; at < argc; ++at) {
        const std::string word = argv[at];
        if (word == "--pin") {
            options.pin = true;
        } else if (word == "--goal") {
            goal = true;
        } else if (word == "--agents" || word == "--system" || word == "--json") {
            if (++at == argc) return usage(word + " needs a value");
            const std::string value = argv[at];
            if (word == "--system") systems.push_back(value);
            if (word == "--json") json = value;
            if (word != "--agents") continue;
            options.agents = std::atoi(value.c_str());
            if (options.agents < 1) return usage("--agents needs a number");
        } else {
            const auto before = faults.size();
            for (const auto& fault : allFaults())
                if (fault.name == word) faults.push_back(&fault);
            if (faults.size() == before) return usage("no such fault: " + word);
        }
    }
    if (systems.empty()) systems = {"wasm-proxy", "registry", "pull-through"};
    if (faults.empty())
        for (const auto& fault : allFaults())
            faults.push_back(&fault);

    try {
        if (options.pin) leaveAgentsTheirCore();
        Upstream upstream;
        std::cout << options.agents << " agents start within 1 s of the push. The faults; times count from the push:\n";
        printFaults(std::cout, faults);
        std::vector<ReportRow> rows;
        int denied = 0;
        for (const auto* fault : faults)
            for (const auto& system : systems) {
                rows.push_back(play(*fault, system, upstream, options));
                const auto& row = rows.back();
                if (system == "wasm-proxy") denied += row.result.denied;
                printProgress(std::cerr, row);
            }
        std::cout << "\n";
        printTable(std::cout, rows);
        if (!json.empty()) {
            std::ofstream file(json);
            printJson(file, rows);
            if (!file.flush()) throw std::runtime_error("cannot write " + json);
        }
        return goal && denied > 0 ? 1 : 0;
    } catch (const std::exception& error) {
        std::cerr << "FAILED: " << error.what() << "\n";
        return 1;
    }
}
