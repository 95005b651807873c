// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Knowledge.h"
#include "wasmproxy/kubernetes/Watch.h"

#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::kubernetes {

/// The imagePullSecrets of one service account, followed. Thread-safe.
class AccountWatch final : private WatchListener {
public:
    AccountWatch(ApiClient& client, const std::string& nameSpace, const std::string& name, const WatchTiming& timing);

    bool await(const Call& call, Call::Clock::time_point until) { return _knowledge.await(call, until, _watch); }
    Error whyUnknown() const { return _knowledge.whyNot(_title); }
    std::vector<std::string> names() const; ///< of the Secrets, in the account's order

private:
    void listBegins() override { _listing.clear(); }
    void listed(const StrictJson& object) override { _listing = namesIn(object); }
    void listEnds() override { publish(_listing); }
    void changed(const StrictJson& object) override { publish(namesIn(object)); }
    void deleted(const StrictJson&) override { publish({}); }
    void failed(const Error& error) override { _knowledge.failed(error); }

    std::vector<std::string> namesIn(const StrictJson& object) const;
    void publish(std::vector<std::string> names);

    HostServices& _host;
    const std::string _name;
    const std::string _title;
    Knowledge _knowledge;
    std::vector<std::string> _listing; // of the Watch's thread alone
    mutable std::mutex _mutex;
    std::vector<std::string> _names;
    Watch _watch; // last: its thread uses the others
};

} // namespace wasmproxy::kubernetes
