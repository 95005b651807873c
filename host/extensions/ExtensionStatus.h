// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "wasmproxy/kubernetes/ApiClient.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace wasmproxy::host {

/// Writes the status of WasmExtension resources, each when what it says has changed, on a thread of its own. A refusal
/// for want of permission is logged once with the rule to add; the status is no condition of anything. Thread-safe.
class ExtensionStatus {
public:
    /// Where an Extension's module of that manifest is served; empty: not to be told.
    using UrlOf = std::function<std::string(const std::string& name, const Digest& manifest)>;

    /// `client` outlives this. `afterFailure`: before what could not be written is tried again.
    ExtensionStatus(kubernetes::ApiClient& client, kubernetes::ApiResource resource, UrlOf urlOf,
                    std::chrono::milliseconds afterFailure = std::chrono::seconds(10));
    ~ExtensionStatus(); ///< stop()

    /// Never waits. False: it says that already, or will.
    bool write(const std::string& name, const ExtensionOutcome& outcome);
    void repeat(const std::string& name); ///< what was written last, to a resource that was made anew
    void forget(const std::string& name); ///< the resource is gone
    void stop() noexcept;                 ///< what is not written by now stays unwritten

private:
    enum class End { Done, NotYet, NoAnswer };
    struct Said {
        std::string status;
        ExtensionOutcome outcome;
    };
    using Outcomes = std::map<std::string, ExtensionOutcome>; // by name

    void run();
    bool writeAll(Outcomes batch, std::unique_lock<std::mutex>& lock);
    End writeOne(const std::string& name, const ExtensionOutcome& outcome);
    void replaceStatus(const std::string& name, const std::string& status);
    void failed(const std::string& name, int status, const Error& error);
    std::string statusOf(const std::string& name, const ExtensionOutcome& outcome) const;

    static constexpr std::size_t MaxNames = 10000;

    kubernetes::ApiClient& _client;
    const kubernetes::ApiResource _resource;
    const UrlOf _urlOf;
    const std::chrono::milliseconds _afterFailure;
    std::atomic<bool> _stopping{false};
    std::mutex _mutex;
    std::condition_variable _wake;
    Outcomes _waiting;
    std::map<std::string, Said> _said;  // by name: what was written or waits
    std::optional<int> _failureInForce; // what the log was told last: the API server's status, or 0
    std::thread _thread;
};

} // namespace wasmproxy::host
