// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/aws/AwsCredentials.h"
#include "wasmproxy/plugin/HostServices.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace wasmproxy::aws {

/// The credentials in force, for who signs many requests: looked for again after a minute, or ten minutes before their
/// end where they say one. One thread looks while the others go on with what there is; while looking fails, that
/// serves to its end. Thread-safe.
class HeldCredentials {
public:
    /// Throws Error where there are none, or they cannot be had.
    using Find = std::function<AwsCredentials(Call&)>;

    HeldCredentials(HostServices& host, Find find) : _host(host), _find(std::move(find)) {}

    /// Never null. Throws what looking threw, or Error{DeadlineExceeded}.
    std::shared_ptr<const AwsCredentials> get(Call& call);
    /// They were not accepted. Others than those, if there are any by now, else nullptr.
    std::shared_ptr<const AwsCredentials> insteadOf(Call& call, const AwsCredentials& refused);

private:
    using Lock = std::unique_lock<std::mutex>;
    bool alive() const;
    void look(Call& call, Lock& lock);

    HostServices& _host;
    const Find _find;
    std::mutex _mutex; ///< all below
    std::condition_variable _found;
    std::shared_ptr<const AwsCredentials> _held;
    Call::Clock::time_point _lookAgain{};
    bool _looking = false;
    bool _complained = false;
};

} // namespace wasmproxy::aws
