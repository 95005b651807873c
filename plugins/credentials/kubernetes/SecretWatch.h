// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Knowledge.h"
#include "PullSecret.h"
#include "wasmproxy/kubernetes/Watch.h"

#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::kubernetes {

/// Some Secrets of one namespace, followed; of each only the credentials are kept. What was read stays in force while
/// the API server cannot be asked. Thread-safe.
class SecretWatch final : private WatchListener {
public:
    enum class Use { ByName, Everywhere }; ///< Everywhere: for every repository they name, so the log says what is odd

    SecretWatch(ApiClient& client, const std::string& nameSpace, const Selection& selection, Use use,
                const WatchTiming& timing);

    /// Waits for the first list; false: it is not there, see whyUnknown().
    bool await(const Call& call, Call::Clock::time_point until) { return _knowledge.await(call, until, _watch); }
    Error whyUnknown() const { return _knowledge.whyNot(title()); }
    bool refused() const { return _knowledge.refused(); } ///< that is why: permission is wanting
    std::shared_ptr<const PullSecrets> secrets() const;

private:
    void listBegins() override;
    void listed(const StrictJson& object) override;
    void listEnds() override;
    void changed(const StrictJson& object) override;
    void deleted(const StrictJson& object) override;
    void failed(const Error& error) override { _knowledge.failed(error); }

    void read(const StrictJson& object, PullSecrets& into);
    void publish(PullSecrets secrets);
    std::string title() const;

    HostServices& _host;
    const std::string _nameSpace;
    const Selection _selection;
    const Use _use;
    Knowledge _knowledge;
    PullSecrets _listing;     // of the Watch's thread alone
    bool _saidAbsent = false; // that too
    mutable std::mutex _mutex;
    std::shared_ptr<const PullSecrets> _secrets;
    Watch _watch; // last: its thread uses the others
};

} // namespace wasmproxy::kubernetes
