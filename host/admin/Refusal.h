// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <string>
#include <vector>

namespace wasmproxy::host {

/// Thrown by what handles a request, where it is the request that is wrong.
struct Refusal {
    int status;
    std::string code;
    std::string message;
    std::string hint = {};

    static Refusal invalid(const std::string& message, const std::string& hint = {}) {
        return {400, "REQUEST_INVALID", message, hint};
    }
};

/// `handler`, with its Refusals as answers.
AdminHandler refusing(AdminHandler handler);

/// An answer with one error for each message.
AdminAnswer refuseAll(int status, const std::string& code, const std::vector<std::string>& messages,
                      const std::string& requestId);

} // namespace wasmproxy::host
