// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/BodyAdmission.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy {
class Error;
}

namespace wasmproxy::host {

class Metrics;
class ModuleService;

struct DataPlaneOptions {
    std::string listen = "127.0.0.1:8080"; ///< address and port; `[::]:8080` for IPv6; port 0: any free one
    std::vector<std::string> allowFrom{"127.0.0.0/8", "::1/128"}; ///< networks that may ask
    unsigned threads = 0;                                         ///< event loops; 0: one per core
    std::size_t connections = 16384;                              ///< open at the same time, in all
    std::size_t connectionsPerAddress = 16384;                    ///< of those, from one address
    std::chrono::milliseconds headerTimeout{5000};   ///< from a request's first byte to the end of its head
    std::chrono::milliseconds idleTimeout{60000};    ///< without a request
    std::uint64_t minSendRate = 16 * 1024;           ///< bytes per second that a client must take …
    std::chrono::milliseconds sendRateWindow{10000}; ///< … over this long
    std::chrono::milliseconds waitLimit{60000};      ///< for an answer of the ModuleService
    BodyAdmission::Limits bodies;                    ///< which large bodies may begin
    std::chrono::milliseconds bodyHold{12000};       ///< how long one waits for that, from its request on
    /// Told of each request that is answered with an error, on its loop: at once, please. May be empty.
    std::function<void(const std::string& asked, const std::string& caller, const std::string& requestId,
                       const Error& error)>
        onError = {};
};

/// Serves modules over HTTP/1.1 to proxies: `/fetch/<base64 of oci://…>` and `/modules/sha256/<hex>.wasm`. One event
/// loop per thread; loops never block and answer what the ModuleService has at hand without leaving their thread.
class DataPlane {
public:
    /// Throws Error{SettingsInvalid} for a malformed address or network. `modules` and `metrics` outlive this object;
    /// callbacks that the ModuleService still holds then may come at any time after it, and do nothing.
    DataPlane(DataPlaneOptions options, ModuleService& modules, Metrics& metrics);
    ~DataPlane(); ///< stop()

    /// Binds and starts the loops. Throws Error{SettingsInvalid} that names the address.
    void start();
    std::uint16_t port() const; ///< that start() bound
    /// Closes the listener; who is already connected is still served.
    void stopAccepting();
    /// stopAccepting(), closes idle connections and waits until all answers in progress have been sent, each with
    /// `Connection: close`. False: some were not within `limit`.
    bool drain(std::chrono::milliseconds limit);
    /// Cuts every connection and joins the loops. Not from a loop's thread.
    void stop();

private:
    struct State;
    std::unique_ptr<State> _state;
};

} // namespace wasmproxy::host
