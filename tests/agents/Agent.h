// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fetch.h"
#include "HttpConnection.h"
#include "Service.h"

#include <functional>
#include <memory>
#include <random>
#include <string>

namespace wasmproxy::test {

/// The module that an agent was told to load.
struct WantedModule {
    std::string bytes;
    std::string sha256; ///< hex
    std::string repository;
    std::string tag;
    std::string digest; ///< of the manifest
};

/// Drives one Fetch over real connections, as Go's client does: a connection is used again where the peer keeps it, and
/// one that was found dead before its answer began is replaced without the Fetch's knowing.
class Agent {
public:
    struct Surroundings {
        Loop& loop;
        Link& link;
        const Service& service;
        const Service* tokens = nullptr; ///< where realms are reached
    };
    using Done = std::function<void(bool loaded, const std::string& why)>;

    Agent(const Surroundings& surroundings, const WantedModule& module, unsigned seed);

    void start(std::unique_ptr<Fetch> fetch, Done done); ///< once the one before is done
    int requests() const noexcept { return _requests; }

private:
    void follow(const Step& step);
    void send(bool fresh);

    Surroundings _surroundings;
    const WantedModule& _module;
    std::minstd_rand _random;
    std::unique_ptr<Fetch> _fetch;
    Done _done;
    std::unique_ptr<HttpConnection> _connection;
    int _requests = 0;
};

} // namespace wasmproxy::test
