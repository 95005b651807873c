// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminOptions.h"
#include "admin/AdminRequest.h"
#include "admin/FailedAttempts.h"
#include "admin/TokenFile.h"

#include <memory>
#include <optional>

namespace wasmproxy::host {

struct AdminHead;

/// Who asks, and what he may do: by a bearer token, by the names in a verified client certificate, or, where neither is
/// configured, by being on loopback. Thread-safe.
class AdminAccess {
public:
    /// Throws Error{SettingsInvalid} where a token file cannot be used, or where anybody could come in.
    AdminAccess(const AdminOptions& options, bool loopback);

    /// Fills request.actor and request.role, or gives the refusal.
    std::optional<AdminAnswer> admit(const AdminHead& head, AdminRequest& request);
    bool open() const { return _open; } ///< whoever can connect may do everything

private:
    std::optional<AdminAnswer> byToken(const std::string& authorization, AdminRequest& request);
    bool byCertificate(const std::vector<std::string>& names, AdminRequest& request) const;
    AdminAnswer refused(const AdminRequest& request, const std::string& why, const char* error) const;

    std::unique_ptr<TokenFile> _readTokens;
    std::unique_ptr<TokenFile> _operateTokens;
    const std::vector<std::string> _readNames;
    const std::vector<std::string> _operateNames;
    bool _open = false;
    FailedAttempts _failures;
};

} // namespace wasmproxy::host
