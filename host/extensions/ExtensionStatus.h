// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "wasmproxy/kubernetes/ApiClient.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace wasmproxy::host {

/// Writes the status of WasmExtension resources, each when what it says has changed, on a thread of its own. A refusal
/// for want of permission is logged once with the rule to add; the status is no condition of anything. Thread-safe.
class ExtensionStatus {
public:
    /// Where an Extension's module of that manifest is served; empty: not to be told.
    using UrlOf = std::function<std::string(const std::string& name, const Digest& manifest)>;

    /// `client` outlives this.
    ExtensionStatus(kubernetes::ApiClient& client, kubernetes::ApiResource resource, UrlOf urlOf);
    ~ExtensionStatus(); ///< stop()

    /// Never waits. False: it says that already, or will.
    bool write(const std::string& name, const ExtensionOutcome& outcome);
    void stop() noexcept; ///< what is not written by now stays unwritten

private:
    void run();
    bool writeOne(const std::string& name, const ExtensionOutcome& outcome);
    std::string statusOf(const std::string& name, const ExtensionOutcome& outcome) const;

    static constexpr std::size_t MaxNames = 10000;

    kubernetes::ApiClient& _client;
    const kubernetes::ApiResource _resource;
    const UrlOf _urlOf;
    std::atomic<bool> _stopping{false};
    std::mutex _mutex;
    std::condition_variable _wake;
    std::map<std::string, ExtensionOutcome> _waiting;
    std::map<std::string, std::string> _said; // by name: the status that was written or waits
    std::string _failure;                     // what the log was told last
    std::thread _thread;
};

} // namespace wasmproxy::host
