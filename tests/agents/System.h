// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fetch.h"
#include "Service.h"
#include "Upstream.h"
#include "support/HttpClient.h"

#include <deque>
#include <memory>

namespace wasmproxy::test {

/// What agents fetch from, in two replicas. Made for one fault and gone after it.
class System {
public:
    struct Options {
        bool pinned = false;       ///< the URL has the digest
        bool passwordRight = true; ///< whoever holds the registry's password
        bool throughFront = false; ///< the fault is upstream: agents that go to the registry themselves meet it, too
        std::string route = {};    ///< lines for wasm-proxy's route
    };

    virtual ~System() = default;
    virtual std::deque<Service::Endpoint> endpoints() const = 0;
    virtual std::unique_ptr<Fetch> fetch(const WantedModule& module, unsigned seed, bool again) const = 0;
    virtual void kill(int replica) = 0;    ///< SIGKILL
    virtual void restart(int replica) = 0; ///< SIGTERM, and up again with what it had; returns when it is ready
    virtual void drain() = 0;              ///< both end, and what they had cached is lost
    virtual void comeBack() = 0;           ///< both are started; returns when they are ready
    virtual void correctPassword() = 0;
    virtual bool correctionIsPushed() const { return false; } ///< agents hold the password, and fetch again
    virtual void serveOnce(const WantedModule& module) = 0;   ///< each replica, to somebody

    static constexpr const char* WrongPassword = "wrong";

protected:
    /// Throws unless that is the module.
    static void check(const HttpAnswer& answer, const WantedModule& module);
    /// What an agent asks a registry for.
    static std::unique_ptr<Fetch> pull(const WantedModule& module, unsigned seed, bool pinned, const std::string& user,
                                       const std::string& password);
};

std::unique_ptr<System> makeWasmProxies(Upstream& upstream, const System::Options& options);
std::unique_ptr<System> makeRegistry(Upstream& upstream, const System::Options& options);
std::unique_ptr<System> makePullThrough(Upstream& upstream, const System::Options& options);
/// wasm-proxy, registry or pull-through.
std::unique_ptr<System> makeSystem(const std::string& name, Upstream& upstream, const System::Options& options);

} // namespace wasmproxy::test
