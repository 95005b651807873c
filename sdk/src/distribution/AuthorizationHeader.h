// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"
#include "wasmproxy/plugin/Secret.h"

#include <string>
#include <string_view>

namespace wasmproxy {

/// Can it stand after `Bearer `: printable ASCII without spaces, not empty?
bool isHeaderToken(std::string_view token);
/// `Basic …`.
Secret basicHeader(const std::string& user, const Secret& password);
/// `Bearer …`. A token that cannot stand in a header throws Error{CredentialRefused}; `whose` names it there.
Secret bearerHeader(const Secret& token, const std::string& whose);

/// A request whose secrets are wiped when it has been sent.
struct WipedRequest : HttpRequest {
    WipedRequest() = default;
    WipedRequest(const WipedRequest&) = delete;
    WipedRequest& operator=(const WipedRequest&) = delete;
    ~WipedRequest();
    /// Adds the `Authorization` header unless it is empty.
    void authorize(const Secret& header);
};

} // namespace wasmproxy
