// SPDX-License-Identifier: Apache-2.0
// What other clients get from a server that many hold on to.
//   held_clients half COUNT PORT PATH PID   COUNT requests without an end are held; how long does a good one take?
//   held_clients busy COUNT PORT PATH PID   COUNT clients ask again and again for 5 s; how many were ever answered?
// PID is the server's, for its threads and memory meanwhile.
#include "support/RawClient.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <vector>

namespace {

using wasmproxy::host::test::RawClient;
using Clock = std::chrono::steady_clock;

constexpr int GoodLimit = 20000; // ms
constexpr std::chrono::seconds BusyTime(5);

/// A line of /proc/PID/status, without its name.
std::string statusOf(const std::string& pid, const std::string& name) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.compare(0, name.size() + 1, name + ":") == 0)
            return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    return "?";
}

std::string requestOf(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
}

bool readable(const RawClient& client, int milliseconds) {
    pollfd waiting{client.descriptor(), POLLIN, 0};
    return ::poll(&waiting, 1, milliseconds) == 1;
}

void holdHalf(int count, std::uint16_t port, const std::string& path, const std::string& pid) {
    std::vector<RawClient> held;
    for (int i = 0; i < count; ++i) {
        held.emplace_back(port);
        held.back().send("GET " + path + " HTTP/1.1\r\nHost: bench\r\nX-Half: ");
    }
    const auto start = Clock::now();
    RawClient good(port);
    good.send(requestOf(path));
    if (!readable(good, GoodLimit)) {
        std::cout << "no answer within " << GoodLimit / 1000 << " s";
    } else if (good.answer().status() != 200) {
        std::cout << "not answered with 200";
    } else {
        const std::chrono::duration<double, std::milli> took = Clock::now() - start;
        std::cout.precision(1);
        std::cout << std::fixed << took.count() << " ms";
    }
    std::cout << "; " << statusOf(pid, "Threads") << " threads, " << statusOf(pid, "VmRSS") << " resident\n";
}

void askBusily(int count, std::uint16_t port, const std::string& path, const std::string& pid) {
    std::vector<RawClient> clients;
    std::vector<pollfd> waiting;
    for (int i = 0; i < count; ++i) {
        clients.emplace_back(port);
        clients.back().send(requestOf(path));
        waiting.push_back({clients.back().descriptor(), POLLIN, 0});
    }
    std::vector<bool> served(clients.size());
    const auto end = Clock::now() + BusyTime;
    while (Clock::now() < end) {
        if (::poll(waiting.data(), waiting.size(), 100) <= 0) continue;
        for (std::size_t i = 0; i < clients.size(); ++i) {
            if (waiting[i].revents == 0) continue;
            if (clients[i].answer().status() != 200) throw std::runtime_error("an answer is not 200");
            served[i] = true;
            clients[i].send(requestOf(path));
        }
    }
    std::cout << std::count(served.begin(), served.end(), true) << " of " << count << " clients answered within "
              << BusyTime.count() << " s; " << statusOf(pid, "Threads") << " threads, " << statusOf(pid, "VmRSS")
              << " resident\n";
}

} // namespace

int main(int count, char** arguments) {
    const std::string mode = count == 6 ? arguments[1] : "";
    if (mode != "half" && mode != "busy") {
        std::cerr << "usage: held_clients half|busy COUNT PORT PATH PID\n";
        return 64;
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    try {
        const auto run = mode == "half" ? holdHalf : askBusily;
        run(std::stoi(arguments[2]), static_cast<std::uint16_t>(std::stoi(arguments[3])), arguments[4], arguments[5]);
    } catch (const std::exception& error) {
        std::cerr << "held_clients: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
