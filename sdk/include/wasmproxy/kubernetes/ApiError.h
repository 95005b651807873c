// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::kubernetes {

/// What an API server answered instead of what was asked for: a Status. It stays inside a plugin or the host; what
/// crosses a seam is an Error made of it.
class ApiError : public Error {
public:
    ApiError(ErrorCode code, const std::string& message, std::string hint, int status, std::string reason)
        : Error(code, message, std::move(hint)), _status(status), _reason(std::move(reason)) {}

    int status() const noexcept { return _status; }                ///< HTTP status, or the `code` of an ERROR event
    const std::string& reason() const noexcept { return _reason; } ///< "Forbidden", "Expired", …; may be empty

    bool forbidden() const noexcept { return _status == 403; }
    bool absent() const noexcept { return _status == 404; }
    /// The resource version (or `continue`) that was asked for is gone: list again.
    bool expired() const noexcept { return _status == 410 || _reason == "Expired" || _reason == "Gone"; }

private:
    int _status;
    std::string _reason;
};

} // namespace wasmproxy::kubernetes
