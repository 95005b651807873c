// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Reply.h"

#include <string>

namespace wasmproxy::redis {

/// What an error reply means, in words that are safe to log.
struct Refusal {
    static std::string codeOf(const Reply& reply); ///< "WRONGPASS"
    /// On one line, short, without the arguments that Redis repeats of a command that it does not know.
    static std::string textOf(const Reply& reply);
    static std::string hintOf(const Reply& reply); ///< what to do about it; may be empty
    /// The server cannot answer anybody at the moment: it starts, or has lost what it depends on.
    static bool isOutage(const Reply& reply);
    /// This connection leads to the wrong server, or is no longer whose it was: another may do better.
    static bool isMisled(const Reply& reply);
};

} // namespace wasmproxy::redis
